"""The model card: what was trained, on what, how well, and how to load it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from cl_lightning.blueprints import find_own
from cl_lightning.evaluation.results import number, title
from cl_lightning.exporting.trained import Trained
from cl_lightning.runs.folder import RunFolder

LOADING = {
    "safetensors": """
from cl_lightning.blueprints import rebuild
from safetensors.torch import load_file

network = rebuild({network!r}, "network")
network.load_state_dict(load_file("model.safetensors"))
network.eval()
""",
    "safetensors of your own": """
from safetensors.torch import load_file

# network: {own}, made as for the training
network.load_state_dict(load_file("model.safetensors"))
network.eval()
""",
    "torchvision": """
import torch
from torchvision import models

network = models.get_model("{name}", weights=None)
network.fc = torch.nn.Identity()
network.load_state_dict(torch.load("{name}.pth", weights_only=True))
network.eval()
""",
    "timm": """
import timm

# Without pretrained=True timm takes random weights, without a word.
network = timm.create_model("local-dir:.", pretrained=True, num_classes=0)
network.eval()
""",
    "onnx": """
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
# images: {images}, a NumPy array [batch, {channels}, height, width]
(features,) = session.run(None, {{"images": images}})
""",
    "torch-export": """
import torch

network = torch.export.load("model.pt2").module()
# images: {images}, a tensor [batch, {channels}, height, width]
features = network(images)
""",
}


def card(trained: Trained, run: RunFolder | None, form: str, uint8: bool, said: str) -> str:
    """The text of README.md in an export."""
    about, config = trained.about, _config(run)
    summary = (None if run is None else run.summary()) or {}
    channels = "one channel" if trained.channels == 1 else f"{trained.channels} channels"
    blueprint = about["encoder"].get("backbone", about["encoder"])
    images = "uint8" if uint8 else "float32 in [0, 1]"
    own = find_own(blueprint)  # only the user's code can make such a network
    loading = LOADING[f"{form} of your own" if own and form == "safetensors" else form].format(
        network=blueprint,
        own=own,
        name=f"resnet{blueprint.get('depth', '')}",
        images=images,
        channels=trained.channels,
    )
    mean, std = list(trained.mean), list(trained.std)
    preprocessing = (
        f"Images are {images}; the graph normalises them itself."
        if form in ("onnx", "torch-export")
        else f"Images are `(pixels / 255 - mean) / std`, with mean {mean} and std {std}."
    )
    rows = "\n".join(f"| {name} | {value} |" for name, value in _rows(trained, config, summary))
    results = "\n".join(_results(trained, run, summary)) or "Not measured."
    return f"""# {summary.get("method", about["method"])} encoder

An encoder that was trained by contrastive learning, with cl_lightning. Images with {channels}
become {trained.features} features.

| | |
|---|---|
{rows}

## Accuracy of the frozen features

{results}

## How to load it

```python{loading}```

{preprocessing} The size in training was {trained.size or "not recorded"} pixels.
When it was written, it was loaded back in this way: {said}.
"""


def _config(run: RunFolder | None) -> Mapping[str, Any]:
    return {} if run is None or not run.has_begun else run.config()


def _rows(trained: Trained, config: Mapping[str, Any], summary: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "method", trained.about["method"]
    yield "encoder", f"{summary.get('encoder') or type(trained.network).__name__}, {trained.encoder} encoder"
    # The checkpoint may be an earlier one of the run.
    own = {name: getattr(trained.checkpoint, name) for name in ("epochs", "steps")}
    known = summary | {name: value for name, value in own.items() if value is not None}
    for name, key in {"data": "dataset", "epochs": "epochs", "steps": "steps", "seed": "seed"}.items():
        if key in known:
            yield name, known[key]
    if "effective_batch_size" in summary:
        yield "images of a step", summary["effective_batch_size"]
    for part in ("loss", "optimizer", "schedule"):
        if part in config:
            keys = {k: v for k, v in config[part].items() if not k.startswith("_")}
            target = str(config[part].get("_target_", "")).rpartition(".")[2]
            yield part, f"{target}({', '.join(f'{name}={value}' for name, value in keys.items())})"
    if (init := config.get("init") or {}).get("weights") is not None:
        yield "began with", f"weights with SHA-256 {init['sha256']}"
    if summary.get("commit"):
        yield "commit of cl_lightning", summary["commit"]
    yield "versions", ", ".join(f"{name} {v}" for name, v in trained.about.get("versions", {}).items())


def _results(trained: Trained, run: RunFolder | None, summary: Mapping[str, Any]) -> Iterator[str]:
    at_end = trained.checkpoint.steps in (None, summary.get("steps"))
    digest = trained.checkpoint.sha256
    if at_end and summary.get("knn_top1") is not None:
        yield f"- kNN at the end of training: {summary['knn_top1']:.3f}"
    for file in sorted(run.path.glob("evaluation-*.json")) if run is not None else ():
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            evaluation = json.loads(file.read_text(encoding="utf-8"))
            measured = evaluation.get("checkpoint")
            if measured is not None and measured["sha256"] != digest:
                continue
            for name, result in evaluation["results"].items():
                data = evaluation.get("data", {})
                on = f" on {data['name']}" if data.get("transfer") else ""
                about = f"{title(name, result)} ({evaluation['encoder']}{on})"
                yield f"- {about}: {number(result):.3f}{_spread(result)}. {result['protocol']}"


def _spread(result: Mapping[str, Any]) -> str:
    """The standard deviation over draws, if there are several."""
    return f" ± {result['std']:.3f}" if result.get("draws", 1) > 1 else ""
