"""The protocol few: a linear probe with few labels, drawn several times."""

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.evaluating.protocols.protocol import Protocol

if TYPE_CHECKING:
    from cl_lightning.evaluation import Result
    from cl_lightning.evaluation.draws import Amount
    from cl_lightning.runs.evaluating.subject import Subject


@dataclass(frozen=True)
class Few(Protocol):
    """A linear probe for each of `labels`: so many images of each class (10), or a share of them (1%)."""

    name = "few"
    labels: tuple[str | int, ...] = ("1", "10")
    draws: int = 10

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ConfigError(f"--draws is {self.draws}; accepted: 1 or more")
        from cl_lightning.evaluation.draws import amount  # with torch

        try:
            distinct = {amount(word) for word in self.labels}
        except ValueError:
            distinct = set()
        if len(distinct) < len(self.labels):
            raise ConfigError(
                f"--labels is {' '.join(map(str, self.labels))}; accepted: numbers from 1, each once, "
                "or shares such as 1%"
            )

    @classmethod
    def add_words(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--labels",
            nargs="*",
            default=cls.labels,
            metavar="N",
            help="few: numbers of labels of each class, or shares of them such as 1%% (default: 1 10)",
        )
        parser.add_argument(
            "--draws",
            type=int,
            default=cls.draws,
            metavar="N",
            help="few: random draws of the labelled images (default: 10)",
        )

    def measure(self, subject: "Subject") -> "dict[str, Result]":
        from cl_lightning.evaluation import amount, linear_accuracies  # with scikit-learn
        from cl_lightning.runs.evaluating.protocols.linear import as_result

        amounts = [amount(word) for word in self.labels]
        found = linear_accuracies(subject.train, subject.val, amounts, self.draws)
        return {f"linear_{n}": as_result(_title(n), found[n]) for n in amounts}


def _title(amount: "Amount") -> str:
    return f"linear, {amount} a class" if isinstance(amount, int) else f"linear, {amount} of labels"
