"""Names whose accents may be written in another Unicode form: composed (é) or as two characters (macOS)."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence


def composed(name: str) -> str:
    """The same for all forms of a name."""
    return unicodedata.normalize("NFC", name)


def under_names_of(known: Iterable[str], names: Sequence[str]) -> list[str]:
    """`names`, each as `known` has it if that has it in another form only.

    Two names that differ in nothing but their form stay two.
    """
    if names == known:  # mostly, and of a million names this is quick
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
