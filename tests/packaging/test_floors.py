"""No version that an advisory warns of is installed with the package."""

import tomllib
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
# The first version that is free of it, and the last advisory that asks for it.
SAFE_FROM = {
    "filelock": ("3.20.3", "CVE-2026-22701: a lock that follows a symlink"),
    "hydra-core": ("1.3.8", "CVE-2026-68508, and an alias around its fix: instantiate calls os.system"),
    "lightning": ("2.6.6", "CVE-2026-58659: _instantiator; 2.6.2 and 2.6.3 were malware"),
    "mlflow-skinny": ("3.13", "CVE-2026-8147"),
    "omegaconf": ("2.3.1", "none known; the oldest one that is tested"),
    "pillow": ("12.3", "CVE-2026-55379: decoders of images"),
    "pyyaml": ("5.4", "CVE-2020-14343"),
    "scikit-learn": ("1.5", "CVE-2024-5206"),
    "setuptools": ("78.1.1", "CVE-2025-47273"),
    "torch": ("2.10", "CVE-2026-24747: weights_only=True that writes past memory"),
    "tqdm": ("4.66.3", "CVE-2024-34062: its command line"),
}


def required() -> dict[str, list[Requirement]]:
    project = PROJECT["project"]
    lists = [
        project["dependencies"],
        PROJECT["build-system"]["requires"],
        *project["optional-dependencies"].values(),
    ]
    found: dict[str, list[Requirement]] = {}
    for requirement in map(Requirement, chain(*lists)):
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


@pytest.mark.parametrize("package", SAFE_FROM)
def test_no_version_with_a_known_hole_is_accepted(package: str) -> None:
    safe = Version(SAFE_FROM[package][0])
    for requirement in required()[package]:
        (floor,) = [Version(s.version) for s in requirement.specifier if s.operator == ">="]
        assert floor >= safe, SAFE_FROM[package][1]
        assert requirement.specifier.contains(version(package)), "the version that is tested"


def test_lightnings_malware_is_not_accepted() -> None:
    (lightning,) = required()["lightning"]
    assert not {"2.6.2", "2.6.3"} & set(lightning.specifier.filter(["2.6.2", "2.6.3", "2.6.6"]))


def test_every_dependency_has_a_floor() -> None:
    for requirement in chain(*required().values()):
        if requirement.name != "cl_lightning":
            assert any(s.operator == ">=" for s in requirement.specifier), requirement
