"""Checks of the recipes' arguments. Errors say what was given, what is accepted, which key to change."""

from collections.abc import Sequence
from math import inf

Number = float | int


def check(accepted: bool, key: str, given: object, what: str) -> None:
    """Raises ValueError for `views.<key>` unless `accepted`."""
    if not accepted:
        raise ValueError(f"{key} {given!r} was given, but it must be {what}: change views.{key}")


def number(key: str, given: Number, low: Number, high: Number, what: str) -> float:
    """A number in [low, high]."""
    check(isinstance(given, Number) and low <= given <= high, key, given, what)
    return float(given)


def probability(key: str, given: Number) -> float:
    """A number in [0, 1]."""
    return number(key, given, 0, 1, "a probability between 0 and 1")


def numbers(key: str, given: Sequence[Number], lengths: tuple[int, ...], what: str) -> tuple[float, ...]:
    """A sequence of numbers as a tuple; `lengths` are the accepted lengths."""
    sequence = isinstance(given, Sequence) and not isinstance(given, str)
    fine = sequence and len(given) in lengths and all(isinstance(value, Number) for value in given)
    check(fine, key, given, what)
    return tuple(float(value) for value in given)


def interval(key: str, given: Sequence[Number], most: Number = inf) -> tuple[float, float]:
    """A pair with 0 < low <= high <= most."""
    what = "a pair (low, high) with 0 < low <= high" + ("" if most == inf else f" <= {most:g}")
    low, high = numbers(key, given, (2,), what)
    check(0 < low <= high <= most and high < inf, key, given, what)
    return low, high


def strengths(key: str, given: Sequence[Number]) -> tuple[float, float, float, float]:
    """The strengths of changes in brightness, contrast, saturation and hue."""
    what = "four strengths >= 0 of brightness, contrast, saturation and hue, the last at most 0.5"
    brightness, contrast, saturation, hue = numbers(key, given, (4,), what)
    check(all(0 <= s < inf for s in (brightness, contrast, saturation)) and 0 <= hue <= 0.5, key, given, what)
    return brightness, contrast, saturation, hue


def check_size_and_seed(size: int, seed: int) -> None:
    """Checks the arguments that every recipe has."""
    check(isinstance(size, int) and size >= 8, "size", size, "a whole number of at least 8 pixels")
    check(isinstance(seed, int) and 0 <= seed < 2**64, "seed", seed, "a whole number from 0 to 2^64 - 1")


def standardisation(
    mean: Sequence[Number], std: Sequence[Number]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std, a number for each channel."""
    mean = numbers("mean", mean, (1, 3), "one number for each of 1 or 3 channels")
    what = f"as long as views.mean ({len(mean)}), all positive"
    std = numbers("std", std, (len(mean),), what)
    check(all(s > 0 for s in std), "std", std, what)
    return mean, std
