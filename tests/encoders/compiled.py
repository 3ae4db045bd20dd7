"""Fits with a compiled encoder, beside the same without: `python -m tests.encoders.compiled ...`.

In a process of its own, because torch.compile refuses the shape checks that tests add. Its arguments are a
file, a backend and methods. The file gets, for each of these, what was compiled and how far the numbers are
from those without.
"""

import json
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cl_lightning import load_backbone
from tests import small

METHODS: dict[str, tuple[Callable[..., Any], Callable[[], list[Any]]]] = {
    "simclr": (small.simclr, list),
    "moco": (partial(small.moco, batch_norm="shuffle", groups=2), small.moco_callbacks),
}


def fitted(name: str, compile: bool, **given: Any) -> Any:
    make, callbacks = METHODS[name]
    settings = {"batch_norm": "shuffle", "batch_norm_groups": 2} if name == "moco" else {}
    method = make(encoder=small.encoder(compile=compile, **settings))
    trainer = small.trainer(*callbacks(), limit_val_batches=None, **given.pop("trainer", {}))
    trainer.fit(method, small.data(), weights_only=True, **given)
    return method


def difference(one: Any, other: Any) -> float:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max(float((x - y).abs().max()) for x, y in pairs)


def of(name: str, folder: Path) -> dict[str, Any]:
    plain, compiled = (fitted(name, compile) for compile in (False, True))
    file = folder / f"{name}.ckpt"
    compiled.trainer.save_checkpoint(file, weights_only=False)
    on_plain, on_compiled = (
        fitted(name, compile, ckpt_path=file, trainer={"max_epochs": 2}) for compile in (False, True)
    )
    networks = [compiled.encoder, *(c.encoder for c in compiled.trainer.callbacks if hasattr(c, "encoder"))]
    parts = [part for network in networks for part in (network.backbone, network.projector)]
    loaded = load_backbone(file)
    images = torch.rand(4, 3, small.SIZE, small.SIZE)
    with torch.no_grad():
        features = loaded(images), plain.encoder.eval().backbone(images)
    return {
        "compiled": [part._compiled_call_impl is not None for part in parts],
        "method compiled": compiled._compiled_call_impl is not None,
        "loaded compiled": loaded._compiled_call_impl is not None,
        "same names": list(plain.state_dict()) == list(compiled.state_dict()),
        "weights": difference(plain, compiled),
        "statistics": max(
            float((x.double() - y.double()).abs().max())
            for x, y in zip(plain.buffers(), compiled.buffers(), strict=True)
        ),
        "continued": difference(on_plain, on_compiled),
        "loaded": float((features[0] - features[1]).abs().max()),
        "forwards": int(compiled.encoder.projector[1].num_batches_tracked),
    }


if __name__ == "__main__":
    file, backend, *names = sys.argv[1:]
    warnings.simplefilter("ignore")
    torch.compile = partial(torch.compile, backend=backend)  # type: ignore[assignment]
    Path(file).write_text(json.dumps({name: of(name, Path(file).parent) for name in names}))
