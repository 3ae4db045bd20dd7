"""Downloads archives, and checks the files in them."""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from filelock import FileLock
from torchvision.datasets.utils import check_integrity, download_and_extract_archive

from cl_lightning.files import printable

# System errors of a folder into which nothing can be written.
NO_PLACE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    *(errno.EEXIST, errno.ENOTDIR),
}


class Archive(NamedTuple):
    """The archive of a data set: its `url`, the name of its `file`, its MD5 sum and the `folder` in it."""

    name: str
    url: str
    file: str
    md5: str
    folder: str

    def advice(self, root: Path) -> str:
        """How to get the data set."""
        return (
            f"accepted: a folder that holds the complete {self.folder}: set data.root to it, or "
            f"data.download=true to fetch it. Without a network, put {self.url} as {self.file} into {root}: "
            "data.download=true unpacks it."
        )


def fetch(archive: Archive, root: Path, is_complete: Callable[[], bool]) -> None:
    """Download `archive` into `root` and unpack it there, unless `is_complete()`.

    With several processes one does this and the others wait. An archive that is already in `root`, with the
    right MD5 sum, is not downloaded again. `archive.folder` appears only when it is complete.
    Raises ValueError for any failure; it says what to download and where to put it.
    """
    if is_complete():
        return
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f".{archive.folder}.lock"):
            if not is_complete():
                _unpack(archive, root)
    except Exception as error:  # network, sum, archive: many kinds
        refuse_place(archive.name, root, error)
        raise ValueError(
            f"{archive.name}: the download failed ({type(error).__name__}: {error}). Fetch {archive.url} "
            f"elsewhere and put it as {archive.file} into {root}: data.download=true unpacks it."
        ) from error


def refuse_place(name: str, root: Path, error: Exception) -> None:
    """Raises ValueError if the error means that nothing can be written into `root`."""
    if isinstance(error, OSError) and error.errno in NO_PLACE:
        raise ValueError(
            f"{name} can't be unpacked into {printable(root)} ({error.strerror}); accepted: a data.root with "
            "room that this user may write to."
        ) from error


def _unpack(archive: Archive, root: Path) -> None:
    with TemporaryDirectory(dir=root, prefix=".unpacking-") as part:
        download_and_extract_archive(archive.url, root, part, archive.file, archive.md5)
        # A new folder is moved as a whole. A folder with missing or damaged files is completed file by file.
        unpacked, target = Path(part) / archive.folder, root / archive.folder
        if target.exists():
            shutil.copytree(unpacked, target, dirs_exist_ok=True, copy_function=os.replace)
        else:
            unpacked.rename(target)


def faults(folder: Path, files: Sequence[tuple[str, str]]) -> str:
    """Which `files` (name, MD5 sum) of `folder` are missing or damaged, as text; empty if none is."""
    missing = [name for name, _ in files if not (folder / name).exists()]
    damaged = [name for name, md5 in files if name not in missing and not check_integrity(folder / name, md5)]
    problems = {"missing": missing, "damaged": damaged}
    return "; ".join(f"{problem} {', '.join(names)}" for problem, names in problems.items() if names)


def require_files(
    archive: Archive, root: Path, files: Sequence[tuple[str, str]], download: bool = False
) -> Path:
    """The folder of `archive` below `root`; with `download`, it is fetched if incomplete.

    Raises ValueError, which names its missing or damaged `files` (name, MD5 sum).
    """
    folder = root / archive.folder
    found = faults(folder, files)
    if found and download:
        fetch(archive, root, lambda: not faults(folder, files))
        found = faults(folder, files)
    if found:
        raise ValueError(f"{archive.name} in {folder}: {found}; {archive.advice(root)}")
    return folder
