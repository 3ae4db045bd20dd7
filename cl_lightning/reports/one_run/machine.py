"""Where a run was trained, with which versions, and how long it took."""

from collections.abc import Iterator

from cl_lightning.reports.formatting import value_text
from cl_lightning.reports.html import section
from cl_lightning.reports.one_run.content import Content
from cl_lightning.reports.table_html import Head, plain_table, text_cell

NOT_RECORDED = "not recorded"


def machine(run: Content) -> str:
    """Time and speed, the machine, and the versions."""
    heads = [Head("what"), Head("value", kind="long")]
    rows = [[text_cell(name), text_cell(value, kind="long")] for name, value in _rows(run)]
    return section("Machine and time", plain_table("Where and how fast it was trained", heads, rows))


def _rows(run: Content) -> Iterator[tuple[str, str]]:
    yield "training time", _time(run)
    speed = run.measured("views_per_second")
    wait = run.measured("data_wait")
    waiting = "" if wait is None else f"; {wait:.1%} of the time waited for images"
    yield "speed", NOT_RECORDED if speed is None else f"{speed:,.0f} views a second{waiting}"
    memory = run.measured("peak_memory_mib")
    yield "peak memory", NOT_RECORDED if memory is None else f"{memory:,.0f} MiB"
    known = run.mapping("machine")
    yield "processor", value_text(known.get("processor") or NOT_RECORDED)
    yield "cores and threads", f"{known.get('cores', '–')} and {known.get('threads', '–')}"
    yield "GPUs", ", ".join(map(str, known.get("gpus") or ())) or "none"
    yield "processes", str(run.summary.get("world_size", NOT_RECORDED))
    yield "precision", str(run.summary.get("precision", NOT_RECORDED))
    yield "commit of cl_lightning", str(run.summary.get("commit") or "none: not from a checkout")
    yield "versions", ", ".join(f"{n} {v}" for n, v in run.mapping("versions").items()) or NOT_RECORDED


def _time(run: Content) -> str:
    one, epochs = run.measured("seconds_per_epoch"), run.measured("epochs")
    if one is None or epochs is None:
        return NOT_RECORDED
    return f"about {in_words(one * epochs)}: {epochs:g} epochs of {in_words(one)}, without validation"


def in_words(seconds: float) -> str:
    """Such as: 0.4 s, 39 s, 12 min, 3 h 20 min."""
    if seconds < 100:
        return f"{seconds:.2g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
