"""What random overrides have found: each once ended with a traceback, a wait, or files left behind."""

import pytest

from tests.bad_input.conftest import Train
from tests.small import SMALL, SMALL_MOCO

REFUSED = {
    # lists of what is no option's name, over which Hydra trips
    "encoder=[null]": "an option is none of Hydra's (TypeError: ",
    "logger=[0]": "accepted: GROUP=OPTION or KEY=VALUE",
    "callbacks=[1,2]": "accepted: GROUP=OPTION or KEY=VALUE",
    # numbers and text in the place of a part
    "data.train=5": "data.train is 5; accepted: keys below it",
    "data.val=a": "data.val is 'a'; accepted: keys below it",
    "callbacks.finite_guard=x": "callbacks.finite_guard is 'x'; accepted: keys below it",
    "callbacks.finite_guard=2": "callbacks.finite_guard is 2; accepted: keys below it",
    "callbacks.throughput=[1]": "callbacks.throughput: Cannot merge DictConfig with ListConfig; accepted",
    # numbers that the optimizer takes
    "optimizer.weight_decay=nan": "optimizer.weight_decay is nan; accepted: a number of at most 3.4e+38",
    "optimizer.weight_decay=1e300": "optimizer.weight_decay is 1e+300; accepted: a number of at most 3.4e+38",
    "optimizer.lr=inf": "optimizer.lr is inf; accepted: a number of at most 3.4e+38",
    "optimizer.momentum=inf": "optimizer.momentum is inf; accepted: a number of at most 3.4e+38",
    # as many processes as there are numbers
    "trainer.devices=1000000000": "trainer.devices is 1000000000; accepted: 1 to 1024",
    # what was told after the run folder was made
    "callbacks=moco_v2": "callbacks.negative_queue is there, but SimCLR has no keys for it; accepted: ",
    "logger.csv=1.5": "logger.csv is 1.5; accepted: keys below it",
    "logger.csv._target_=[null]": "logger.csv._target_ is [None]; accepted: one of the OPTIONS",
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_it_gets_one_line_and_leaves_nothing(wrong: str, train: Train) -> None:
    assert REFUSED[wrong] in train(*SMALL, *wrong.split()).refusal()


def test_a_key_that_is_taken_away_has_its_default(train: Train) -> None:
    train(*SMALL, "~encoder.batch_norm", "~loss.temperature", "~schedule.lr_scaling").trained()


def test_a_nan_that_training_makes_is_told_in_one_line(train: Train) -> None:
    stop = train(*SMALL, *SMALL_MOCO, "optimizer.lr=1e30", "trainer.enable_progress_bar=false").stop()
    assert "optimizer step 2: NaN or infinity on rank 0 of 1" in stop
