"""One build and one installation for all tests."""

from pathlib import Path

import pytest

from tests.packaging.builds import STALE, Built, checkout, environment_with, litter, sdist_of, wheel_of


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    source = checkout(tmp_path_factory.mktemp("checkout"))
    wheel = wheel_of(source, tmp_path_factory.mktemp("wheel"))
    litter(source, STALE)
    sdist = sdist_of(source, tmp_path_factory.mktemp("sdist"))
    return Built(source, wheel, sdist, wheel_of(sdist, tmp_path_factory.mktemp("wheel_of_sdist")))


@pytest.fixture(scope="session")
def commands(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment's commands where only the wheel is installed."""
    return environment_with(built.wheel_of_sdist, tmp_path_factory.mktemp("environment"))
