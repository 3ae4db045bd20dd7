"""The accuracy of each class, as a dictionary for files and as a text table."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from cl_lightning.evaluation.parts import in_parts
from cl_lightning.evaluation.results import title
from cl_lightning.text_table import Column

ALL_PRINTED = 20  # classes; of more, only the weakest
WEAKEST = 5


def confusion(
    truth: Int[Tensor, " images"], predicted: Int[Tensor, "draws images"], classes: Int[Tensor, " classes"]
) -> Int[np.ndarray, "classes classes"]:
    """How many images of each class (rows) were taken for each class (columns), over all draws.

    Args:
        classes: the numbers of all classes, ascending.
    """
    size = len(classes)
    true = truth.expand_as(predicted).contiguous()
    rows, columns = (torch.searchsorted(classes, x.contiguous()) for x in (true, predicted))
    return torch.bincount((rows * size + columns).flatten(), minlength=size**2).view(size, size).numpy()


def accuracy_by_class(counts: Int[np.ndarray, "classes classes"], names: Sequence[str]) -> dict[str, float]:
    """The accuracy of each class that has validation images, by its name."""
    images = counts.sum(1)
    return {n: float(counts[i, i] / images[i]) for i, n in enumerate(names) if images[i]}


def class_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each class with its accuracy in each result that has it; of many classes, the weakest.

    The weakest are those of the last result, beginning with the least accurate. Empty without such results.
    """
    found = {title(n, r): r["by_class"] for n, r in results.items() if "by_class" in r}
    if not found:
        return ""
    last = list(found.values())[-1]
    classes, about = list(last), "class"
    if len(classes) > ALL_PRINTED:
        classes = sorted(classes, key=last.__getitem__)[:WEAKEST]
        about = f"the weakest of {len(last):,} classes"
    columns = [Column(head, [f"{values[c]:.3f}" for c in classes]) for head, values in found.items()]
    return "\n".join(in_parts(Column(about, classes), [[column] for column in columns]))
