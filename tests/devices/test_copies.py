"""Copies to a device, for which the host does not wait."""

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from cl_lightning.devices import has_float64, on_device


def test_a_copy_to_a_gpu_comes_from_pinned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[Tensor] = []
    monkeypatch.setattr(Tensor, "pin_memory", lambda x: pinned.append(x) or x)
    with FakeTensorMode():  # has a cuda that computes nothing
        x = torch.ones(3)
        y = on_device(x, torch.device("cuda"))
        assert on_device(y, torch.device("cuda")) is y
    assert y.device.type == "cuda"
    assert len(pinned) == 1
    assert pinned[0] is x


def test_a_tensor_that_is_there_is_not_copied() -> None:
    x = torch.ones(3)
    assert on_device(x, torch.device("cpu")) is x


@pytest.mark.gpu
def test_a_copy_to_a_real_gpu_has_the_same_values() -> None:
    x = torch.arange(1000)
    assert on_device(x, torch.device("cuda")).cpu().equal(x)


def test_a_cpu_has_float64_and_what_is_not_there_has_not() -> None:
    assert has_float64(torch.device("cpu"))
    assert not has_float64(torch.device("mps"))
