"""The folders of a run's images: the keys named root below `data`."""

import copy
import os
from collections.abc import Iterator, Mapping
from typing import Any


def roots_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Folders below `data`, by their keys, such as data.train.root."""
    return dict(_roots(config["data"], "data"))


def _roots(node: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from _roots(value, f"{above}.{name}")
        elif name == "root" and isinstance(value, str):
            yield f"{above}.{name}", value


def with_roots(config: dict[str, Any], roots: Mapping[str, str]) -> dict[str, Any]:
    """The config with other folders for these keys."""
    config = copy.deepcopy(config)
    for key, root in roots.items():
        *parents, last = key.split(".")
        node = config
        for name in parents:
            node = node[name]
        node[last] = root
    return config


def moved(roots: Mapping[str, str], root: str) -> dict[str, str]:
    """The new folders, by their keys, if their common parent (or the only folder) has moved to `root`."""
    before = {key: resolved(place) for key, place in roots.items()}
    shared = os.path.commonpath(before.values())
    return {
        key: resolved(os.path.join(root, place[len(shared) :].strip(os.sep))) for key, place in before.items()
    }


def place_now(place: str, name: str, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The present path of a folder of the set `name`, if the roots `before` have become those in `now`."""
    for key in (f"data.{name}.root", "data.root"):
        if key in before and key in now and os.path.commonpath([place, before[key]]) == before[key]:
            return os.path.normpath(os.path.join(resolved(now[key]), os.path.relpath(place, before[key])))
    return place


def resolved(root: str) -> str:
    """The real path of a folder, which does not depend on the working folder."""
    return os.path.realpath(os.path.expanduser(root))
