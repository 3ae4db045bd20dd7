"""Free shared memory is compared with what the workers may fill, before a run begins."""

import re
import warnings
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from lightning.pytorch import Trainer

from cl_lightning.blueprints import ConfigError
from cl_lightning.data import ContrastiveData, synthetic
from cl_lightning.data.workers import shared_batch
from cl_lightning.runs.checking import shared_memory
from cl_lightning.runs.checking.shared_memory import check_shared_memory, spare_shared_memory
from tests import small

ITEM = 3 * small.SIZE**2 + 16  # bytes of an image in evaluation, of a pair two of them
PAIR = 2 * 3 * small.SIZE**2 + 16


class Photos(torch.utils.data.Dataset[torch.Tensor]):
    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((3, 12, 10), index, dtype=torch.uint8)


def check(
    free: int | None, batch_size: int = 16, num_workers: int = 2, world: int = 1, nodes: int = 1, **sets: Any
) -> list[str]:
    """What is told of `free` bytes."""
    method: Any = small.simclr()
    data = ContrastiveData(**({"train": Photos(), "val": Photos()} | sets), batch_size=batch_size)
    data.num_workers = num_workers
    images = {name: torch.zeros(3, 12, 10, dtype=torch.uint8) for name in ("train", "val", "bank")}
    trainer: Any = Mock(spec=Trainer, world_size=world, num_nodes=nodes, is_global_zero=True)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as told:
        patch.setattr(shared_memory, "free_memory", lambda: free)
        warnings.simplefilter("always")
        check_shared_memory(method, data, images, trainer)
    return [str(warning.message) for warning in told]


ALL = 16 * (PAIR + 2 * ITEM) * (2 * 2 + 2)  # of three loaders, two workers, two batches ahead


def test_where_all_may_fit_nothing_is_told() -> None:
    assert check(free=ALL) == []
    assert check(free=None) == []  # no limit
    assert check(free=0, num_workers=0) == []


def test_one_byte_less_is_told_with_the_keys_and_a_batch_size_that_fits() -> None:
    (told,) = check(free=ALL - 1)
    for remedy in ("data.num_workers=0", "--shm-size=1g"):
        assert remedy in told
    fitting = int(re.search(r"data\.batch_size of at most (\d+)", told)[1])  # type: ignore[index]
    assert fitting == 15
    assert check(free=ALL - 1, batch_size=fitting) == []


def test_less_than_a_batch_for_each_worker_is_refused() -> None:
    assert len(check(free=2 * 16 * PAIR)) == 1
    with pytest.raises(ConfigError, match=r"data\.num_workers=0, .*--shm-size"):
        check(free=2 * 16 * PAIR - 1)


def test_the_processes_of_a_machine_share_its_memory_and_other_machines_have_their_own() -> None:
    assert check(free=ALL, world=2) == []  # each has half of every batch
    assert check(free=ALL // 2, world=2, nodes=2) == []
    assert len(check(free=ALL - 1, world=2)) == 1
    assert len(check(free=ALL // 2 - 1, world=2, nodes=2)) == 1


def test_sets_that_need_no_workers_take_none() -> None:
    tensors = synthetic("val", images=32, size=small.SIZE)
    assert check(free=16 * PAIR * 6, val=tensors, bank=tensors) == []
    assert len(check(free=16 * PAIR * 6 - 1, val=tensors, bank=tensors)) == 1
    assert check(free=16 * PAIR * 6, val=None) == []


def test_an_evaluation_reads_without_workers_where_theirs_may_not_all_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    views, evaluated = small.simclr().views, 16 * 2 * ITEM * (2 * 2 + 2)  # of queries and bank
    for free, workers in ((evaluated, 2), (None, 2), (evaluated - 1, 0)):
        monkeypatch.setattr(shared_memory, "free_memory", lambda free=free: free)
        data = ContrastiveData(Photos(), Photos(), batch_size=16, num_workers=2)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            spare_shared_memory(data, views)
        assert data.num_workers == workers
        assert ["--shm-size=1g" in str(warning.message) for warning in told] == [True] * (workers == 0)


def test_a_file_system_without_a_limit_has_no_number_of_free_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    room = SimpleNamespace(f_bavail=0, f_frsize=4096, f_blocks=0)
    monkeypatch.setattr(shared_batch.os, "statvfs", lambda place: room)
    assert shared_batch.free_memory() is None
    room.f_blocks, room.f_bavail = 10, 3
    assert shared_batch.free_memory() == 3 * 4096
