"""What an installation holds."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_folder_of_the_package_is_installed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = {".".join(p.parent.relative_to(ROOT).parts) for p in ROOT.glob("cl_lightning/**/__init__.py")}
    ours = {package for package in settings["packages"] if package.startswith("cl_lightning")}
    assert ours == folders | {"cl_lightning.conf"}
    assert settings["package-dir"]["cl_lightning.conf"] == "conf"
