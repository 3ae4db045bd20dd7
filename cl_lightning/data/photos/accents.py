"""File names in different Unicode forms: é as one character (composed), or as two (macOS)."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence


def composed(name: str) -> str:
    """The composed form (NFC) of a name; the same result for all forms of it."""
    return unicodedata.normalize("NFC", name)


def under_names_of(known: Iterable[str], names: Sequence[str]) -> list[str]:
    """`names`, each replaced by its form in `known` if `known` holds it only in another form.

    Two names that differ only in their form stay different.
    """
    if names == known:  # the usual case; quick for a million names
        return list(names)
    there = set(known)
    if there.issuperset(names):
        return list(names)
    lost, forms = there.difference(names), defaultdict(list)
    for name in sorted(lost):
        forms[composed(name)].append(name)
    unknown = sorted(name for name in set(names) if name not in there and composed(name) in forms)
    pairs = {name: forms[composed(name)].pop(0) for name in unknown if forms[composed(name)]}
    return [pairs.get(name, name) for name in names]
