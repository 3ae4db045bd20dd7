"""What a command imports is not searched for garbage, and nothing else changes."""

import gc
import sys
from collections.abc import Iterator

import pytest

from cl_lightning.commands.heavy_imports import heavy_imports


@pytest.fixture
def frozen() -> Iterator[int]:
    """How many objects were left out of the search before the test, which are so after it too."""
    yield gc.get_freeze_count()
    assert gc.isenabled()


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")


@pytest.mark.usefixtures("without_torch")
def test_what_is_imported_is_left_out_of_the_search(frozen: int) -> None:
    with heavy_imports():
        assert not gc.isenabled()
        imported = [[] for _ in range(1000)]
    assert gc.get_freeze_count() > frozen
    assert not {id(each) for each in imported} & {id(each) for each in gc.get_objects()}


@pytest.mark.usefixtures("without_torch")
def test_an_import_that_fails_changes_nothing_for_what_comes_after(frozen: int) -> None:
    with pytest.raises(ImportError), heavy_imports():
        raise ImportError
    assert gc.isenabled()


@pytest.mark.usefixtures("without_torch")
def test_who_has_switched_the_search_off_finds_it_off(frozen: int) -> None:
    gc.disable()
    try:
        with heavy_imports():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
    assert gc.get_freeze_count() <= frozen  # fewer where one of them is gone


def test_a_program_that_has_imported_torch_keeps_its_own_garbage_in_the_search(frozen: int) -> None:
    with heavy_imports():
        assert gc.isenabled()
    assert gc.get_freeze_count() <= frozen  # fewer where one of them is gone
