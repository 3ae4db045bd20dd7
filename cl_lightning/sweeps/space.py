"""The search space: Hydra's overrides as Optuna's distributions."""

from collections.abc import Iterator, Mapping
from typing import Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from cl_lightning.blueprints import ConfigError

TAGS = {"log"}


def space(overrides: list[Override]) -> tuple[list[str], dict[str, BaseDistribution]]:
    """The overrides that all trials share, and the distribution of each other key.

    A list, choice() or glob() is a set of options. range() and interval() are numbers: whole numbers if both
    ends are; with tag(log, ...) they are uniform in their logarithm.

    Raises:
        ConfigError: a tag is not known, or an interval is not valid.
    """
    fixed: dict[str, str] = {}
    chosen: dict[str, BaseDistribution] = {}
    for override in overrides:
        key = override.get_key_element()
        fixed.pop(key, None)
        chosen.pop(key, None)
        if override.is_sweep_override():
            chosen[key] = _distribution(override)
        else:
            fixed[key] = f"{key}={override.get_value_element_as_str()}"
    return list(fixed.values()), chosen


def suggest(trial: Trial, key: str, among: BaseDistribution) -> Any:
    """The sampler's choice for a key of a trial."""
    if isinstance(among, CategoricalDistribution):
        return trial.suggest_categorical(key, among.choices)
    if isinstance(among, IntDistribution):
        return trial.suggest_int(key, among.low, among.high, step=among.step, log=among.log)
    assert isinstance(among, FloatDistribution), "`space` makes no other kind"
    return trial.suggest_float(key, among.low, among.high, step=among.step, log=among.log)


def samples(among: Mapping[str, BaseDistribution]) -> Iterator[list[str]]:
    """Sample overrides that together contain each option and each end of every key.

    The first sample has the first value of every key; each other one replaces a single value.
    """
    ends = {key: _ends(distribution) for key, distribution in among.items()}
    first = {key: values[0] for key, values in ends.items()}
    yield [override_of(key, value) for key, value in first.items()]
    for key, values in ends.items():
        for value in values[1:]:
            yield [override_of(k, v) for k, v in (first | {key: value}).items()]


def _ends(distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, (IntDistribution, FloatDistribution)), "`space` makes no other kind"
    return [distribution.low, distribution.high]


def override_of(key: str, value: Any) -> str:
    """The override that sets `key` to a value."""
    return f"{key}={value}"


def _distribution(override: Override) -> BaseDistribution:
    sweep = override.value()
    tags: set[str] = getattr(sweep, "tags", set())
    if tags - TAGS:
        raise ConfigError(
            f"{override.input_line}: the tag is {', '.join(sorted(tags - TAGS))}; accepted: log"
        )
    log = "log" in tags
    try:
        if isinstance(sweep, IntervalSweep):
            return _numbers(sweep.start, sweep.end, None, log)
        if isinstance(sweep, RangeSweep):
            values = list(sweep.range())
            return _numbers(values[0], values[-1], sweep.step, log)
        return CategoricalDistribution(list(override.sweep_string_iterator()))
    except (ValueError, IndexError) as error:
        raise ConfigError(
            f"{override.input_line}: {error or 'it is empty'}; accepted: a low end below the high one, both "
            "above 0 with tag(log, ...)"
        ) from error


def _numbers(low: Any, high: Any, step: Any, log: bool) -> BaseDistribution:
    if log and step not in (None, 1):
        raise ValueError("tag(log, ...) does not work with steps")
    if isinstance(low, int) and isinstance(high, int) and (step is None or isinstance(step, int)):
        return IntDistribution(low, high, log=log, step=1 if log or step is None else step)
    return FloatDistribution(float(low), float(high), log=log, step=None if log else step)
