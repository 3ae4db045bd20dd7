"""The protocol retrieval: the images that are most alike."""

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.evaluating.protocols.protocol import Protocol

if TYPE_CHECKING:
    from cl_lightning.evaluation import Result
    from cl_lightning.runs.evaluating.subject import Subject


@dataclass(frozen=True)
class Retrieval(Protocol):
    """Recall at each k of `recall`, and mean average precision, of the validation images among themselves."""

    name = "retrieval"
    recall: tuple[int, ...] = (1, 5, 10)

    def __post_init__(self) -> None:
        if any(k < 1 for k in self.recall) or len(set(self.recall)) < len(self.recall):
            given = " ".join(map(str, self.recall))
            raise ConfigError(f"--recall is {given}; accepted: numbers from 1, each once")

    @classmethod
    def add_words(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--recall",
            type=int,
            nargs="+",
            default=cls.recall,
            metavar="N",
            help="retrieval: numbers of nearest images among which one of the class is looked for (default: "
            "1 5 10)",
        )

    def measure(self, subject: "Subject") -> "dict[str, Result]":
        from cl_lightning.evaluation import Result  # with torch
        from cl_lightning.evaluation.retrieval import retrieval

        found = retrieval(subject.val, self.recall)
        left_out = f", {found.alone:,} alone in their class left out" if found.alone else ""
        others = len(subject.val.labels) - 1
        asked = f"each of {found.queries:,} validation images queries the {others:,} others{left_out}"
        columns = {
            f"recall_{k}": (f"R@{k}", value, f"share with an image of their class among the {k} nearest")
            for k, value in found.recall.items()
        }
        columns["map"] = "mAP", found.mean_average_precision, "mean over them of the average precision"
        return {
            name: Result(title, self.name, {"value": value}, (asked, "cosine similarity", phrase))
            for name, (title, value, phrase) in columns.items()
        }
