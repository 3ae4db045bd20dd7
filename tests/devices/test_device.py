"""The device of these tests refuses what a GPU refuses, and sees what a GPU waits for.

It is made with a private function of torch. If torch removes or changes it, these tests fail first. Then see
what torch's own `test/test_privateuseone_python_backend.py` uses instead, and change `device.register`; if
nothing is left, tensors of the device can be those of `torch._subclasses.FakeTensorMode` on `cuda`, without
backward and without values.
"""

import inspect
import json
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils import backend_registration

from tests import warm
from tests.cli.command import environment
from tests.devices.device import COPY, QUEUED, READ, SHAPE, Device, UnmeantError, register

REFUSED = {
    "tensors of two devices": lambda x: x + torch.ones(3),
    "an index on the CPU": lambda x: x.index_select(0, torch.zeros(1, dtype=torch.int64)),
    "the memory of the device": lambda x: x.numpy(),
}
ASKED = {
    "item": (lambda x: x[0].item(), {READ: 1}),
    "float": (lambda x: float(x[0]), {READ: 1}),
    "bool": (lambda x: bool((x > 0).all()), {READ: 1}),
    "tolist": (lambda x: x.tolist(), {READ: 1}),
    "cpu": (lambda x: x.cpu(), {READ: 1}),
    "copy to the CPU": (lambda x: torch.zeros(3).copy_(x), {READ: 1}),
    "equal": (lambda x: torch.equal(x, x), {READ: 1}),
    "from the CPU": (lambda x: torch.ones(3).to(x.device), {COPY: 1}),
    "from numbers": (lambda x: torch.tensor([1.0, 2.0], device=x.device), {COPY: 1}),
    "new from numbers": (lambda x: x.new_tensor([1.0, 2.0]), {COPY: 1}),
    "copy from the CPU": (lambda x: x.copy_(torch.ones(3)), {COPY: 1}),
    "without waiting": (lambda x: torch.ones(3).to(x.device, non_blocking=True), {QUEUED: 1}),
    "nonzero": (lambda x: x.nonzero(), {SHAPE: 1}),
    "a mask": (lambda x: x[x > 0], {SHAPE: 1}),
    "numbers of the CPU": (lambda x: x * 2 + torch.tensor(1.0), {}),
    "made there": (lambda x: torch.arange(3, device=x.device) + torch.zeros_like(x), {}),
    "training": (lambda x: trained(x), {}),
}


def trained(x: torch.Tensor) -> None:
    weight = torch.ones(3, device=x.device, requires_grad=True)
    (weight * x).square().sum().backward()
    torch.optim.SGD([weight], lr=0.1).step()


def outcomes() -> dict[str, Any]:
    """What becomes of each; in a process that has the device."""
    place, found = register(), {}
    for name, request in REFUSED.items():
        with Device():
            x = torch.ones(3, device=place)
            try:
                found[name] = str(request(x))
            except (RuntimeError, TypeError) as error:
                found[name] = type(error).__name__
    for name, (request, _) in ASKED.items():
        with Device() as device:
            x = torch.ones(3, device=place)
            request(x)
        found[name] = {event.kind: number for event, number in device.events.items()}
        with Device(meant=()):
            x = torch.ones(3, device=place)
            try:
                request(x)
                found[f"{name}, not meant"] = ""
            except UnmeantError as error:
                found[f"{name}, not meant"] = traceback.extract_tb(error.__traceback__)[1].line
    with Device(has_float64=False):
        for name, make in {"float64": torch.Tensor.double, "float32": torch.Tensor.float}.items():
            try:
                found[name] = str(make(torch.ones(3, device=place)).dtype)
            except TypeError as error:
                found[name] = type(error).__name__
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("device")
    command = [sys.executable, "-m", __name__, "found.json"]
    ran = warm.run(command, folder, environment(PYTHONPATH=str(warm.ROOT)), timeout=120)
    assert ran.returncode == 0, ran.stderr
    return json.loads(Path(folder, "found.json").read_text())


def test_torch_still_makes_a_device_in_python() -> None:
    make = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)
    assert make is not None, __doc__
    assert {"rename", "backend_module"} <= set(inspect.signature(make).parameters), __doc__
    for name in ("_only_lift_cpu_tensors", "_set_only_lift_cpu_tensors"):
        assert hasattr(torch._C, name), __doc__


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses_what_a_gpu_refuses(name: str, found: dict[str, Any]) -> None:
    assert found[name] in ("RuntimeError", "TypeError")


@pytest.mark.parametrize("name", ASKED)
def test_it_sees_what_a_gpu_waits_for(name: str, found: dict[str, Any]) -> None:
    assert found[name] == ASKED[name][1]


@pytest.mark.parametrize("name", ASKED)
def test_what_is_not_meant_raises_at_its_place(name: str, found: dict[str, Any]) -> None:
    assert bool(found[f"{name}, not meant"]) == bool(ASKED[name][1])
    assert found[f"{name}, not meant"] in inspect.getsource(inspect.getmodule(trained))


def test_without_float64_only_float64_is_refused(found: dict[str, Any]) -> None:
    assert (found["float64"], found["float32"]) == ("TypeError", "torch.float32")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(outcomes()))
