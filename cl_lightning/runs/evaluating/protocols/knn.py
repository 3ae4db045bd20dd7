"""The protocol knn: the vote of the nearest training images."""

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.evaluating.protocols.protocol import Protocol

if TYPE_CHECKING:
    from cl_lightning.evaluation import Result
    from cl_lightning.runs.evaluating.subject import Subject

DEFAULTS = {"k": 200, "temperature": 0.1}  # of a run without callbacks.knn


@dataclass(frozen=True)
class KNN(Protocol):
    """kNN accuracy for each k and temperature; empty: those with which the run measured itself."""

    name = "knn"
    k: tuple[int, ...] = ()
    temperature: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for word, values in (("k", self.k), ("temperature", self.temperature)):
            if any(not value > 0 for value in values) or len(set(values)) < len(values):
                given = " ".join(f"{value:g}" for value in values)
                raise ConfigError(f"--{word} is {given}; accepted: numbers above 0, each once")

    @classmethod
    def add_words(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--k",
            type=int,
            nargs="+",
            default=cls.k,
            metavar="N",
            help="knn: numbers of neighbours that vote (default: callbacks.knn.k of the run)",
        )
        parser.add_argument(
            "--temperature",
            type=float,
            nargs="+",
            default=cls.temperature,
            metavar="T",
            help="knn: temperatures of the votes' weights, exp(similarity / T) (default: "
            "callbacks.knn.temperature of the run)",
        )

    def measure(self, subject: "Subject") -> "dict[str, Result]":
        from cl_lightning.evaluation import Result, knn_accuracies  # with torch

        own = DEFAULTS | {n: v for n, v in subject.knn.items() if n in DEFAULTS}
        ks, temperatures = self.k or (own["k"],), self.temperature or (own["temperature"],)
        results = {}
        for (k, t), found in knn_accuracies(subject.train, subject.val, ks, temperatures).items():
            of_run = len(ks) == len(temperatures) == 1 and (k, t) == (own["k"], own["temperature"])
            name, title = ("knn", "kNN") if of_run else (f"knn_k{k}_T{t:g}", f"kNN k={k} T={t:g}")
            results[name] = Result(
                title, "kNN", {"accuracy": found.accuracy}, found.protocol, found.predicted[None]
            )
        return results
