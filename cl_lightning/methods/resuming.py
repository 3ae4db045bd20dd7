"""Whether a fit that goes on from a checkpoint computes what the fit that wrote it would."""

from collections.abc import Iterator, Mapping
from typing import Any

from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch.optim import Optimizer

from cl_lightning.blueprints import ConfigError, differences
from cl_lightning.checkpoints import DESCRIPTION
from cl_lightning.methods.described import saved
from cl_lightning.methods.settings import IMPLEMENTATION, described, settings
from cl_lightning.methods.versions import changes

COMPARED = ("data", "trainer", "callbacks")
HALF = {"16-mixed", "bf16-mixed"}  # Lightning takes the second for the first on a CPU


class Resumed:
    """What a checkpoint tells of the fit that wrote it; one that goes on has the same settings.

    Refused is all that changes what a step computes: the method's arguments, the data's batches, the
    Trainer's precision, accumulation and clipping, the needed callbacks, optimizers and what they train.
    Other numbers of devices and workers, monitors and loggers are fine, a longer or shorter run is told. What
    can't be compared (code of the user's own), or what an older checkpoint does not tell, is left alone.
    """

    def __init__(self, checkpoint: Mapping[str, Any]) -> None:
        self._then: Mapping[str, Any] = checkpoint.get(DESCRIPTION, {})
        self._settings: Mapping[str, Any] = self._then.get("settings", {})
        states = checkpoint.get("optimizer_states", [])
        self._groups: list[list[dict[str, Any]]] = [state["param_groups"] for state in states]

    def check_settings(self, method: Any) -> None:
        """Compare all that is known before the optimizer is made; warns of other versions.

        Raises:
            ConfigError: with all that differs.
        """
        now = settings(method)
        _refuse(method, [*self._of_method(saved(method)), *self._of_settings(now)])
        if changed := changes(self._then.get("versions", {})):
            rank_zero_warn(f"{changed}: a resumed run may differ from an uninterrupted one in rounding")
        length = list(differences("trainer", self._settings.get("length", now["length"]), now["length"]))
        if length:
            rank_zero_info(
                f"{'; '.join(length)}: the learning rate goes on along the schedule of the new length"
            )

    def check_optimizers(self, method: Any) -> None:
        """Compare the optimizers, whoever made them.

        Raises:
            ConfigError: with all that differs.
        """
        now = method.trainer.optimizers
        then = self._settings.get("optimizers", [])
        found = [
            words
            for before, optimizer in zip(then, now, strict=False)
            for words in differences("optimizer", before, described(optimizer))
        ]
        for groups, optimizer in zip(self._groups, now, strict=False):
            found += _of_groups(groups, optimizer, tells_its_settings=bool(then))
        _refuse(method, found)

    def _of_method(self, now: Mapping[str, Any]) -> Iterator[str]:
        if "method" not in self._then:  # another program's checkpoint
            return
        if self._then["method"] != now["method"]:
            yield f"method: then {self._then['method']}, now {now['method']}"
            return
        yield from differences("", *(_computed(about["arguments"]) for about in (self._then, now)))

    def _of_settings(self, now: Mapping[str, Any]) -> Iterator[str]:
        then, trainer = self._settings, dict(now["trainer"])
        precisions = {then.get("trainer", {}).get("precision"), trainer["precision"]}
        if then.get("device") != now["device"] and precisions == HALF:
            del trainer["precision"]
        for name, part in {**now, "trainer": trainer}.items():
            if name in COMPARED and name in then:
                yield from differences(name, then[name], part)


def _computed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Without what tells how an optimizer is computed, not what, and who gave a warm-up."""
    left_out = {"optimizer": IMPLEMENTATION, "schedule": {"shorten"}}
    return {
        name: {k: v for k, v in part.items() if k not in left_out[name]}
        if name in left_out and isinstance(part, Mapping)
        else part
        for name, part in arguments.items()
    }


def _of_groups(then: list[dict[str, Any]], optimizer: Optimizer, tells_its_settings: bool) -> Iterator[str]:
    """What differs in the groups of parameters, and what a checkpoint that tells no settings gives away."""
    now = optimizer.param_groups
    counts = [[len(group["params"]) for group in groups] for groups in (then, now)]
    if counts[0] != counts[1]:
        yield f"trained tensors in each of the optimizer's groups: then {counts[0]}, now {counts[1]}"
        return
    if tells_its_settings:
        return
    for before, group in zip(then, now, strict=True):
        if gone := sorted(before.keys() - group.keys()):
            yield f"optimizer: then with {', '.join(gone)}, now a {type(optimizer).__name__} without"
        peaks = before.get("initial_lr"), group.get("initial_lr")
        if None not in peaks and peaks[0] != peaks[1]:
            yield (
                "peak of the learning rate (optimizer.lr, data.batch_size, accumulation): then "
                f"{peaks[0]:g}, now {peaks[1]:g}"
            )


def _refuse(method: Any, found: list[str]) -> None:
    if found:
        raise ConfigError(
            f"{method.trainer.ckpt_path} began with other settings: {'; '.join(dict.fromkeys(found))}; "
            "accepted: those that it began with, or a new fit without ckpt_path, which may start from its "
            f"weights ({type(method).__name__}.load_from_checkpoint(path, ...) with what is to be another)"
        )
