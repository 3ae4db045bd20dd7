"""Finds runs that differ only in the seed."""

from collections.abc import Mapping, Sequence
from typing import Any


def without_seeds(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The keys of runs without `seed` and the keys that are equal to it.

    A resolved config does not show that a key was `${seed}`. So a key named `seed` is left out if it equals
    the run's seed in all runs that have it.
    """
    named = {key for keys in runs for key in keys if key.endswith(".seed")}
    following = {key for key in named if all(keys[key] == keys["seed"] for keys in runs if key in keys)}
    return [
        {key: value for key, value in keys.items() if key != "seed" and key not in following} for keys in runs
    ]
