"""What each protocol has: a name, its words on the command line, and how it measures."""

from abc import ABC, abstractmethod
from argparse import ArgumentParser, Namespace
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from cl_lightning.evaluation import Result
    from cl_lightning.runs.evaluating.networks import Source
    from cl_lightning.runs.evaluating.subject import Subject


class Protocol(ABC):
    """A way to measure an encoder. Its dataclass fields are its settings, and words of cl-eval.

    Its module is imported for `cl-eval --help`, so torch is imported in its functions only. Impossible
    settings are refused by `__post_init__`, before anything is measured.
    """

    name: ClassVar[str]
    all_processes: ClassVar[bool] = False  # whether each process must measure, because they train together
    against: ClassVar[tuple["Source", ...]] = ()  # networks with which a run's is compared

    @classmethod
    @abstractmethod
    def add_words(cls, parser: ArgumentParser) -> None:
        """Add an option with the field's default for each field that no protocol before it has."""

    @abstractmethod
    def measure(self, subject: "Subject") -> "dict[str, Result]":
        """The results by their names in the file; with `all_processes`, in the first process.

        Raises:
            ValueError: the images don't allow it; says why.
        """

    @classmethod
    def settings(cls) -> dict[str, Any]:
        """The default of each field, by its name."""
        return {field.name: field.default for field in fields(cls)}  # type: ignore[arg-type]

    @classmethod
    def of(cls, options: Namespace) -> Self:
        """The protocol with the settings on the command line."""
        given = {name: getattr(options, name) for name in cls.settings()}
        return cls(**{n: tuple(value) if isinstance(value, list) else value for n, value in given.items()})
