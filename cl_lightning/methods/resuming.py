"""Checks that a resumed fit computes the same as the fit that wrote the checkpoint."""

from collections.abc import Iterator, Mapping
from typing import Any

from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from cl_lightning.blueprints import ConfigError, differences
from cl_lightning.checkpoints import DESCRIPTION
from cl_lightning.methods.compared import computed, of_groups
from cl_lightning.methods.described import saved
from cl_lightning.methods.early_end import reopen
from cl_lightning.methods.rates import OURS, begin_anew, made
from cl_lightning.methods.settings import described, settings
from cl_lightning.methods.versions import changes
from cl_lightning.optim import WarmedUp

COMPARED = ("data", "trainer", "callbacks")
HALF = {"16-mixed", "bf16-mixed"}  # on a CPU Lightning replaces the first by the second
OUR_SCHEDULES = "cl_lightning.optim."


class Resumed:
    """The fit that wrote a checkpoint, which a fit from this checkpoint goes on with.

    Every change of what a step computes is refused: the method's arguments, the data's batches, the Trainer's
    precision, accumulation and clipping, the needed callbacks, the optimizers and what they train. Other
    numbers of devices and workers, other monitors and loggers are allowed. A longer or shorter run is allowed
    with a message. Parts of the user's own code that no config named can't be compared, and older checkpoints
    lack some settings; these are not checked.

    Args:
        checkpoint: its content, from which Lightning will load.
        extends: whether another schedule is allowed too.
    """

    def __init__(self, checkpoint: Mapping[str, Any], extends: bool = False) -> None:
        self._checkpoint, self.extends = checkpoint, extends
        self._then: Mapping[str, Any] = checkpoint.get(DESCRIPTION, {})
        self._settings: Mapping[str, Any] = self._then.get("settings", {})
        states = checkpoint.get("optimizer_states", [])
        self._groups: list[list[dict[str, Any]]] = [state["param_groups"] for state in states]

    @property
    def step(self) -> int:
        """The optimizer steps that it had made."""
        return int(self._checkpoint["global_step"])

    @property
    def rate(self) -> float | None:
        """The learning rate of its next step; None if there was no optimizer."""
        return float(self._groups[0][0]["lr"]) if self._groups else None

    @property
    def moves_of_scheduler(self) -> int:
        """How often the scheduler has moved whose state a fit will load; 0 if there is none."""
        states = self._checkpoint.get("lr_schedulers") or [{}]
        return int(states[0].get("last_epoch", 0))

    def differing(self, method: Any, trainer: Any, data: Any) -> list[str]:
        """All settings that differ, as text, of those that are known before the optimizer is made."""
        now = settings(method, trainer, data)
        return [*self._of_method(saved(method)), *self._of_settings(now)]

    def check_settings(self, method: Any) -> None:
        """Compare everything that is known before the optimizer is made; warns about other versions.

        Raises:
            ConfigError: settings differ; lists all differences.
        """
        trainer = method.trainer
        _refuse(method, self.differing(method, trainer, trainer.datamodule))
        if changed := changes(self._then.get("versions", {})):
            rank_zero_warn(f"{changed}: a resumed run may differ from an uninterrupted one in rounding")
        now = settings(method, trainer, trainer.datamodule)["length"]
        length = list(differences("trainer", self._settings.get("length", now), now))
        if length:
            rank_zero_info(
                f"{'; '.join(length)}: the learning rate continues on the schedule of the new length"
            )

    def go_on_inside_its_epoch(self, trainer: Any) -> None:
        """A fit that goes beyond one that `max_steps` ended trains on the rest of that one's last epoch."""
        ended_by_steps = self._settings.get("length", {}).get("max_steps") == self.step
        goes_beyond = trainer.max_steps == -1 or trainer.max_steps > self.step
        if goes_beyond and (ended_by_steps or self.extends) and "loops" in self._checkpoint:
            loops = self._checkpoint["loops"]["fit_loop"]
            reopen(loops, trainer.datamodule.batches_per_epoch, trainer.accumulate_grad_batches)

    def go_on_with(self, method: Any, scheduler: LRScheduler, optimizer: Optimizer) -> bool:
        """Keep the state of another scheduler from this one, see `begin_anew`.

        Returns:
            whether this scheduler, which is not ours, begins anew.

        Raises:
            ConfigError: it is another one, and the fit does not extend the other; lists all differences.
        """
        then = self._scheduler()
        if then is not None and not self.extends:
            _refuse(method, list(differences("schedule", then, made(scheduler))))
        return begin_anew(self._checkpoint, then, scheduler, optimizer)

    def check_branch(self, method: Any, trainer: Any, schedule: Any, total_steps: int) -> None:
        """Check that another schedule, or the same one for a run of another length, can go on from it.

        Raises:
            ValueError: see `WarmupStableDecay.check_branch`.
        """
        now = {"max_epochs": trainer.max_epochs, "max_steps": trainer.max_steps}
        courses = [
            computed(about.get("arguments", {})).get("schedule") for about in (self._then, saved(method))
        ]
        is_another = courses[0] != courses[1] or self._settings.get("length") != now
        if self.extends and is_another and isinstance(schedule, WarmedUp):
            schedule.check_branch(self.step, total_steps)

    def check_optimizers(self, method: Any) -> None:
        """Compare the optimizers, also those of a user's own `configure_optimizers`.

        Raises:
            ConfigError: they differ; lists all differences.
        """
        now = method.trainer.optimizers
        then = self._settings.get("optimizers", [])
        found = [
            words
            for before, optimizer in zip(then, now, strict=False)
            for words in differences("optimizer", before, described(optimizer))
        ]
        for groups, optimizer in zip(self._groups, now, strict=False):
            found += of_groups(groups, optimizer, tells_its_settings=bool(then))
        _refuse(method, found)

    def _scheduler(self) -> Mapping[str, Any] | None:
        """The `made` of its scheduler; None if it is not known."""
        if (then := self._settings.get("scheduler")) is not None:
            return then
        schedule = self._then.get("arguments", {}).get("schedule") or {}
        return OURS if str(schedule.get("_target_")).startswith(OUR_SCHEDULES) else None

    def _of_method(self, now: Mapping[str, Any]) -> Iterator[str]:
        if "method" not in self._then:  # a checkpoint of another program
            return
        if self._then["method"] != now["method"]:
            yield f"method: then {self._then['method']}, now {now['method']}"
            return
        then, present = (computed(about["arguments"], self.extends) for about in (self._then, now))
        yield from differences("", then, present)

    def _of_settings(self, now: Mapping[str, Any]) -> Iterator[str]:
        then, trainer = self._settings, dict(now["trainer"])
        precisions = {then.get("trainer", {}).get("precision"), trainer["precision"]}
        if then.get("device") != now["device"] and precisions == HALF:
            del trainer["precision"]
        for name, part in {**now, "trainer": trainer}.items():
            if name in COMPARED and name in then:
                yield from differences(name, then[name], part)


def _refuse(method: Any, found: list[str]) -> None:
    if not found:
        return
    schedule = " (method.extends = True, if another schedule is meant)" if _is_of_schedule(found) else ""
    raise ConfigError(
        f"{method.trainer.ckpt_path} began with other settings: {'; '.join(dict.fromkeys(found))}; "
        f"accepted: those that it began with{schedule}, or a new fit without ckpt_path, which may start from "
        f"its weights ({type(method).__name__}.load_from_checkpoint(path, ...) with what is to be another)"
    )


def _is_of_schedule(found: list[str]) -> bool:
    return all(words.startswith("schedule") for words in found)
