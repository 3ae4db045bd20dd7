"""Columns that show how runs differ; as few as possible."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSENT = "–"  # the value of a key that a run does not have
NAMES = ("method.name", "data.name", "encoder.name")
Values = tuple[Any, ...]


@dataclass(frozen=True)
class Column:
    """A key that differs, its value in each row, and the keys that follow from it and have no column."""

    key: str
    values: Values
    following: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The key in command-line form: `method`, `loss`, `loss.temperature`; unique among columns."""
        group = self.key.removesuffix(".name" if self.key in NAMES else "._target_")
        return group if self.key in NAMES or f"{group}.name" not in NAMES else self.key

    @property
    def is_target(self) -> bool:
        """Whether the values are dotted names of classes or functions."""
        return self.key.endswith("._target_")


def differing(rows: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
    """All keys whose value is not the same in all rows, with their values."""
    keys = dict.fromkeys(key for row in rows for key in row)
    values = {key: tuple(row.get(key, ABSENT) for row in rows) for key in keys}
    return {key: column for key, column in values.items() if len(set(_texts(column))) > 1}


def columns(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """The columns that distinguish `rows` (keys with values, no two rows equal).

    A choice such as `method=moco_v2` changes many keys at once, and a resolved config no longer says which.
    So names come first: those of method, data and encoder, and of all other objects that are built. Then a
    key follows from a column, and has no column itself, if

    - it has the same value as another column in every row, as an interpolated key has;
    - one name, or all names together, determine its value, unless it is a number that never repeats, as in
      a random search;
    - it changes exactly where another column changes, unless both are numbers that never repeat.
    """
    chosen: dict[str, Values] = {}
    following: dict[str, list[str]] = {}
    candidates = differing(rows)
    for key in sorted(candidates, key=_rank):
        leader = next(_leaders(key, candidates[key], chosen), None)
        if leader is None:
            chosen[key] = candidates[key]
        else:
            following.setdefault(leader, []).append(key)
    return [Column(key, values, tuple(following.get(key, ()))) for key, values in chosen.items()]


def _rank(key: str) -> tuple[int, bool, int, int, str]:
    """Sorting key: names first, then classes and functions, then short keys."""
    name = NAMES.index(key) if key in NAMES else len(NAMES)
    return name, not _is_name(key), key.count("."), len(key), key


def _is_name(key: str) -> bool:
    return key in NAMES or key.endswith("._target_")


def _leaders(key: str, values: Values, chosen: Mapping[str, Values]) -> Iterator[str]:
    """The columns from which `key` follows."""
    searched = _never_repeats(values)
    names = [name for name in chosen if _is_name(name)]
    yield from (c for c in chosen if _texts(chosen[c]) == _texts(values))
    yield from (name for name in names if _tell([chosen[name]], values))
    if names and not searched and _tell([chosen[name] for name in names], values):
        yield names[-1]
    for column, others in chosen.items():
        both_searched = searched and _never_repeats(others)
        if not both_searched and _tell([others], values) and _tell([values], others):
            yield column


def _tell(columns: Sequence[Values], values: Values) -> bool:
    """Whether rows with equal `columns` also have equal `values`."""
    known: dict[Values, str] = {}
    places = zip(*map(_texts, columns), strict=True)
    return all(known.setdefault(p, text) == text for p, text in zip(places, _texts(values), strict=True))


def _never_repeats(values: Values) -> bool:
    return all(map(is_number, values)) and len(set(values)) == len(values)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _texts(values: Values) -> Values:
    """The values as JSON text, so that lists too can be compared and counted."""
    return tuple(json.dumps(value, sort_keys=True, default=str) for value in values)
