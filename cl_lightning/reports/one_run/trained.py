"""What was trained."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cl_lightning.reports.formatting import value_text
from cl_lightning.reports.html import code, section, sentence
from cl_lightning.reports.one_run.content import Content
from cl_lightning.reports.table_html import Cell, Head, plain_table, text_cell

AXES = {"pairs": "views", "encoder": "encoder", "loss": "loss"}
OTHERS = ("method", "optimizer", "schedule")


def trained(run: Content) -> str:
    """The three choices in a sentence, then all parts with their settings."""
    rows = [[text_cell(name), Cell(html, kind="long")] for name, html in _rows(run)]
    table = plain_table("The parts of the run", [Head("part"), Head("setting", kind="long")], rows)
    return section("What was trained", sentence(in_words(run)), table)


def in_words(run: Content) -> str:
    """Such as: method simclr on digits: pairs by digit_views, encoder small_conv_net, loss nt_xent (...)."""
    loss = run.group("loss")
    settings = f" ({in_keys(loss)})" if in_keys(loss) else ""
    return (
        f"method {_name(run, 'method', 'method')} on {_name(run, 'data', 'dataset')}: pairs by "
        f"{_target(run.group('views'))}, encoder {_name(run, 'encoder', 'encoder')}, loss "
        f"{_target(loss)}{settings}"
    )


def in_keys(part: Mapping[str, Any]) -> str:
    """The settings of a part, without its name and the parts below it."""
    kept = {k: v for k, v in part.items() if not k.startswith("_") and k != "name"}
    return ", ".join(f"{k} {value_text(v)}" for k, v in kept.items() if not isinstance(v, Mapping))


def _rows(run: Content) -> Iterator[tuple[str, str]]:
    for name, group in (AXES | {name: name for name in OTHERS}).items():
        if part := run.group(group):
            yield name, f"{code(_target(part))} {text_cell(in_keys(part)).html}"
            if isinstance(backbone := part.get("backbone"), Mapping):
                yield "backbone", f"{code(_target(backbone))} {text_cell(in_keys(backbone)).html}"
    if callbacks := _callbacks(run):
        yield "callbacks", text_cell("; ".join(callbacks)).html
    if data := run.group("data"):
        known = {"set": run.summary.get("dataset", data.get("name")), **data}
        known.pop("root", None)  # a path of one machine; the config has it
        yield "data", text_cell(in_keys(known)).html
    steps = [f"{run.summary[k]} {k}" for k in ("epochs", "steps") if k in run.summary]
    if "effective_batch_size" in run.summary:
        steps.append(f"{run.summary['effective_batch_size']} images a step")
    yield "length", text_cell(", ".join(steps) or "not recorded").html
    yield "seed", text_cell(value_text(run.config.get("seed"))).html
    yield "began with", text_cell(_beginning(run)).html


def _callbacks(run: Content) -> list[str]:
    """Those that have settings, such as the negative queue."""
    found = run.group("callbacks").items()
    settings = {name: in_keys(part) for name, part in found if isinstance(part, Mapping)}
    return [f"{name} {keys}" for name, keys in settings.items() if keys]


def _beginning(run: Content) -> str:
    if parent := run.mapping("parent"):
        name, epoch, step = (parent.get(key) for key in ("name", "epoch", "step"))
        return f"the run {name}, after its epoch {epoch}, step {step}"
    init = run.group("init")
    if init.get("weights") is not None:
        return f"weights {Path(str(init['weights'])).name} (SHA-256 {init.get('sha256')})"
    return "random weights"


def _name(run: Content, group: str, key: str) -> str:
    return value_text(run.summary.get(key) or run.group(group).get("name") or "an unknown one")


def _target(part: Mapping[str, Any]) -> str:
    return value_text(part.get("_target_", "an unknown one"), name=True)
