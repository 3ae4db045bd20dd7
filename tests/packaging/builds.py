"""sdist, wheel and environment, made in a copy of the repository and without a network."""

import shutil
import site
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = ("cl_lightning", "conf", "docs", "hydra_plugins", "notebooks", "tests")
# What lies about in a checkout that somebody works in.
LITTER = (
    ".venv/lib/torch.py",
    "cl_lightning/__pycache__/gone.cpython-311.pyc",
    "cl_lightning/losses/scratch.ipynb",
    "conf/.train.yaml.swp",
    "conf/data/notes.txt",
    "data/cifar-10-batches-py/data_batch_1",
    "runs/simclr_digits-1/config.yaml",
    "tests/test_everything.py",
)
STALE = "build/lib/cl_lightning/stale.py"  # of a build before a module was renamed


@dataclass(frozen=True)
class Built:
    """What was built from one checkout, a copy of the repository."""

    source: Path
    wheel: Path
    sdist: Path
    wheel_of_sdist: Path


def called(folder: Path, *command: str) -> str:
    """What `python COMMAND` says in a folder; it must end well."""
    ran = subprocess.run([sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def checkout(folder: Path) -> Path:
    """A copy of the repository with litter, so that no build touches the repository itself."""
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
        elif path.name in FOLDERS:
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
    litter(folder, *LITTER)
    return folder


def litter(folder: Path, *names: str) -> None:
    """Files that no build may take along."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")


def wheel_of(source: Path, folder: Path) -> Path:
    """The wheel that pip builds from a checkout or an sdist."""
    # pip's cache knows an sdist by its path only, and would hand out the wheel of an earlier one.
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--no-cache-dir")
    told = called(folder, "-m", "pip", "wheel", "-v", *offline, "--wheel-dir", str(folder), str(source))
    assert "would be ignored" not in told  # setuptools, of a folder that a later version may leave out
    return next(folder.glob("*.whl"))


def sdist_of(source: Path, folder: Path) -> Path:
    """The sdist that setuptools builds from a checkout."""
    called(source, "-c", f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})")
    return next(folder.glob("*.tar.gz"))


def wheel_files(wheel: Path) -> dict[str, bytes]:
    """What a wheel holds."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sdist_files(sdist: Path) -> dict[str, bytes]:
    """What an sdist holds, below its only folder."""
    with tarfile.open(sdist) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {m.name.partition("/")[2]: archive.extractfile(m).read() for m in members}  # type: ignore[union-attr]


def environment_with(wheel: Path, folder: Path) -> Path:
    """A fresh environment of this wheel and the suite's dependencies: its folder of commands."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    called(folder, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    (packages,) = folder.glob("lib/python3*/site-packages")
    # Python follows no .pth file of folders named in one: the suite's editable cl_lightning stays unseen.
    (packages / "suite.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    return folder / "bin"
