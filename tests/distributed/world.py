"""What one process and what several compute of the same cases."""

import pickle
from dataclasses import dataclass
from typing import Any
from unittest import mock

from torch import Tensor

from cl_lightning.encoders import batch_norm
from tests.distributed.influence import Influence, influence
from tests.distributed.mistakes import MISTAKES, RIGHT, without_gradient
from tests.distributed.runs import CASES, SIMCLR, Case, Record, train
from tests.processes import run_on

TIMEOUT = 500  # of all cases together, on a busy machine


@dataclass
class Runs:
    """Of a case: float64 on its own way, float32 with one process's state copied over before each step."""

    double: Record
    single: Record


@dataclass
class Found:
    """By one process: runs, SimCLR's steps in float64 with mistakes, and who influences whose key."""

    runs: dict[Case, Runs]
    mistaken: dict[str, Record]
    influence: dict[str, Influence]


@dataclass
class World:
    """What one process found, and each of the ranks."""

    one: Found
    ranks: list[Found]


def alone(case: Case, world: int, device: str) -> Runs:
    return Runs(*(train(case, world, precision, device=device) for precision in ("64-true", "32-true")))


def on_each_rank(world: int, device: str, references: bytes) -> Found:
    states, simclr = pickle.loads(references)  # tensors as they are would share file handles
    runs = {
        case: Runs(
            train(case, world, "64-true", device=device), train(case, world, "32-true", states[case], device)
        )
        for case in CASES
    }
    return Found(runs, mistaken(world, device, simclr), influences(world, device))


def influences(world: int, device: str) -> dict[str, Influence]:
    return {policy: influence(policy, 2 * world, device) for policy in ("split", "shuffle")}


def mistaken(world: int, device: str, states: list[dict[str, Tensor]]) -> dict[str, Record]:
    """SimCLR with each mistake, and with the same plain loss without one."""

    def ran(case: Case = SIMCLR, **settings: Any) -> Record:
        return train(case, world, "64-true", states, device, **settings)

    found = {name: ran(loss=loss) for name, loss in {"right": RIGHT, **MISTAKES}.items()}
    found["plain"] = ran(Case("simclr", "plain"))
    if device == "cpu":  # torch's own on GPUs
        with mock.patch.object(batch_norm, "all_reduce_sum", without_gradient):
            found["statistics without gradient"] = ran()
    return found


def compare(processes: int, device: str) -> World:
    """Starts the processes once, for all cases."""
    one = Found({case: alone(case, processes, device) for case in CASES}, {}, influences(processes, device))
    states = {case: runs.single.states for case, runs in one.runs.items()}
    references = pickle.dumps((states, one.runs[SIMCLR].double.states))
    return World(one, run_on(processes, on_each_rank, processes, device, references, timeout=TIMEOUT))
