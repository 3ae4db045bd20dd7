"""Runs on the device, as `cl-train` would train them: `python -m tests.devices.session FILE CASES`.

FILE gets, for each run of these cases, where it was stopped for what is not meant; else its numbers of steps,
what it asked the device for, and, for some, how far its weights are from those of the same run on the CPU.
"""

import json
import sys
import traceback
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.accelerators import AcceleratorRegistry
from lightning.pytorch.strategies import SingleDeviceStrategy, StrategyRegistry

from cl_lightning import devices
from cl_lightning.commands.quiet import quiet
from cl_lightning.data import ContrastiveData
from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.runs.assemble import assemble_data, assemble_method, assemble_trainer
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.loggers import assemble_loggers, recorded
from tests.devices.device import NAME, Device, UnmeantError, register
from tests.devices.in_lightning import Careless, Phases, Saver, Toy
from tests.devices.meant import events_meant
from tests.small import SMALL, SMALL_MOCO, SMALL_NNCLR, config

EPOCHS, LOG_EVERY = 2, 2
RUN = (
    *(
        *SMALL,
        f"trainer.max_epochs={EPOCHS}",
        "data.train.images=24",
        f"trainer.log_every_n_steps={LOG_EVERY}",
    ),
    *("schedule.lr_scaling=none", "callbacks.checkpoint=null", "callbacks.preemption=null"),
)
METHODS = {
    "simclr": (),
    "moco_v2": SMALL_MOCO,
    "moco_v2, symmetric": (*SMALL_MOCO, "method.symmetric=true", "encoder.batch_norm=split"),
    "nnclr": SMALL_NNCLR,
    "digits": ("views=digits", "data.channels=1", "data.mean=[0.5]", "data.std=[0.25]"),
}
RESUMED = ("moco_v2", "nnclr")
OPTIONS = {
    "skipping": ("callbacks.finite_guard.max_skipped=1",),
    "checkpointing": ("encoder.checkpointing=true", *SMALL_MOCO),
    "accumulating": ("trainer.accumulate_grad_batches=3", "trainer.gradient_clip_val=1"),
}
CHOICES = {
    **{f"optimizer={name}": (f"optimizer={name}",) for name in ("adamw", "lars")},
    **{f"loss={name}": (f"loss={name}",) for name in ("dcl", "hard_nt_xent", "sup_con")},
    **{f"loss={name}": (*SMALL_MOCO, f"loss={name}") for name in ("dcl_info_nce", "hard_info_nce")},
}
ONE_BY_ONE = "one by one"  # SimCLR on images that a loader reads, as it reads photos
CARELESS = "careless"  # SimCLR with a user's callback that reads each loss
WITHOUT = "without float64"
THERE = (f"trainer.accelerator={NAME}", f"trainer.strategy={NAME}")
CASES = {
    "fast": (*METHODS, *OPTIONS, ONE_BY_ONE, CARELESS),
    "slow": tuple(CHOICES),
    WITHOUT: ("simclr", "moco_v2"),
}


def fit(
    words: tuple[str, ...], *callbacks: Callback, one_by_one: bool = False, saved: Path | None = None
) -> tuple[ContrastiveModule, Trainer]:
    """What `cl-train` would train, with a few more callbacks; goes on from what was saved."""
    with TemporaryDirectory() as place:
        asked, folder = config(*RUN, *words), RunFolder(Path(place))
        method, data, trainer = assemble_method(asked), assemble_data(asked), assemble_trainer(asked, folder)
        if one_by_one:
            train, val = ([part[i] for i in range(len(part))] for part in (data.train, data.val))
            data = ContrastiveData(train, val, data.batch_size)
        trainer.callbacks[:0] = callbacks  # type: ignore[attr-defined]
        with recorded(trainer, assemble_loggers(asked, folder, None), asked):
            trainer.fit(method, datamodule=data, ckpt_path=saved, weights_only=True)
    return method, trainer


def on_device(name: str, has_float64: bool) -> dict[str, Any]:
    """What became of a run: where it was stopped, or its numbers."""
    words = (METHODS | OPTIONS | CHOICES).get(name, ())
    devices._of_type.cache_clear()
    with Device(has_float64, events_meant(has_float64)) as device:
        careless = [Careless()] if name == CARELESS else []
        try:
            method, trainer = fit((*words, *THERE), Phases(device), *careless, one_by_one=name == ONE_BY_ONE)
        except UnmeantError:
            return {"stopped": traceback.format_exc()}
        weights = [x.detach().cpu() for x in method.parameters()]
    return {
        "stopped": "",
        "numbers": {
            "run": 1,
            "epoch": EPOCHS,
            "step": EPOCHS * int(trainer.num_training_batches),
            "optimizer step": trainer.global_step,
            "logged step": trainer.global_step // LOG_EVERY,
        },
        "events": [[*event, number] for event, number in device.events.items()],
        "difference": _difference(weights, words) if name in METHODS else None,
        "resumed": resumed(words) if name in RESUMED and has_float64 else None,
    }


def resumed(words: tuple[str, ...]) -> bool:
    """Whether a run that goes on within its second epoch ends with the bits of one that was not stopped."""
    with TemporaryDirectory() as place, Device() as device:
        saver = Saver(Path(place, "some.ckpt"), step=4)
        whole, _ = fit((*words, *THERE), Phases(device), saver)
        again, _ = fit((*words, *THERE), Phases(device), saved=saver.file)
        pairs = zip(whole.state_dict().values(), again.state_dict().values(), strict=True)
        return all(torch.equal(x, y) for x, y in pairs)


def _difference(weights: list[torch.Tensor], words: tuple[str, ...]) -> float:
    """The largest difference from the weights of the same run on the CPU, as a share of the largest."""
    method, _ = fit(words)
    pairs = zip(weights, method.parameters(), strict=True)
    return max(float((x - y).abs().max() / y.abs().max()) for x, y in pairs)


def main(file: str, cases: str) -> None:
    warnings.simplefilter("ignore")
    quiet()
    register()
    AcceleratorRegistry.register(NAME, Toy)
    StrategyRegistry.register(NAME, SingleDeviceStrategy, device=torch.device(NAME, 0))
    runs = {name: on_device(name, cases != WITHOUT) for name in CASES[cases]}
    Path(file).write_text(json.dumps(runs))


if __name__ == "__main__":
    main(*sys.argv[1:])
