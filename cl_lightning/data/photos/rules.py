"""By which rules a folder's photos are found."""

from pathlib import Path
from typing import Literal

from cl_lightning.data.photos.first_rules import FirstTree
from cl_lightning.data.photos.photo_tree import PhotoTree

# 1: what runs began with before a run stored its images; 2: before all spellings of parts; 3: new ones.
Rules = Literal[1, 2, 3]
Tree = FirstTree | PhotoTree


def tree_of(top: Path, rules: Rules) -> Tree:
    """The photos below `top`, by these rules."""
    return FirstTree(top) if rules == 1 else PhotoTree(top)
