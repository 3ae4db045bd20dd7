"""Which callbacks a method needs is asked of its class, of a user's own too."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Callback

from cl_lightning.callbacks import HealthMonitor, MomentumEncoder, NegativeQueue
from cl_lightning.methods import MoCoV2, SimCLR
from cl_lightning.optim import WarmupCosine
from cl_lightning.pairs import moco_v2_views
from tests import small


class Slower(MomentumEncoder):
    """A key encoder of a user's."""


class Memory(Callback):
    """What a user's own method needs."""


class WithMemory(SimCLR):
    needed_callbacks = (Memory,)


class Forgets(MoCoV2):
    """A method that brings nothing along."""

    def configure_callbacks(self) -> list[Callback]:
        return []


def made(kind: type[Any]) -> Any:
    return kind(moco_v2_views(small.SIZE), small.encoder(), optimizer=small.sgd, schedule=WarmupCosine())


def test_the_classes_say_what_they_need() -> None:
    assert SimCLR.needed_callbacks == ()
    assert MoCoV2.needed_callbacks == (MomentumEncoder, NegativeQueue)


def test_a_subclass_of_a_needed_kind_is_one() -> None:
    given = Slower(0.9)
    trainer = small.trainer(given, NegativeQueue(40))
    trainer.fit(small.moco(), small.data())
    assert [c for c in trainer.callbacks if isinstance(c, MomentumEncoder)] == [given]


def test_a_method_of_ones_own_is_refused_before_its_first_step_without_what_it_needs(tmp_path: Path) -> None:
    trainer = small.trainer(default_root_dir=tmp_path)
    with pytest.raises(ValueError, match="WithMemory needs a Memory"):
        trainer.fit(made(WithMemory), small.data())
    assert trainer.global_step == 0
    small.trainer(Memory()).fit(made(WithMemory), small.data())


def test_a_callback_that_is_missing_in_a_step_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="Forgets needs a NegativeQueue"):
        small.trainer(MomentumEncoder()).fit(made(Forgets), small.data())


def test_a_method_without_its_default_callbacks_is_refused() -> None:
    method = small.moco()
    method.default_callbacks.clear()
    with pytest.raises(ValueError, match="MoCoV2 needs a MomentumEncoder"):
        small.trainer(HealthMonitor()).fit(method, small.data())
