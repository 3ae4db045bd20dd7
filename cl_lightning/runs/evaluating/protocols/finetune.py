"""The protocol finetune: the encoder learns the classes too, beside the same network from other weights."""

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_lightning.runs.evaluating.protocols.labels import amounts
from cl_lightning.runs.evaluating.protocols.protocol import Protocol
from cl_lightning.runs.evaluating.protocols.training import check

if TYPE_CHECKING:
    from cl_lightning.evaluation import Result
    from cl_lightning.runs.evaluating.subject import Subject


@dataclass(frozen=True)
class Finetune(Protocol):
    """A copy of the encoder and a linear classifier learn from all labels, and from `labels` if given."""

    name = "finetune"
    all_processes = True
    against = ("untrained", "imagenet")
    seeds: int = 3
    epochs: int | None = None
    labels: tuple[str | int, ...] | None = None

    def __post_init__(self) -> None:
        check(self.seeds, self.epochs)
        amounts(self.labels or ())

    @classmethod
    def add_words(cls, parser: ArgumentParser) -> None:
        """It has the words of linear_sgd, and `--labels` of few."""

    def measure(self, subject: "Subject") -> "dict[str, Result]":
        from cl_lightning.evaluation.recipe import FINE_TUNING
        from cl_lightning.runs.evaluating.learning import all_of, of_amount, result

        if subject.source == "pixels":  # there is nothing to tune
            return {}
        few = {str(n): of_amount(subject, n, self.seeds) for n in amounts(self.labels or ())}
        chosen = few | {"all": all_of(subject, self.seeds)}
        recipe = FINE_TUNING.lasting(self.epochs)
        return {
            f"finetune_{n}": result(subject, f"fine-tuned, {images.title}", "finetune", recipe, False, images)
            for n, images in chosen.items()
        }
