"""A step that fp16's gradient scaler skips moves neither weights nor key encoder nor queue."""

import pytest

from tests.precision.skipping import CASES, run
from tests.precision.trained import on_cpu_and_gpu


@on_cpu_and_gpu
@pytest.mark.filterwarnings("ignore:Detected call of .lr_scheduler.step")  # where the first step is skipped
@pytest.mark.parametrize("name", CASES)
def test_key_encoder_and_queue_move_exactly_with_the_weights(name: str, device: str) -> None:
    changes = run(CASES[name], device).changes
    assert changes == dict.fromkeys(("weights", "key encoder", "queue"), CASES[name].changes)
