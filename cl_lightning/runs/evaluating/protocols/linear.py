"""The protocol linear: a linear probe with all labels."""

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_lightning.runs.evaluating.protocols.protocol import Protocol

if TYPE_CHECKING:
    from cl_lightning.evaluation import LinearResult, Result
    from cl_lightning.runs.evaluating.subject import Subject

NOT_VALUES = ("protocol", "predicted")  # which a `Result` has beside its values


@dataclass(frozen=True)
class Linear(Protocol):
    """A linear probe by logistic regression, with all labels."""

    name = "linear"

    @classmethod
    def add_words(cls, parser: ArgumentParser) -> None:
        """It has no settings."""

    def measure(self, subject: "Subject") -> "dict[str, Result]":
        from cl_lightning.evaluation import linear_accuracy  # with scikit-learn

        return {"linear_all": as_result("linear, all labels", linear_accuracy(subject.train, subject.val))}


def as_result(title: str, found: "LinearResult") -> "Result":
    """The column of a linear probe."""
    from cl_lightning.evaluation import Result

    values = {name: value for name, value in vars(found).items() if name not in NOT_VALUES}
    return Result(title, "linear", values, found.protocol, found.predicted)
