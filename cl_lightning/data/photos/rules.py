"""The rules by which photos are found in a folder."""

from pathlib import Path
from typing import Literal

from cl_lightning.data.photos.first_rules import FirstTree
from cl_lightning.data.photos.photo_tree import PhotoTree

# 1: for runs from before a run stored its images. 2: for runs from before all spellings of split names were
# known. 3: for new runs.
Rules = Literal[1, 2, 3]
Tree = FirstTree | PhotoTree


def tree_of(top: Path, rules: Rules) -> Tree:
    """The photos below `top`, found by these rules."""
    return FirstTree(top) if rules == 1 else PhotoTree(top)
