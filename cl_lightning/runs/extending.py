"""Checks that a new run can go on from another one, before anything is written."""

from pathlib import Path
from typing import Any, NamedTuple

from lightning.pytorch import Trainer

from cl_lightning.blueprints import ConfigError, refused
from cl_lightning.checkpoints import DESCRIPTION, Checkpoint
from cl_lightning.data import ContrastiveData
from cl_lightning.methods.contrastive import ContrastiveModule
from cl_lightning.methods.resuming import Resumed
from cl_lightning.optim import as_schedule
from cl_lightning.runs.checking import sizes
from cl_lightning.runs.contents import PARENT, check_unchanged
from cl_lightning.runs.folder import RunFolder
from cl_lightning.runs.own_images.record import first_of_machine
from cl_lightning.runs.parent import Parent, parent_of

NEEDED = (DESCRIPTION, "loops", "optimizer_states", "lr_schedulers", "callbacks", "global_step")
LISTED = 3  # weights


class Extension(NamedTuple):
    """Where a run goes on from: the parent, the steps and epochs that it has made."""

    parent: Parent
    step: int
    epoch: float
    broken: tuple[str, ...]  # files that it could not read, in the form of `ImageSets.place_of`

    @property
    def file(self) -> Path:
        return self.parent.file

    @property
    def told(self) -> dict[str, Any]:
        """The parent for the summary. Outside of a folder `NAME-HASH` it has no hash."""
        folder = self.parent.folder
        name, dash, identity = ("", "", "") if folder is None else folder.path.resolve().name.rpartition("-")
        return {
            "name": name if dash else self.parent.given,
            "hash": identity if dash else None,
            "step": self.step,
            "epoch": int(self.epoch) if self.epoch == int(self.epoch) else self.epoch,
        }


def extension(
    config: dict[str, Any],
    folder: RunFolder,
    method: ContrastiveModule,
    data: ContrastiveData,
    trainer: Trainer,
) -> Extension | None:
    """Where the run of a config goes on from, if it begins with `run.extend`; None if it has saved a step.

    Raises:
        ConfigError: the parent is none, computes other steps than this run, has made all of them, or has
            other images; or the schedule can't go on from it.
    """
    parent = None if folder.checkpoint.is_file() else parent_of(config)
    if parent is None:
        return None
    try:
        checkpoint = Checkpoint(parent.file)
    except ConfigError as error:
        raise ConfigError(f"run.extend is {parent.given}, but {error}") from error
    if missing := [name for name in NEEDED if name not in checkpoint.content]:
        raise ConfigError(
            f"run.extend is {parent.given}, but {parent.file} is no checkpoint of a run of cl_lightning (it "
            f"has no {missing[0]}); accepted: one that is, or {_weights_only(parent)}"
        )
    check_unchanged(PARENT, config)
    resumed = Resumed(checkpoint.content, extends=True)
    found = resumed.differing(method, trainer, data) or _lacking(checkpoint, method)
    if found:
        raise ConfigError(
            f"run.extend is {parent.given}, which began with other settings: {'; '.join(found)}; accepted: "
            f"the settings that it began with, or {_weights_only(parent)}"
        )
    images = checkpoint.content.get("ContrastiveData", {})
    with refused("data"):
        data.sets.go_on_from(
            images,
            f"run.extend={parent.given}",
            f"its images, or {_weights_only(parent)}",
            compare=first_of_machine(),
        )
    step, (total, per_epoch) = resumed.step, sizes.steps(data, trainer)
    _check_length(parent, step, total, per_epoch, trainer)
    with refused("schedule"):
        schedule = as_schedule(method.schedule).fitted(total, per_epoch)
        resumed.check_branch(method, trainer, schedule, total)
    return Extension(parent, step, step / per_epoch, tuple(images.get("broken", ())))


def _weights_only(parent: Parent) -> str:
    return f"init.weights={parent.given} instead of run.extend, which takes weights only"


def _lacking(checkpoint: Checkpoint, method: ContrastiveModule) -> list[str]:
    """States that the checkpoint lacks; else weights that differ in name or shape, as those of a network of
    the user's own may."""
    kept = checkpoint.content["callbacks"]
    if states := [kind.__name__ for kind in method.needed_callbacks if kind.__name__ not in kept]:
        return [f"no state of {name}" for name in states]
    then = {name: tuple(w.shape) for name, w in checkpoint.state_dict.items()}
    now = {name.replace("_orig_mod.", ""): tuple(w.shape) for name, w in method.state_dict().items()}
    differ = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    return [f"weight {n}: then {then.get(n, 'none')}, now {now.get(n, 'none')}" for n in differ[:LISTED]]


def _check_length(parent: Parent, step: int, total: int, per_epoch: int, trainer: Trainer) -> None:
    if step < total:
        return
    longer = []
    if trainer.max_epochs is not None and per_epoch * trainer.max_epochs <= step:
        longer.append(f"trainer.max_epochs={step // per_epoch + 1} or more (it is {trainer.max_epochs})")
    if -1 < trainer.max_steps <= step:
        longer.append(f"trainer.max_steps={step + 1} or more, or -1 (it is {trainer.max_steps})")
    raise ConfigError(
        f"run.extend is {parent.given}, which has made {step:,} steps (epoch {step / per_epoch:.4g}), but "
        f"this run ends after {total:,}; accepted: {' and '.join(longer)}"
    )
