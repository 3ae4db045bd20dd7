"""Shapes in annotations are checked while tests run."""

from pathlib import Path

import pytest

import cl_lightning

PACKAGE = Path(cl_lightning.__file__).parent
WITH_SHAPES = {
    file.relative_to(PACKAGE).parts[0] for file in PACKAGE.rglob("*.py") if "jaxtyping" in file.read_text()
}


def test_every_package_that_annotates_shapes_is_checked(pytestconfig: pytest.Config) -> None:
    *checked, _ = pytestconfig.getoption("jaxtyping_packages").split(",")
    assert {f"cl_lightning.{name}" for name in WITH_SHAPES} == set(checked)
