"""What of a method and its optimizer is compared with the fit that wrote a checkpoint."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch.optim import Optimizer

from cl_lightning.optim import IMPLEMENTATION


def computed(arguments: Mapping[str, Any], extends: bool = False) -> dict[str, Any]:
    """The arguments without implementation options of the optimizer, and without `schedule.shorten`; of a fit
    that extends another one, also without its schedule."""
    left_out = {"optimizer": IMPLEMENTATION, "schedule": {"shorten"}}
    return {
        name: {k: v for k, v in part.items() if k not in left_out[name]}
        if name in left_out and isinstance(part, Mapping)
        else part
        for name, part in arguments.items()
        if not (extends and name == "schedule")
    }


def of_groups(then: list[dict[str, Any]], optimizer: Optimizer, tells_its_settings: bool) -> Iterator[str]:
    """Differences in the parameter groups; for a checkpoint without settings, also in their options."""
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
