"""The files of an evaluation."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from cl_lightning.blueprints import ConfigError
from cl_lightning.evaluation.phrases import counted
from cl_lightning.files import replacing
from cl_lightning.plots.canvas import as_png
from cl_lightning.runs.evaluating.content import of_one_network, of_same_images
from cl_lightning.runs.evaluating.evaluation import KINDS, Evaluation

LONGEST = 40  # characters of a data set's name in that of a file: systems allow 255 bytes for all


def write(place: Path, evaluation: Evaluation) -> Iterator[str]:
    """Write evaluation-SOURCE.json and the pictures, each completely or not at all, with a message for each.

    On other images than the run's, the names have `-on-NAME`, and a number if that name is taken by images
    that only have the same name. Results of other protocols that are in the file stay there if they are of
    the same network and images; else they and their pictures go, and the message says so.

    Raises:
        ConfigError: no space or no permission; an earlier file stays unchanged.
    """
    name = _name(place, evaluation.content)
    file = place / f"evaluation-{name}.json"
    pictures = {kind: place / f"{kind}-{name}.png" for kind in KINDS}
    content, said, keeps = _joined(file, evaluation.content)
    _replace(file, json.dumps(content, indent=2).encode() + b"\n")
    yield said
    for kind, picture in evaluation.pictures.items():
        _replace(pictures[kind], as_png(picture))
        yield f"wrote {pictures[kind]}"
    if not keeps:
        for kind in KINDS - evaluation.pictures.keys():
            with suppress(OSError):
                pictures[kind].unlink()


def _joined(file: Path, content: dict[str, Any]) -> tuple[dict[str, Any], str, bool]:
    """The new content of a file, what is said of it, and whether it keeps what was there."""
    before = _earlier(file)
    if before is None:
        return content, f"wrote {file}", True
    if not of_one_network(before, content):
        return content, f"replaced {file}{_other(before, content)}", False
    others = before["results"].keys() - content["results"].keys()
    if not others:
        return before | content, f"replaced {file}", True
    joined = before | content | {"results": before["results"] | content["results"]}
    return joined, f"wrote {file}, beside the {counted(len(others), 'other result')} in it", True


def _other(before: dict[str, Any], content: dict[str, Any]) -> str:
    """What the file was of."""
    if "checkpoint" not in before:
        return ", which did not say of which checkpoint and images it was" if before else ""
    if of_same_images(before, content):
        return ", which was of another checkpoint"
    return ", which was of other images"


def _name(place: Path, content: dict[str, Any]) -> str:
    """The part of the files' names that says of what they are."""
    if not content["data"]["transfer"]:
        return str(content["encoder"])
    name = f"{content['encoder']}-on-{content['data']['name'][:LONGEST]}"
    found, number = name, 2
    while (before := _earlier(place / f"evaluation-{found}.json")) and not of_same_images(before, content):
        found, number = f"{name}-{number}", number + 1
    return found


def _replace(file: Path, content: bytes) -> None:
    try:
        with replacing(file) as part:
            part.write(content)
    except OSError as error:
        raise ConfigError(
            f"{file} can't be written: {error.strerror}; accepted: --to DIR, a folder with space that can be "
            "written to"
        ) from error


def _earlier(file: Path) -> dict[str, Any] | None:
    """The evaluation in a file; empty if it is broken, None if there is none."""
    if not file.is_file():
        return None
    with suppress(OSError, ValueError):
        content = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("results"), dict):
            return content
    return {}
