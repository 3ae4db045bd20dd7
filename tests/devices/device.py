"""A device without hardware: its tensors compute on the CPU, but what a GPU waits for or refuses shows.

`torch.device("toy")` is a device of torch's own kind, made by
`torch.utils.backend_registration._setup_privateuseone_for_python_backend`. Networks, autograd, optimizers and
Lightning treat it as any device that they don't know by name. A process that has it keeps it, so it belongs
in a process of its own (`session.py`).

- An operation with tensors of the device and of the CPU raises, as on a GPU (a scalar of the CPU may pass).
- Each transfer between host and device is an event, with the place in the code that asked for it: a read,
  for which the host waits, or a copy from the host.
- So is each operation whose result has a shape that depends on values. A GPU must wait for it, and a CUDA
  graph can't hold it.
- An event that is not among those that are meant raises, there and then.
- Without float64 (as on a Mac's GPU) each tensor of this type raises.
"""

import sys
from collections import Counter
from collections.abc import Container
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

aten = torch.ops.aten
NAME = "toy"
READ, COPY, QUEUED, SHAPE = "read", "copy", "copy without waiting", "shape"
# The host waits for the error code that these leave on a GPU.
CHECKED = (aten._linalg_eigh.default,)
MASKED = (aten.index.Tensor, aten.index_put_.default, aten._index_put_impl_.default)
HELPERS = (__name__, "cl_lightning.devices")


class Event(NamedTuple):
    """One kind of request to the device: in which phase of a run, and by which function."""

    kind: str
    phase: str
    place: str


class UnmeantError(Exception):
    """An event that is not meant."""


class DeviceTensor(Tensor):
    """A tensor of the device; the CPU computes with `inside`."""

    inside: Tensor

    @staticmethod
    def __new__(cls, inside: Tensor) -> "DeviceTensor":
        made: DeviceTensor = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            inside.size(),
            strides=inside.stride(),
            storage_offset=inside.storage_offset(),
            dtype=inside.dtype,
            device=torch.device(NAME, 0),
        )
        made.inside = inside
        return made

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"DeviceTensor({list(self.shape)}, {self.dtype})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert Device.on is not None, "tensors of the device compute in `with Device()`"
        return Device.on.run(func, args, kwargs or {})


class Device(TorchDispatchMode):
    """In this block the device is on; `events` counts the requests, in the current `phase`.

    The first request that is not `meant` (default: all are) raises UnmeantError. Later ones do not, because
    what ends a run moves its tensors to the CPU.
    """

    on: "Device | None" = None

    def __init__(self, has_float64: bool = True, meant: Container[Event] | None = None) -> None:
        super().__init__()
        self.has_float64, self.meant = has_float64, meant
        self.events: Counter[Event] = Counter()
        self.phase = "start"

    def __enter__(self) -> "Device":
        # So that the copy in torch.tensor(..., device=...) is seen here, as in torch's FakeTensorMode.
        self._before = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)
        Device.on = self
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        Device.on = None
        torch._C._set_only_lift_cpu_tensors(self._before)
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.run(func, args, kwargs or {})

    def run(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """The operation, on the CPU or on the device, wherever its tensors are."""
        tensors = [x for x in pytree.arg_tree_leaves(*args, **kwargs) if isinstance(x, Tensor)]
        target = kwargs.get("device") and torch.device(kwargs["device"]).type
        if target != NAME and not any(isinstance(x, DeviceTensor) for x in tensors):
            return func(*args, **kwargs)
        read = func is aten._to_copy.default and target == "cpu"
        if func is aten.copy_.default and not isinstance(args[0], DeviceTensor):
            read = True
        self._see(func, args, kwargs, tensors, read)
        inside, options = pytree.tree_map_only(DeviceTensor, lambda x: x.inside, (args, kwargs))
        result = func(*inside, **options | ({"device": "cpu"} if target else {}))
        if read:
            return result
        result = pytree.tree_map_only(Tensor, self._made, result)
        return return_and_correct_aliasing(func, args, kwargs, result)

    def _made(self, inside: Tensor) -> DeviceTensor:
        if inside.dtype == torch.float64 and not self.has_float64:
            raise TypeError(f"{NAME} has no float64")
        return DeviceTensor(inside)

    def _see(self, func: Any, args: Any, kwargs: Any, tensors: list[Tensor], read: bool) -> None:
        others = [x for x in tensors if not isinstance(x, DeviceTensor)]
        if read or torch.Tag.data_dependent_output in func.tags or func in CHECKED:
            self._add(READ)
        elif func in (aten._to_copy.default, aten.copy_.default):
            if others:
                self._add(QUEUED if kwargs.get("non_blocking") or args[2:] == (True,) else COPY)
        elif any(x.ndim for x in others):
            raise RuntimeError(f"{func} of tensors on {NAME} and on {others[0].device}")
        elif func in MASKED:
            if any(x is not None and x.dtype in (torch.bool, torch.uint8) for x in args[1]):
                self._add(SHAPE)
        elif torch.Tag.dynamic_output_shape in func.tags:
            self._add(SHAPE)

    def _add(self, kind: str) -> None:
        event = Event(kind, self.phase, place())
        self.events[event] += 1
        if self.meant is not None and event not in self.meant:
            self.meant = None
            raise UnmeantError(f"a {kind} by {event.place} ({self.phase}) is not meant, see meant.py")


class _Module:
    """`torch.toy`, of which torch asks these."""

    def is_available(self) -> bool:
        return True

    is_initialized = is_available

    def _is_in_bad_fork(self) -> bool:
        return False

    def device_count(self) -> int:
        return 1

    def current_device(self) -> int:
        return 0

    def manual_seed_all(self, seed: int) -> None:
        pass

    def get_rng_state(self) -> Tensor:
        return torch.zeros(0, dtype=torch.uint8)

    def set_rng_state(self, state: Tensor) -> None:
        pass

    def device(self, index: int) -> AbstractContextManager[None]:
        return nullcontext()

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


def register() -> torch.device:
    """Give this process the device, for the rest of its life."""
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
    return torch.device(NAME, 0)


def place() -> str:
    """The innermost function of ours (or of a test) that asked for what happens now; else Lightning's."""
    frame, found = sys._getframe(1), []
    while frame is not None:
        found.append((str(frame.f_globals.get("__name__")), frame.f_code.co_qualname))
        frame = frame.f_back  # type: ignore[assignment]
    asking = [(module, name) for module, name in found if module not in HELPERS]
    for package in ("cl_lightning.", "tests.", "lightning.pytorch."):
        for module, name in asking:
            if module.startswith(package):
                where = "lightning" if package == "lightning.pytorch." else module
                return f"{where}.{name}".removeprefix("cl_lightning.")
    return ".".join(asking[0])
