"""Finds the folder of config files."""

from pathlib import Path

from cl_lightning.commands.resolved import register_resolvers

PACKAGE = Path(__file__).resolve().parents[1]


def conf_folder() -> str:
    """`conf/`, in an installed package or beside it in a checkout. Registers the resolver that it needs."""
    register_resolvers()
    places = [PACKAGE / "conf", PACKAGE.parent / "conf"]
    return str(next((place for place in places if (place / "train.yaml").is_file()), places[0]))
