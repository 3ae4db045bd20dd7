"""Graphs that hold the preprocessing too: ONNX and torch.export."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

from cl_lightning.blueprints import ConfigError
from cl_lightning.exporting.trained import Loaded, Trained

INPUT, OUTPUT = "images", "features"


class WithPreprocessing(nn.Module):
    """Images [batch, channels, height, width] to features: uint8, or float32 in [0, 1]."""

    def __init__(self, trained: Trained, uint8: bool) -> None:
        super().__init__()
        self.network, self.uint8 = trained.network, uint8
        self.mean: Tensor
        self.std: Tensor
        for name, values in {"mean": trained.mean, "std": trained.std}.items():
            self.register_buffer(name, torch.tensor(values, dtype=trained.dtype).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.to(self.mean.dtype)
        return self.network(((pixels / 255 if self.uint8 else pixels) - self.mean) / self.std)


def as_onnx(trained: Trained, folder: Path, uint8: bool) -> Loaded:
    """Writes model.onnx."""
    try:
        import onnxruntime
        import onnxscript  # noqa: F401, which torch needs for it
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--format onnx needs {error.name}, which is missing; accepted: pip install 'cl_lightning[onnx]'"
        ) from error
    file = folder / "model.onnx"
    with _silent():
        torch.onnx.export(
            exported(trained, uint8),
            (_input(trained, uint8),),
            str(file),
            dynamo=True,
            external_data=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        (features,) = session.run(None, {INPUT: _input(trained, uint8).numpy()})
    except Exception as error:  # of its own kinds: it lacks operators, many of them in float64
        raise ConfigError(
            f"onnxruntime can't run the graph of {type(trained.network).__name__} in {trained.dtype} "
            f"({_first_line(error)}); accepted: --format torch-export or safetensors"
        ) from error
    return Loaded(torch.from_numpy(features), None)


def as_torch_export(trained: Trained, folder: Path, uint8: bool) -> Loaded:
    """Writes model.pt2, which `torch.export.load` reads without this package."""
    file = folder / "model.pt2"
    content = BytesIO()  # its writer ends the process if the disk is full
    with _silent():
        torch.export.save(exported(trained, uint8), content)
        file.write_bytes(content.getbuffer())
        program = torch.export.load(file)
    with torch.no_grad():
        return Loaded(program.module()(_input(trained, uint8)), None)


def exported(trained: Trained, uint8: bool) -> ExportedProgram:
    """The graph, for any batch size; for any height and width too if the network allows that.

    Raises:
        ConfigError: torch can't trace the network; says why.
    """
    sizes: dict[int, Any] = {0: Dim.AUTO}
    graph = WithPreprocessing(trained, uint8).eval()
    reason = ""
    for dynamic in (sizes | {2: Dim.AUTO, 3: Dim.AUTO}, sizes):
        try:
            with torch.no_grad():
                return _without_paths(
                    torch.export.export(graph, (_input(trained, uint8),), dynamic_shapes=(dynamic,))
                )
        except Exception as error:  # of the tracer or the network
            reason = f"{type(error).__name__}: {_first_line(error)}"
    raise ConfigError(
        f"torch can't make a graph of {type(trained.network).__name__} ({reason}); accepted: a network that "
        "torch.export can trace, or --format safetensors"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _without_paths(program: ExportedProgram) -> ExportedProgram:
    """The program without its stack traces, which name files of this machine."""
    for module in program.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, GraphModule) else ():
            node.meta.pop("stack_trace", None)
    return program


def _input(trained: Trained, uint8: bool) -> Tensor:
    images = trained.images()
    return images if uint8 else images.to(torch.float32) / 255


@contextmanager
def _silent() -> Iterator[None]:
    """Without the exporters' own progress and warnings about themselves."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
