"""Each run says by which commit and on which machine its numbers came about."""

import getpass
import json
import socket
import subprocess
from pathlib import Path

import pytest
import torch

from cl_lightning.runs.circumstances import circumstances, commit


def git(folder: Path, *words: str) -> str:
    author = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    told = subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True, text=True)
    return told.stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package that is committed."""
    package = tmp_path / "repository" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-q", "-m", "all")
    return package


def test_the_commit_is_that_of_the_checkout(package: Path) -> None:
    assert commit(package) == git(package, "rev-parse", "HEAD")


def test_changes_are_told_wherever_in_the_checkout_they_are(package: Path) -> None:
    other = package.parent / "conf.yaml"
    other.write_text("a: 1")
    assert commit(package) == git(package, "rev-parse", "HEAD"), "not part of it"
    git(package, "add", str(other))
    assert commit(package) == git(package, "rev-parse", "HEAD") + "+changes"


def test_a_package_that_lies_in_a_checkout_of_something_else_has_no_commit(package: Path) -> None:
    installed = package.parent / ".venv" / "cl_lightning"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert commit(installed) is None


def test_without_git_or_a_checkout_there_is_no_commit(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commit(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(package) is None


def test_the_machine_is_described_and_not_named() -> None:
    machine = circumstances()["machine"]
    assert machine["cores"] >= 1
    assert machine["threads"] == torch.get_num_threads()
    assert machine["processor"]
    told = json.dumps(circumstances())
    for name in (socket.gethostname(), getpass.getuser(), str(Path.home()), "/work", "/home"):
        assert name not in told
