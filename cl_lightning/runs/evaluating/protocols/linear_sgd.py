"""The protocol linear_sgd: a linear probe with all labels by the papers' recipe, on augmented images."""

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_lightning.runs.evaluating.protocols.protocol import Protocol
from cl_lightning.runs.evaluating.protocols.training import add_words_of_training, check

if TYPE_CHECKING:
    from cl_lightning.evaluation import Result
    from cl_lightning.runs.evaluating.subject import Subject


@dataclass(frozen=True)
class LinearSGD(Protocol):
    """A linear probe by SGD with all labels, which sees other views of the images in each of `epochs`."""

    name = "linear_sgd"
    all_processes = True
    seeds: int = 3
    epochs: int | None = None

    def __post_init__(self) -> None:
        check(self.seeds, self.epochs)

    @classmethod
    def add_words(cls, parser: ArgumentParser) -> None:
        add_words_of_training(parser, cls.seeds)

    def measure(self, subject: "Subject") -> "dict[str, Result]":
        from cl_lightning.evaluation.recipe import PROBE
        from cl_lightning.runs.evaluating.learning import all_of, result

        recipe = PROBE.lasting(self.epochs)
        found = result(subject, "linear, SGD", "SGD", recipe, True, all_of(subject, self.seeds))
        return {"linear_sgd": found}
