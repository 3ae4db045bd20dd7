"""What the cases run: the commands, and scripts of a user."""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from lightning.pytorch import Trainer

import cl_lightning
from cl_lightning import SimCLR, evaluate, train
from cl_lightning.data import ContrastiveData
from cl_lightning.encoders import Encoder
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import simclr_views
from tests.endings import faults
from tests.endings.faults import Net, Photos, Places, meet

cl_lightning.allow(faults.__name__)
CONFIG = (
    *("data=custom", f"data.train._target_={faults.__name__}.Photos", "+data.train.part=train"),
    *(f"+data.val._target_={faults.__name__}.Photos", "+data.val.part=val", "data.size=8"),
    *("data.batch_size=2", "encoder=small_conv_net", f"encoder.backbone._target_={faults.__name__}.Net"),
    *("encoder.backbone.widths=[4,8]", "encoder.backbone.strides=[2,2]", "encoder.batch_norm=plain"),
    *("trainer=cpu", "trainer.max_epochs=1", "schedule.warmup_epochs=0", "callbacks.knn.k=2"),
    *(f"+callbacks.places._target_={faults.__name__}.Places", "logger=csv"),
)


def cl_train(workers: int) -> None:
    sys.argv = ["cl-train", *CONFIG, f"data.num_workers={workers}"]
    train.main()


def cl_eval(workers: int) -> None:
    (run,) = Path("runs").iterdir()
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("num_workers: 0", f"num_workers: {workers}"))
    evaluate.main([str(run), "--labels", "--draws", "1"])


def data(workers: int) -> ContrastiveData:
    return ContrastiveData(Photos("train"), Photos("val"), batch_size=2, num_workers=workers)


def fit(workers: int) -> None:
    encoder = Encoder(Net(widths=(4, 8), strides=(2, 2), channels=3), hidden_features=8, out_features=4)
    method = SimCLR(
        views=simclr_views(8),
        encoder=encoder,
        optimizer=partial(torch.optim.SGD, lr=0.01),
        schedule=WarmupCosine(warmup_epochs=0),
    )
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=[Places()],
        logger=False,
        enable_checkpointing=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(method, data(workers))


def loop(part: str, workers: int) -> None:
    """A user's own, which leaves a batch behind at its end, and workers."""
    here = data(workers)
    loader = here.train_dataloader() if part == "train" else here.val_dataloader()[0]
    globals()["kept"] = batches = iter(loader)
    for _ in range(2):
        next(batches)
    meet(f"{part}-loop")
    globals()["taken"] = taken = []
    for _ in range(9 if os.environ["FAULT"] != f"{part}-loop end" else 0):
        taken.append(next(batches))


COMMANDS: dict[str, Callable[[int], None]] = {
    "cl-train": cl_train,
    "cl-eval": cl_eval,
    "fit": fit,
    "train-loop": partial(loop, "train"),
    "val-loop": partial(loop, "val"),
}
