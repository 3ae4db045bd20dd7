"""Which columns tell rows apart."""

from itertools import product
from typing import Any

from cl_lightning.reports.columns import ABSENT, columns
from cl_lightning.reports.seeds import without_seeds
from cl_lightning.runs.identity import determining, flat
from tests.reports.folders import changed, composed


def keys(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return flat(determining(changed(*args, **kwargs)))


def titles(rows: list[dict[str, Any]]) -> list[str]:
    return [column.title for column in columns(rows)]


def test_a_choice_stands_for_all_that_it_changes() -> None:
    rows = without_seeds([keys("simclr"), keys("moco_v2")])
    (column,) = columns(rows)
    assert (column.title, column.values) == ("method", ("simclr", "moco_v2"))
    following = {"loss._target_", "optimizer.lr", "callbacks.negative_queue.length", "method._target_"}
    assert following < set(column.following)


def test_a_grid_has_a_column_for_each_key_of_the_command_line() -> None:
    rows = [keys(m, loss__temperature=t) for m, t in product(("simclr", "moco_v2"), (0.1, 0.2))]
    assert titles(rows) == ["method", "loss.temperature"]


def test_every_key_of_a_random_search_keeps_its_column() -> None:
    rates, temperatures = (0.3, 0.1, 0.2), (0.11, 0.57, 0.23)
    rows = [keys(optimizer__lr=lr, loss__temperature=t) for lr, t in zip(rates, temperatures, strict=True)]
    assert sorted(titles(rows)) == ["loss.temperature", "optimizer.lr"]
    mixed = [
        keys(m, optimizer__lr=lr, loss__temperature=t)
        for m, lr, t in zip(("simclr", "moco_v2", "simclr"), rates, temperatures, strict=True)
    ]
    assert sorted(titles(mixed)) == ["loss.temperature", "method", "optimizer.lr"]
    names = (("simclr", "a"), ("simclr", "b"), ("moco_v2", "a"))  # which together would tell any number
    named = [keys(m, encoder__name=n, optimizer__lr=lr) for (m, n), lr in zip(names, rates, strict=True)]
    assert titles(named) == ["method", "encoder", "optimizer.lr"]


def test_an_interpolated_key_follows_the_key_that_it_copies() -> None:
    rows = [keys(data__size=n, data__train__size=n, data__val__size=n, views__size=n) for n in (8, 16, 32)]
    (column,) = columns(rows)
    assert column.key == "data.size"
    assert set(column.following) == {"views.size", "data.train.size", "data.val.size"}


def test_keys_that_always_change_together_have_one_column() -> None:
    pairs = [(0.1, 16, 1), (0.2, 32, 1), (0.1, 16, 2), (0.2, 32, 2)]
    rows = [keys(optimizer__lr=lr, data__batch_size=b, loss__temperature=t) for lr, b, t in pairs]
    assert [(c.key, c.following) for c in columns(rows)] == [
        ("optimizer.lr", ("data.batch_size",)),
        ("loss.temperature", ()),
    ]


def test_classes_are_told_by_the_group_that_they_are_chosen_in() -> None:
    adam = {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": 2e-3, "betas": [0.9, 0.999]}
    (column,) = columns([keys(), keys(optimizer=adam)])
    assert (column.title, column.values) == ("optimizer", ("torch.optim.SGD", "torch.optim.AdamW"))
    assert column.is_target
    assert "optimizer.lr" in column.following


def test_no_two_columns_have_one_title() -> None:
    encoders = [("a", "x.A"), ("a", "x.B"), ("b", "x.A"), ("b", "x.B")]
    same = composed("simclr")["encoder"]
    rows = [keys(encoder={**same, "name": name, "_target_": target}) for name, target in encoders]
    assert titles(rows) == ["encoder", "encoder._target_"]


def test_a_key_that_some_rows_have_not_is_absent_there() -> None:
    rows = [keys("simclr"), *(keys("moco_v2", callbacks__negative_queue__length=n) for n in (16, 32))]
    method, length = columns(rows)
    assert (method.title, method.values) == ("method", ("simclr", "moco_v2", "moco_v2"))
    assert (length.key, length.values) == ("callbacks.negative_queue.length", (ABSENT, 16, 32))


def test_columns_always_tell_all_rows_apart() -> None:
    grid = product(("simclr", "moco_v2"), (0.1, 0.2), ([4, 8], [8, 8]), (True, False), (16, 8))
    rows = [
        keys(
            m,
            loss__temperature=t,
            encoder__backbone__widths=w,
            encoder__output_batch_norm=o,
            data__batch_size=b,
        )
        for m, t, w, o, b in grid
    ]
    for some in (rows, rows[::3], rows[1:7], rows[::7]):
        found = columns(some)
        told = {str([column.values[place] for column in found]) for place in range(len(some))}
        assert len(told) == len(some)
        assert len(found) <= 5


def test_a_seed_of_its_own_is_no_copy_of_the_seed() -> None:
    copies = without_seeds([keys("moco_v2", seed=seed) for seed in (1, 2)])
    assert columns(copies) == []
    own = without_seeds([keys(seed=seed, data__seed=seed % 2) for seed in (1, 2, 3)])
    assert titles(own) == ["data.seed"]
