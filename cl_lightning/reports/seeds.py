"""Runs that differ in the seed only."""

from collections.abc import Mapping, Sequence
from typing import Any


def without_seeds(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The keys of runs without `seed` and the keys that follow from it.

    A resolved config does not tell that a key was `${seed}`; one that is named `seed` and equals it in all
    runs that have it is taken for one.
    """
    named = {key for keys in runs for key in keys if key.endswith(".seed")}
    following = {key for key in named if all(keys[key] == keys["seed"] for keys in runs if key in keys)}
    return [
        {key: value for key, value in keys.items() if key != "seed" and key not in following} for keys in runs
    ]
