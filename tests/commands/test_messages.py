import re

import pytest
from hydra.errors import OverrideParseException

from cl_lightning.blueprints import ConfigError
from cl_lightning.blueprints.config_error import refused
from cl_lightning.commands.messages import explain
from cl_lightning.data import EpochOrder
from tests.small import config


def test_what_our_code_refuses_while_it_trains_is_told_in_one_line() -> None:
    with pytest.raises(ValueError, match="8 training images") as caught:
        EpochOrder(8, batch_size=0, seed=0)
    message = explain(caught.value)
    assert message is not None
    assert message.startswith("data.batch_size=0 with 8 training images")
    assert message.endswith("(HYDRA_FULL_ERROR=1 shows where)")


def test_an_error_that_no_config_is_to_blame_for_keeps_its_traceback() -> None:
    with pytest.raises(ValueError, match="invalid literal") as caught:
        int("x")
    assert explain(caught.value) is None
    assert explain(RuntimeError("CUDA out of memory")) is None


def test_a_message_names_the_key_once() -> None:
    with pytest.raises(ConfigError, match=r"^optimizer: too small$"), refused("optimizer"):
        raise ValueError("too small")
    with pytest.raises(ConfigError, match=r"^set optimizer\.lr$"), refused("optimizer"):
        raise ValueError("set optimizer.lr")
    with pytest.raises(ConfigError, match=r"^data\.train: KeyError$"), refused("data.train"):
        raise KeyError


@pytest.mark.parametrize("value", ["photos/фото", "my photos (1)", "it's", "a=b", "x#y", "müller"])
def test_a_value_that_wants_quotes_is_shown_with_them(value: str) -> None:
    with pytest.raises(OverrideParseException) as caught:
        config(f"data.root={value}")
    told = re.search(r'if needed: "(.*)", see', str(explain(caught.value)))
    assert told
    assert config(told[1])["data"]["root"] == value
