"""A key of `data` that nothing takes is refused, or told where another data set has it."""

import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs.checking.data_keys import KNOWN, TAKEN, check_effect
from tests.small import OPTIONS, composed

SETS = [option for group, option in OPTIONS if group == "data"]


def check(*overrides: str) -> None:
    check_effect(composed(*overrides), overrides)


@pytest.mark.parametrize("option", SETS)
def test_the_keys_of_our_data_sets_are_known(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(composed(f"data={option}").data) <= {*TAKEN, *KNOWN}
    check(f"data={option}")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("override", ["+data.foo=1", "++data.train_limit=10", "+data.experiment.a=1"])
def test_a_key_that_no_data_set_has_is_refused(override: str) -> None:
    key = override.lstrip("+").split("=")[0].removesuffix(".a")
    with pytest.raises(ConfigError, match=rf"^{key} is .*; accepted: "):
        check("data=digits", override)


@pytest.mark.parametrize("reference", ["${data.foo}", "${..foo}", "a/${data.foo}/b"])
def test_a_key_that_another_refers_to_is_taken(reference: str) -> None:
    check("data=custom", "+data.foo=1", f"+data.train.root='{reference}'")


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (("data=digits", "data.root=x"), "data.root=x"),
        (("data=digits", "encoder=small_conv_net", "data.stem=imagenet"), "data.stem=imagenet"),
        (("data=cifar10", "+data.val_fraction=0.5"), "data.val_fraction=0.5"),
        (("data=digits", "views.mean=[1.0]", "data.mean=[2.0]"), "data.mean=[2.0]"),
    ],
)
def test_a_typed_key_that_nothing_takes_is_told(
    overrides: tuple[str, ...], key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(*overrides)
    assert capsys.readouterr().err.startswith(f"warning: {key} has no effect: ")


def test_a_key_that_is_taken_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    check(
        "data=digits",
        "data.size=8",
        "encoder=resnet18",
        "data.stem=imagenet",
        "data.root=null",
        "data.seed=1",
    )
    assert capsys.readouterr().err == ""
