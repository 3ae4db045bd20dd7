"""Classes compared by name: two data sets may give the same class different numbers."""

import copy
import unicodedata
from collections.abc import Mapping
from typing import Any

from torch.utils.data import Dataset, Subset

from cl_lightning.data.description import described
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.photos.photo_folder import PhotoFolder
from cl_lightning.data.readable import describe
from cl_lightning.files import printable


class Renumbered(Dataset[Any]):
    """`dataset` with its labels replaced: label n becomes `numbers[n]`.

    Raises ValueError for a label that `numbers` lacks.
    """

    def __init__(self, dataset: MapStyle, numbers: Mapping[int, int]) -> None:
        self.dataset, self.numbers = dataset, numbers

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        item = self.dataset[index]
        if not isinstance(item, (tuple, list)) or len(item) != 2 or item[1] is None:
            return item
        image, label = item
        if int(label) not in self.numbers:
            raise ValueError(
                f"{describe(self.dataset)} gives the label {int(label)}, for which it names no class; "
                "accepted: a label of its `classes`. Change the set behind data.val."
            )
        return image, self.numbers[int(label)]

    def described(self) -> list[str]:
        """The lines about this data set in the start report."""
        return described(self.dataset)

    def __repr__(self) -> str:
        return describe(self.dataset)


def numbered_alike(queries: Any, bank: Any) -> Any:
    """`queries`, with its classes numbered as the classes of the same name in `bank`.

    Returned unchanged if one of the two does not name its classes. Raises ValueError for a class that only
    the queries name: the bank has no image that would match it.
    """
    ours, theirs = numbers_by_name(queries), numbers_by_name(bank)
    if not ours or not theirs:
        return queries
    if others := [name for name in ours if name not in theirs]:
        raise ValueError(
            f"data.val names classes that data.train (or data.bank) lacks: {printable(', '.join(others))}; "
            "accepted: the same classes, or a data.val that names none by `classes` or `class_to_idx`."
        )
    numbers = {number: theirs[name] for name, number in ours.items()}
    if all(number == same for number, same in numbers.items()):
        return queries
    if isinstance(queries, PhotoFolder) and queries.labels is not None:
        queries = copy.copy(queries)
        queries.labels, queries.classes = [numbers[label] for label in queries.labels], bank.classes
        return queries
    return Renumbered(queries, numbers)


def numbers_by_name(part: Any) -> dict[str, int]:
    """The number of each class by name, as torchvision's data sets give it; empty if no class is named."""
    while isinstance(part, Subset):
        part = part.dataset
    if getattr(part, "target_transform", None) is not None:  # it changes the labels
        return {}
    names, numbers = getattr(part, "classes", None), getattr(part, "class_to_idx", None)
    if not isinstance(numbers, Mapping):
        numbers = {name: n for n, name in enumerate(names)} if isinstance(names, (list, tuple)) else {}
    if not all(isinstance(name, str) for name in numbers):
        return {}
    return {unicodedata.normalize("NFC", name): number for name, number in numbers.items()}
