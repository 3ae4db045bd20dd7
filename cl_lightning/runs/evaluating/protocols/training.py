"""What the protocols that train have in common: their words."""

from argparse import ArgumentParser

from cl_lightning.blueprints import ConfigError


def add_words_of_training(parser: ArgumentParser, seeds: int) -> None:
    """Add the options of all protocols that train."""
    parser.add_argument(
        "--seeds",
        type=int,
        default=seeds,
        metavar="N",
        help="linear_sgd, finetune: trainings, with other batches and views, and other labelled images if "
        f"they are few (default: {seeds})",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="linear_sgd, finetune: epochs (default: 90 and 30, more for less than some thousand images)",
    )


def check(seeds: int, epochs: int | None) -> None:
    """Raises ConfigError for numbers with which nothing is trained."""
    for word, number in (("seeds", seeds), ("epochs", epochs)):
        if number is not None and number < 1:
            raise ConfigError(f"--{word} is {number}; accepted: 1 or more")
