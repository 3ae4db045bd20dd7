"""cl-train says which precision it trains in."""

import json

from tests.cli.command import SMALL, cl_train


def test_fp16_on_a_cpu_is_told_to_be_bfloat16(tmp_path) -> None:
    ran = cl_train(tmp_path, *SMALL, "trainer=cpu", "trainer.precision=16-mixed")
    assert ran.returncode == 0, ran.stderr
    told = [line for line in ran.stderr.splitlines() if line.startswith("warning: ")]
    assert len(told) == 1
    assert "fp16 is not supported on CPU. Using `precision='bf16-mixed'` instead." in told[0]
    (summary,) = tmp_path.glob("runs/*/summary.json")
    assert json.loads(summary.read_text())["precision"] == "bf16-mixed"
