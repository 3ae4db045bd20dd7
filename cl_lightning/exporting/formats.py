"""Writes the encoder of a run in a format, and loads it back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError
from torch import Tensor

from cl_lightning.blueprints import ConfigError
from cl_lightning.exporting.card import card
from cl_lightning.exporting.graphs import as_onnx, as_torch_export
from cl_lightning.exporting.state_dicts import (
    NotInFormatError,
    as_safetensors,
    for_timm,
    for_torchvision,
    timm_name,
    torchvision_name,
)
from cl_lightning.exporting.trained import Loaded, Trained
from cl_lightning.files import appearing
from cl_lightning.runs.folder import RunFolder

Write = Callable[[Trained, Path], Loaded]  # writes into a folder, and loads it back
WEIGHTS: dict[str, Write] = {
    "safetensors": as_safetensors,
    "torchvision": for_torchvision,
    "timm": for_timm,
}
GRAPHS: dict[str, Callable[[Trained, Path, bool], Loaded]] = {
    "onnx": as_onnx,
    "torch-export": as_torch_export,
}
FORMATS = (*WEIGHTS, *GRAPHS)
NAMES = {"torchvision": torchvision_name, "timm": timm_name}  # the formats that know some networks only
BOUND = 1e-4  # of the largest feature, for another library's arithmetic


class Exported(NamedTuple):
    """The folder and its files, and how far what was loaded back differs.

    `features`: the largest difference of a feature, as a share of the largest. `weights`: the largest
    difference of a weight; None for a graph.
    """

    folder: Path
    files: tuple[str, ...]
    features: float
    weights: float | None

    @property
    def said(self) -> str:
        """The differences in words."""
        of_weights = "" if self.weights is None else f"weights differ by at most {self.weights:g}, "
        return f"{of_weights}features differ by at most {self.features:.2g} of the largest"


def export(
    run: str | Path, to: str | Path, form: str, encoder: str = "query", uint8: bool = False
) -> Exported:
    """Write the trained encoder of a run into the new folder `to`, which appears as a whole.

    The files are loaded back by the library that they are for, and features of two images are compared.

    Args:
        run: a run folder, or a checkpoint file.
        form: one of `FORMATS`.
        encoder: `query`, or MoCo's `key`.
        uint8: for graphs: whether images are uint8 instead of float32 in [0, 1].

    Raises:
        ConfigError: the run has no such encoder; the format does not know the network (names those that do);
            `to` exists or can't be written to; what is loaded back computes something else.
    """
    source, target = Path(run).expanduser(), Path(to).expanduser()
    if form not in FORMATS:
        raise ConfigError(f"--format is {form}; accepted: {', '.join(FORMATS)}")
    if uint8 and form not in GRAPHS:
        raise ConfigError(f"--uint8 is for graphs; accepted: --format {' or '.join(GRAPHS)}")
    if target.exists() or target.is_symlink():
        raise ConfigError(f"--to is {to}, which exists; accepted: a new folder")
    trained = Trained.of(source, encoder)
    write: Write = WEIGHTS[form] if form in WEIGHTS else partial(_graph, form, uint8)
    with _appearing(target) as folder:
        loaded = _written(write, trained, folder, source, form)
        done = Exported(target, (), _difference(trained, loaded.features), loaded.weights)
        if not done.features <= BOUND or done.weights not in (None, 0):
            raise ConfigError(
                f"{source} was written as {form}, but loaded back {done.said}, where {BOUND:.0e} of the "
                f"features and 0 of the weights are allowed; accepted: another format ({', '.join(FORMATS)})"
            )
        text = card(trained, _run_of(source), form, uint8, done.said)
        (folder / "README.md").write_text(text, encoding="utf-8")
        files = tuple(sorted(path.name for path in folder.iterdir()))
    return done._replace(files=files)


def _graph(form: str, uint8: bool, trained: Trained, folder: Path) -> Loaded:
    return GRAPHS[form](trained, folder, uint8)


def _written(write: Write, trained: Trained, folder: Path, source: Path, form: str) -> Loaded:
    try:
        return write(trained, folder)
    except NotInFormatError as error:
        accepted = [name for name in FORMATS if name != form and _knows(name, trained)]
        raise ConfigError(
            f"{source} can't be exported for {form}: {error}; accepted: --format {', '.join(accepted)}"
        ) from error


def _knows(form: str, trained: Trained) -> bool:
    """Whether a format knows the network."""
    try:
        if form in NAMES:
            NAMES[form](trained)
    except NotInFormatError:
        return False
    return True


def _difference(trained: Trained, loaded: Tensor) -> float:
    expected = trained.reference(trained.images())
    return float((loaded.to(expected.dtype) - expected).abs().max() / expected.abs().max().clamp_min(1e-12))


def _run_of(source: Path) -> RunFolder | None:
    """The run folder of a checkpoint; None for a file elsewhere."""
    folder = RunFolder(source if source.is_dir() else source.resolve().parent.parent)
    return folder if folder.has_begun else None


@contextmanager
def _appearing(target: Path) -> Iterator[Path]:
    """As `files.appearing`.

    Raises:
        ConfigError: there is no room or no permission, or `target` was made in the meantime.
    """
    try:
        with appearing(target) as folder:
            yield folder
    except Exception as error:
        if (reason := _of_the_system(error)) is None:
            raise
        raise ConfigError(
            f"{target} can't be written: {reason}; accepted: --to with a new folder where there is room and "
            "permission"
        ) from error


def _of_the_system(error: BaseException | None) -> str | None:
    """What the system says of a file that can't be written; libraries hide it behind errors of their own."""
    while error is not None and not isinstance(error, ConfigError):
        if isinstance(error, OSError):
            return error.strerror or str(error)
        if isinstance(error, SafetensorError):
            return str(error)
        error = error.__cause__ or error.__context__
    return None
