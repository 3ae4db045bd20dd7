"""The health of a run in words."""

from collections.abc import Mapping
from typing import Any

from cl_lightning.reports.html import items, quiet, section, sentence
from cl_lightning.reports.one_run.content import Content

WATCHED = (
    "Warnings are of a loss that is not finite, can't fall, falls back to guessing or does not move; of "
    "embeddings that collapse towards one point, or use few directions around their mean; of a queue whose "
    "embeddings no longer resemble the keys. They come at the end of an epoch, and not in the first steps."
)


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
        return "no health warning"
    return f"{len(messages)} health warning{'s' if len(messages) > 1 else ''}, see Health"


def _problems(run: Content, messages: Any) -> list[str]:
    if messages is None:
        return [sentence("not recorded: the run had no callbacks.health, or is of an older version")]
    if messages:
        return [items(map(_text, messages))]
    return [sentence("the run was watched, and nothing was warned of"), quiet(WATCHED)]


def _text(message: Any) -> str:
    if not isinstance(message, Mapping) or not isinstance(message.get("epoch"), int):
        return str(message)
    return f"Epoch {message['epoch'] + 1}: {message.get('message')}."


def _broken(files: Any) -> list[str]:
    if not files:
        return []
    return [sentence(f"{len(files)} broken files were left out"), items(map(str, files))]
