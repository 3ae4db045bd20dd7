"""Of the other messages one of each kind: what it advises is done, and then the command trains."""

import re

import pytest

from tests.bad_input.conftest import Train
from tests.bad_input.conftest import train as train  # a fixture
from tests.small import SMALL

pytestmark = pytest.mark.filterwarnings("default::UserWarning")  # what a run tells beside
MOCO = "method=moco_v2 encoder.batch_norm_groups=2 "
# Of each kind: the words that are refused, what the message says would do, and what is typed then.
CASES = {
    "a key that is mistyped": ("loss.temprature=0.3", r"did you mean (\w+)", "loss.{1}=0.3"),
    "an option that there is not": ("loss=foo", r"loss is 'foo'; accepted: .*(nt_xent)", "loss={1}"),
    "a value of another type": ("seed=x", r"seed is .*accepted: a whole number from (\d+)", "seed={1}"),
    "a value that is none of several": ("run.metric=foo", r"accepted: .*\b(loss)\b", "run.metric={1}"),
    "a number that is too small": (
        "callbacks.knn.k=0",
        r"(callbacks\.knn\.k) .*accepted: (\d+) or more",
        "{1}={2}",
    ),
    "a name that is none": ("run.name=a/b", r"(run\.name) .*without /", "{1}=b"),
    "a device that there is not": ("trainer.accelerator=gpu", r"accepted: (trainer=cpu)", "{1}"),
    "a precision": ("trainer.precision=8", r"(trainer\.precision) .*accepted: (\d+)", "{1}={2}"),
    "two settings that do not fit": (
        f"{MOCO}callbacks.negative_queue.length=3",
        r"(callbacks\.negative_queue\.length) .*accepted: (\d+) or more",
        MOCO + "{1}={2}",
    ),
    "a warm-up longer than the run": (
        "schedule.warmup_epochs=5",
        r"(schedule\.warmup_epochs)",
        "{1}=0",
    ),
    "a class that a config may not name": (
        "encoder.backbone._target_=os.system",
        r"accepted: one of the OPTIONS of cl_lightning's packages",
        "encoder.backbone._target_=cl_lightning.encoders.SmallConvNet",  # which is there
    ),
    "what nothing does": (
        "trainer.min_steps=1",
        r"accepted: null, or .*'(\+callbacks\.stop=\{.*\})'",
        "trainer.min_steps=1@{1}",
    ),
    "a logger's folder": ("+logger.csv.save_dir=x", r"logger\.csv\.save_dir .*accepted: none", ""),
    "a sweeper without a sweep": (
        "hydra/sweeper=optuna",
        r"accepted: cl-train (-m)",
        "{1} hydra/sweeper=optuna hydra.sweeper.n_trials=1 loss.temperature=choice(0.1,0.2)",
    ),
    "an interval without a search": (
        "-m loss.temperature=interval(0.1,1)",
        r"(hydra/sweeper=optuna)",
        "-m loss.temperature=interval(0.1,1) {1} hydra.sweeper.n_trials=1",
    ),
}


def typed(words: str) -> list[str]:
    """The command's words: those that make it small, and these; behind @ is one with spaces."""
    first, *quoted = words.split("@")
    options = [word for word in first.split() if word == "-m"]
    return [*options, *SMALL, *(word for word in first.split() if word != "-m"), *quoted]


@pytest.mark.parametrize("case", CASES)
def test_what_a_message_advises_works(case: str, train: Train) -> None:
    wrong, names, right = CASES[case]
    refused = train(*typed(wrong))
    assert refused.code == 1
    told = re.search(names, refused.err)
    assert told, refused.err
    ended = train(*typed(right.format(told[0], *told.groups())))
    assert ended.code == 0, ended.err
    assert len([run for run in ended.runs if (run / "summary.json").is_file()]) == 1
