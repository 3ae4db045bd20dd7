"""The word --labels: how many images of each class are labelled."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cl_lightning.blueprints import ConfigError

if TYPE_CHECKING:
    from cl_lightning.evaluation import Amount


def amounts(words: Sequence[str | int]) -> "list[Amount]":
    """The numbers of images (10) and shares of them (1%).

    Raises:
        ConfigError: a word is neither, or two are the same.
    """
    from cl_lightning.evaluation.draws import amount  # with torch

    try:
        found = [amount(word) for word in words]
    except ValueError:
        found = []
    if len(set(found)) < len(words):
        raise ConfigError(
            f"--labels is {' '.join(map(str, words))}; accepted: numbers from 1, each once, or shares such "
            "as 1%"
        )
    return found
