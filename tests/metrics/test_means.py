"""Means of several scalars at once."""

import torch

from cl_lightning.metrics import Means


def test_mean_over_steps_of_each_name() -> None:
    means = Means(("a", "b"))
    for a, b in (([1.0], [10.0]), ([2.0, 6.0], [20.0, 0.0])):
        means.update(torch.tensor(a), torch.tensor(b, dtype=torch.float64))
    assert {name: value.item() for name, value in means.compute().items()} == {"a": 3.0, "b": 10.0}


def test_reset_forgets() -> None:
    means = Means(("a",))
    means.update(torch.tensor([4.0]))
    means.reset()
    means.update(torch.tensor([2.0]))
    assert means.compute()["a"] == 2.0
