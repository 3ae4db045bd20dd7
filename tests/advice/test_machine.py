"""A run that asks for more than the machine or its scheduler gives trains once it is changed as advised."""

import re
from pathlib import Path

import pytest

from cl_lightning.runs.checking import memory
from tests.advice.cases import Case, evaluated, take
from tests.bad_input.conftest import Train
from tests.bad_input.conftest import train as train  # a fixture
from tests.bad_input.photos import SMALL, SMALL_MOCO, photos

pytestmark = pytest.mark.filterwarnings("default::UserWarning")  # what a run tells beside
MOCO = " ".join(SMALL_MOCO)
THERE = 60_000  # bytes of memory


def both() -> None:
    photos(Path("photos"), "cat", "dog")


MEMORY = {
    "a queue": Case(
        both,
        f"{MOCO} callbacks.negative_queue.length=4000",
        r"less of (callbacks\.negative_queue\.length)",
        take("{1}=16"),
        evaluated,
    ),
    "images: smaller": Case(both, "data.size=200", r"less of (data\.size)", take("{1}=8"), evaluated),
    "images: fewer": Case(
        both,
        "data.size=20 data.batch_size=8",
        r"less of data\.size or (data\.batch_size)",
        take("{1}=4"),
        evaluated,
    ),
    "a network": Case(
        both,
        "encoder.hidden_features=5000",
        r"less of (encoder)",
        take("{1}.hidden_features=8"),
        evaluated,
    ),
}


@pytest.mark.parametrize("case", MEMORY)
def test_less_of_what_takes_most_memory_trains(
    case: str, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "memory_of", lambda device: THERE)
    MEMORY[case].carry_out(train)


def test_what_no_machine_holds_trains_once_it_is_smaller(train: Train) -> None:
    Case(
        both,
        f"encoder.hidden_features={10**12}",
        "(encoder): .*smaller sizes",
        take("{1}.hidden_features=8"),
        evaluated,
    ).carry_out(train)


def test_as_many_tasks_of_srun_as_processes_train(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    both()
    for name, value in {"JOB_ID": 7, "JOB_NAME": "x", "PROCID": 0, "LOCALID": 0, "NODEID": 0}.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    message = ""
    for tasks in (2, 1):
        for name in ("NTASKS", "NTASKS_PER_NODE", "STEP_NUM_TASKS"):
            monkeypatch.setenv(f"SLURM_{name}", str(tasks))
        if tasks == 2:
            message = train(*SMALL).refusal()
    assert re.search(r"trainer\.devices=1 .*as many tasks as processes \(--ntasks-per-node\)", message)
    train(*SMALL).trained()
