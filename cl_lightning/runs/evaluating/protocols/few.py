"""The protocol few: a linear probe with few labels, drawn several times."""

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.evaluating.protocols.labels import amounts
from cl_lightning.runs.evaluating.protocols.protocol import Protocol

if TYPE_CHECKING:
    from cl_lightning.evaluation import Amount, Result
    from cl_lightning.runs.evaluating.subject import Subject

DEFAULT = ("1", "10")


@dataclass(frozen=True)
class Few(Protocol):
    """A linear probe for each of `labels`: so many images of each class (10), or a share of them (1%)."""

    name = "few"
    labels: tuple[str | int, ...] | None = None
    draws: int = 10

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ConfigError(f"--draws is {self.draws}; accepted: 1 or more")
        self._amounts()

    def _amounts(self) -> "list[Amount]":
        return amounts(DEFAULT if self.labels is None else self.labels)

    @classmethod
    def add_words(cls, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--labels",
            nargs="*",
            metavar="N",
            help="few: numbers of labels of each class, or shares of them such as 1%% (default: 1 10); "
            "finetune: the same, beside all labels (default: none)",
        )
        parser.add_argument(
            "--draws",
            type=int,
            default=cls.draws,
            metavar="N",
            help="few: random draws of the labelled images (default: 10)",
        )

    def measure(self, subject: "Subject") -> "dict[str, Result]":
        from cl_lightning.evaluation import linear_accuracies  # with scikit-learn
        from cl_lightning.evaluation.phrases import briefly
        from cl_lightning.runs.evaluating.protocols.linear import as_result

        wanted = self._amounts()
        found = linear_accuracies(subject.train, subject.val, wanted, self.draws)
        return {f"linear_{n}": as_result(f"linear, {briefly(n)}", found[n]) for n in wanted}
