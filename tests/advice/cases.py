"""A message, what it advises, and whether that works."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bad_input.conftest import Train
from tests.bad_input.photos import SMALL
from tests.data.photos import write_photos

Summary = dict[str, Any]
Remedy = Callable[["re.Match[str]"], "list[str] | None"]


@dataclass(frozen=True)
class Case:
    """A command that is refused, and one of the remedies that its message names.

    Args:
        given: makes what the command finds in its working folder.
        typed: the command's words.
        names: a pattern of the message, which has to be in it: the remedy.
        remedy: words to add to the command, or what is done by hand, which is given what `names` found.
        wanted: whether the summary of the run that then ends is that of what the user wanted.
        small: words before those, which make the run small.
    """

    given: Callable[[], Any]
    typed: str
    names: str
    remedy: str | Remedy
    wanted: Callable[[Summary], bool] = lambda summary: True
    small: tuple[str, ...] = SMALL

    def carry_out(self, train: Train) -> None:
        """Meet the message, do what it says, and look at what comes out."""
        self.given()
        words = [*self.small, *self.typed.split()]
        message = train(*words).stop()
        told = re.search(self.names, message)
        assert told, message
        words += (self.remedy.split() if isinstance(self.remedy, str) else self.remedy(told)) or []
        ended = train(*words)
        assert ended.code == 0, ended.err
        (finished,) = [run / "summary.json" for run in ended.runs if (run / "summary.json").is_file()]
        assert self.wanted(json.loads(finished.read_text())), "it is not what was wanted"


def take(words: str) -> Remedy:
    """Words with what the message itself says: `take("data.batch_size={1}")`."""
    return lambda told: words.format(told[0], *told.groups()).split()


def put(*photos: str) -> Remedy:
    """Photos that were lacking."""
    return lambda told: [] if write_photos(Path(), *photos) else None


def remove(*names: str) -> Remedy:
    """Files or folders that are too many."""

    def done(told: "re.Match[str]") -> None:
        for path in map(Path, names):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return done


def move(*places: tuple[str, str]) -> Remedy:
    """Files or folders that are elsewhere then."""

    def done(told: "re.Match[str]") -> None:
        for there, here in places:
            Path(here).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(there, here)

    return done


def files(*names: str, broken: tuple[str, ...] = ()) -> Callable[[], Any]:
    """Makes photos."""
    return lambda: write_photos(Path(), *names, broken=broken)


def evaluated(summary: Summary) -> bool:
    return summary["knn_top1"] is not None


def not_evaluated(summary: Summary) -> bool:
    return summary["knn_top1"] is None


TRAIN = [f"photos/train/{kind}/{n}.png" for kind in ("cat", "dog") for n in range(6)]
VAL = [f"photos/val/{kind}/{n}.png" for kind in ("cat", "dog") for n in range(2)]
BESIDE = [f"photos/{kind}/{n}.png" for kind in ("cat", "dog") for n in range(6)]
NO_FOLDER = tuple(word for word in SMALL if not word.startswith(("data=", "data.root")))
