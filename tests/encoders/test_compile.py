"""`encoder.compile` changes no name, no statistics and, but for rounding, no weights."""

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tests import small, warm
from tests.cli.command import environment
from tests.small import SMALL, config


# aot_eager traces forward and backward as every backend gets them, without a compiler.
@pytest.mark.parametrize(
    ("backend", "names", "rounding"),
    [("aot_eager", ["moco"], 0), pytest.param("inductor", ["simclr"], 1e-4, marks=pytest.mark.slow)],
)
def test_a_fit_and_its_checkpoint_are_those_without_it(
    backend: str, names: list[str], rounding: float, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.encoders.compiled", str(tmp_path / "found.json"), backend, *names]
    ran = warm.run(command, tmp_path, environment(PYTHONPATH=str(warm.ROOT)), timeout=500)
    assert ran.returncode == 0, ran.stderr
    for name, found in json.loads((tmp_path / "found.json").read_text()).items():
        assert all(found["compiled"]), name  # of MoCo also the key encoder, which is a copy
        assert not found["method compiled"]
        assert not found["loaded compiled"]
        assert found["same names"]
        assert found["forwards"] == 4
        for of in ("weights", "statistics", "continued", "loaded"):
            assert found[of] <= rounding, (name, of)


def test_it_is_off_unless_it_is_set() -> None:
    assert config(*SMALL)["encoder"]["compile"] is False
    assert small.encoder().backbone._compiled_call_impl is None


def test_a_check_before_the_run_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from cl_lightning.runs.checking.rehearsal import rehearse_image

    def refuse(*_: object) -> None:
        raise AssertionError("it was compiled")

    compile = torch.compile
    monkeypatch.setattr(torch, "compile", lambda call: compile(call, backend=refuse))
    method = small.simclr(encoder=small.encoder(compile=True))
    assert isinstance(method.encoder.backbone, nn.Module)
    rehearse_image(method, torch.zeros(3, 8, 8, dtype=torch.uint8))
