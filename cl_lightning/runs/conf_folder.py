"""Where the config files are."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def conf_folder() -> str:
    """`conf/`, inside an installed package or beside it in a checkout."""
    places = [PACKAGE / "conf", PACKAGE.parent / "conf"]
    return str(next((place for place in places if (place / "train.yaml").is_file()), places[0]))
