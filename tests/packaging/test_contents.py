"""sdist and wheel hold what they should, and nothing else."""

from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

from tests.packaging.builds import PYPROJECT, ROOT, Built, sdist_files, wheel_files

TYPED = "cl_lightning/py.typed"
PAGE = {f"cl_lightning/reports/{name}" for name in ("details.js", "report.css", "report.html", "sort.js")}
PAGES = {"LICENSE", "METHODS.md", "README.md"}
NAMESPACE = "hydra_plugins"  # others have plugins in it too, so it has no module of its own


def modules(root: Path) -> set[str]:
    return {
        str(path.relative_to(root))
        for top in ("cl_lightning", NAMESPACE)
        for path in (root / top).rglob("*.py")
    }


def configs(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in (root / "conf").rglob("*.yaml")}


def test_every_folder_with_modules_is_a_package_of_the_wheel() -> None:
    settings = PYPROJECT["tool"]["setuptools"]
    folders = {str(Path(module).parent).replace("/", ".") for module in modules(ROOT)}
    assert set(settings["packages"]) == folders | {"cl_lightning.conf", NAMESPACE}


@pytest.mark.parametrize("source", ["wheel", "wheel_of_sdist"])
def test_the_wheel_holds_the_package_and_its_configs_and_nothing_else(source: str, built: Built) -> None:
    files = wheel_files(getattr(built, source))
    information = {name for name in files if name.split("/")[0].endswith(".dist-info")}
    shipped = modules(built.source) | {f"cl_lightning/{name}" for name in configs(built.source)}
    assert set(files) - information == shipped | PAGE | {TYPED}
    assert {name.split("/", 1)[1] for name in information} == {
        "licenses/LICENSE",
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "top_level.txt",
    }


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_checkout(built: Built) -> None:
    assert wheel_files(built.wheel_of_sdist) == wheel_files(built.wheel)


def test_modules_and_configs_are_those_of_the_repository(built: Built) -> None:
    files = wheel_files(built.wheel)
    for name in modules(built.source):
        assert files[name] == (built.source / name).read_bytes(), name
    for name in configs(built.source):
        assert files[f"cl_lightning/{name}"] == (built.source / name).read_bytes(), name


def test_the_sdist_holds_what_builds_the_wheel_and_nothing_else(built: Built) -> None:
    files = {name for name in sdist_files(built.sdist) if not name.startswith("cl_lightning.egg-info/")}
    ours = modules(built.source) | configs(built.source)
    assert files == ours | PAGES | PAGE | {TYPED, "MANIFEST.in", "PKG-INFO", "pyproject.toml", "setup.cfg"}


def test_the_wheel_tells_its_licence_and_needs_what_the_repository_declares(built: Built) -> None:
    files = wheel_files(built.wheel)
    (name,) = [name for name in files if name.endswith(".dist-info/METADATA")]
    metadata = Metadata.from_email(files[name], validate=True)
    needed = metadata.requires_dist or []
    declared = {Requirement(line) for line in PYPROJECT["project"]["dependencies"]}
    assert {requirement for requirement in needed if requirement.marker is None} == declared
    assert (metadata.license_expression, metadata.license_files) == ("Apache-2.0", ["LICENSE"])
