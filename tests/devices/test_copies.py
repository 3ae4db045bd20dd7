"""Copies to a device, for which the host does not wait."""

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from cl_lightning.data import Batch
from cl_lightning.data.workers.worker_loader import pinned
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


def test_the_batches_of_a_loader_come_from_pinned_memory_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.accelerator, "current_device_index", lambda: 0)
    monkeypatch.setattr(torch.accelerator, "set_device_index", lambda index: None)
    monkeypatch.setattr(Tensor, "pin_memory", lambda x: x + 100)  # shows what was pinned
    batches = [(Batch(*torch.tensor([[i], [i + 1], [i + 2]])), {}) for i in range(5)]
    found = [[int(part) for part in batch] for batch, _ in pinned(batches)]
    assert found == [[i + 100, i + 101, i + 102] for i in range(5)]


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
