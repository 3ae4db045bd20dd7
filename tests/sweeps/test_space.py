"""What a search chooses from."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from cl_lightning.blueprints import ConfigError
from cl_lightning.sweeps.space import space

WORDS = {
    "interval(0.1,2)": FloatDistribution(0.1, 2.0),
    "tag(log,interval(1e-4,1))": FloatDistribution(1e-4, 1.0, log=True),
    "int(interval(1,8))": IntDistribution(1, 8),
    "tag(log,int(interval(1,100)))": IntDistribution(1, 100, log=True),
    "range(1,10,3)": IntDistribution(1, 7, step=3),
    "range(0.1,0.5,0.1)": FloatDistribution(0.1, 0.4, step=0.1),
    "a,b,null": CategoricalDistribution(["a", "b", "null"]),
    "choice([1,2],[3])": CategoricalDistribution(["[1,2]", "[3]"]),
    "tag(log,range(1,9))": IntDistribution(1, 8, log=True),
}
REFUSED = ("interval(2,1)", "tag(log,interval(0,1))", "tag(lg,interval(1,2))", "range(3,1,-1)", "range(1,1)")


@pytest.mark.parametrize("words", WORDS)
def test_hydras_words_are_optunas_distribution(words: str) -> None:
    fixed, chosen = space(OverridesParser.create().parse_overrides(["seed=3", f"+a.b={words}", "~c"]))
    assert chosen == {"+a.b": WORDS[words]}
    assert [o for o in fixed if not o.startswith("~")] == ["seed=3"]
    assert fixed[1].startswith("~c")


def test_of_two_values_for_a_key_the_later_holds() -> None:
    parse = OverridesParser.create().parse_overrides
    assert space(parse(["a=1,2", "b=interval(0,1)", "a=3", "b=1"])) == (["a=3", "b=1"], {})
    assert space(parse(["a=3", "a=1,2"])) == ([], {"a": CategoricalDistribution(["1", "2"])})


@pytest.mark.parametrize("words", REFUSED)
def test_what_can_not_be_is_refused(words: str) -> None:
    with pytest.raises(ConfigError, match="accepted: "):
        space(OverridesParser.create().parse_overrides([f"a={words}"]))


def test_a_step_that_the_logarithm_has_no_room_for_is_refused() -> None:
    with pytest.raises(ConfigError, match="accepted: "):
        space(OverridesParser.create().parse_overrides(["a=tag(log,range(1,100,3))"]))
