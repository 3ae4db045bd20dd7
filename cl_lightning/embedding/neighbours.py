"""The nearest rows of some images, as names and as a picture."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor
from torch.nn.functional import normalize

from cl_lightning.blueprints import ConfigError
from cl_lightning.data.photos.decode import decode
from cl_lightning.embedding.formats import Format
from cl_lightning.embedding.parts import writing
from cl_lightning.embedding.rows import Rows
from cl_lightning.embedding.source import Source
from cl_lightning.files import printable, replacing
from cl_lightning.plots import plot_neighbours

SHOWN = 8  # neighbours of each image
DPI = 110

Image = UInt8[Tensor, "channels height width"]


class Near(NamedTuple):
    """A row that is near an image, by cosine."""

    similarity: float
    file: str
    label: str


class Neighbours(NamedTuple):
    """The nearest rows of each image that was asked for, by its name; and the picture's file."""

    found: Mapping[str, Sequence[Near]]
    picture: Path


def find_neighbours(
    images: Mapping[str, Image], rows: Rows, source: Source, file: Path, form: Format
) -> Neighbours:
    """Search the rows of a file, in blocks, and write a picture of the nearest beside it.

    Args:
        images: what to search for, see `wanted`.
        rows, source: those with which the file was made.

    Raises:
        ConfigError: the file was made from another network or other images; the picture can't be written.
    """
    own = [rows.name_at(name) for name in images]
    found = dict(zip(images, nearest(source, list(images.values()), own, file, form), strict=True))
    names = {near.file for each in found.values() for near in each}
    seen = {name: source.seen(image) for name, image in rows.images(names).items()}
    if missing := sorted(names - seen.keys()):
        raise ConfigError(
            f"{file} has rows of other images, such as {printable(missing[0])}; accepted: the images that it "
            "was made from"
        )
    queries = [source.seen(image) for image in images.values()]
    picture = plot_neighbours(queries, [[seen[near.file] for near in found[name]] for name in images])
    place = _free(file)
    with writing(place), replacing(place) as opened:
        picture.savefig(opened, dpi=DPI, format="png")
    return Neighbours(found, place)


def wanted(names: Sequence[str], rows: Rows) -> dict[str, Image]:
    """The images to search for: photos, or images of the data set by their names in the file.

    Raises:
        ConfigError: there is no such image, or it can't be read.
    """
    found: dict[str, Image] = {}
    for name in names:
        path = Path(name).expanduser()
        images = {name: _read(path)} if path.is_file() else rows.images({name})
        if name not in images:
            raise ConfigError(
                f"--neighbours is {printable(name)}, which is not there; accepted: a photo, or the name of "
                "an image as the column file has it"
            )
        found[name] = images[name]
    return found


def _read(path: Path) -> Image:
    try:
        return decode(str(path))
    except (ValueError, OSError) as error:
        what = str(error if isinstance(error, ValueError) else error.strerror).partition("; accepted: ")[0]
        raise ConfigError(f"--neighbours: {what}; accepted: a photo that can be read") from error


def nearest(
    source: Source, images: Sequence[Image], own: Collection[str | None], file: Path, form: Format
) -> list[list[Near]]:
    """The nearest rows of each image, the nearest first, without its own row."""
    queries = normalize(source.vectors(list(images)), dim=1)
    best: list[list[Near]] = [[] for _ in queries]
    for block in form.read(file):
        vectors = torch.from_numpy(block.vectors.copy())
        if vectors.shape[1] != queries.shape[1]:
            raise ConfigError(
                f"{file} has vectors of {vectors.shape[1]} values, but this layer gives {queries.shape[1]}; "
                "accepted: the --layer that it was made with"
            )
        similarities = queries @ normalize(vectors, dim=1).T
        for number, (row, itself) in enumerate(zip(similarities, own, strict=True)):
            best[number] = _merged(best[number], row, block.files, block.labels, itself)
    return best


def _merged(
    best: list[Near],
    similarities: Float32[Tensor, " rows"],
    files: Sequence[str],
    labels: Sequence[str],
    itself: str | None,
) -> list[Near]:
    """The nearest of these and of those before; of equals, the first."""
    values, places = similarities.topk(min(SHOWN + 1, len(similarities)))
    found = [
        Near(value, files[place], labels[place])
        for value, place in zip(values.tolist(), places.tolist(), strict=True)
        if files[place] != itself
    ]
    return sorted([*best, *found], key=lambda near: -near.similarity)[:SHOWN]


def _free(file: Path) -> Path:
    """FILE-neighbours.png, or with the first number that no picture has."""
    names = (f"{file.stem}-neighbours{number}.png" for number in ["", *(f"-{n}" for n in range(2, 10**6))])
    return next(place for place in map(file.with_name, names) if not os.path.lexists(place))
