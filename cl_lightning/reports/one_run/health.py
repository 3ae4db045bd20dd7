"""The health of a run in words."""

from collections.abc import Mapping
from typing import Any

from cl_lightning.reports.html import items, section, sentence
from cl_lightning.reports.one_run.content import Content


def health(run: Content) -> str:
    """What the health monitor warned of, and which files could not be read."""
    messages = run.listed("health")
    return section("Health", *_problems(run, messages), *_broken(run.listed("broken_files")))


def in_short(run: Content) -> str:
    """One sentence for the head of the page."""
    messages = run.listed("health")
    if messages is None:
        return "its health was not recorded"
    if not messages:
        return "no health problem was found"
    return f"{len(messages)} health problem{'s were' if len(messages) > 1 else ' was'} found, see Health"


def _problems(run: Content, messages: Any) -> list[str]:
    if messages is None:
        return [sentence("not recorded: the run had no callbacks.health, or is of an older version")]
    if messages:
        return [items(map(_text, messages))]
    return [
        sentence(
            "nothing was found: no collapse, no low rank, no loss that cannot fall or fell back to guessing, "
            "no queue that is too old"
        )
    ]


def _text(message: Any) -> str:
    if not isinstance(message, Mapping) or not isinstance(message.get("epoch"), int):
        return str(message)
    return f"Epoch {message['epoch'] + 1}: {message.get('message')}."


def _broken(files: Any) -> list[str]:
    if not files:
        return []
    return [sentence(f"{len(files)} broken files were left out"), items(map(str, files))]
