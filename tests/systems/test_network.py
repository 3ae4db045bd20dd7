"""Weights, images and curves stay on this machine: nothing is sent, and nothing is asked for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import SMALL
from tests.systems.network import SEEN
from tests.systems.test_systems import session

TINY = (*SMALL, "trainer=cpu", "data.size=16", "data.train.images=16")
TIMM = ("encoder=timm", "encoder.backbone.model=resnet10t", "optimizer=lars")
TRAIN = ("train", *TINY)
TRAIN_TIMM = ("train", *(word for word in TINY if not word.startswith("encoder")), *TIMM)
EVALUATE = ("eval", "runs/*", "--labels", "--draws", "1")
REPORT = ("report", "runs")
LOCAL = {"git", "ldconfig"}  # which commit this is; where libraries are


def may_leave_the_network() -> bool:
    code = "from tests.systems.network import leave_network; leave_network()"
    return not subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode


@pytest.mark.skipif("not may_leave_the_network()", reason="needs root")
def test_all_commands_work_without_a_network(tmp_path: Path) -> None:
    assert "1 run: 1 finished" in session(tmp_path, "offline", TRAIN, EVALUATE, REPORT)


def test_no_command_tries_to_reach_another_machine(tmp_path: Path) -> None:
    told = session(tmp_path, "watched", TRAIN, TRAIN_TIMM, EVALUATE, REPORT)
    assert "2 runs: 2 finished" in told
    seen = [json.loads(line) for line in (tmp_path / SEEN).read_text().splitlines()]
    assert [words for kind, *words in seen if kind == "network"] == []
    assert {words[0] for kind, *words in seen if kind == "program"} <= LOCAL
