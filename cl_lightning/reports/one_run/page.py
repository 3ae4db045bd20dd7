"""The page about one run."""

from html import escape

from cl_lightning.reports.html import code, details, document, section, sentence, written
from cl_lightning.reports.one_run.content import Content
from cl_lightning.reports.one_run.going_on import going_on
from cl_lightning.reports.one_run.health import health, in_short
from cl_lightning.reports.one_run.machine import machine
from cl_lightning.reports.one_run.pictures import pictures
from cl_lightning.reports.one_run.results import results
from cl_lightning.reports.one_run.trained import trained


def page(run: Content) -> str:
    """HTML of the report of a run."""
    config = f"<pre><code>{escape(run.config_text)}</code></pre>"
    sections = [
        trained(run),
        results(run),
        health(run),
        *pictures(run),
        going_on(run),
        machine(run),
        section("Config", details("config.yaml", config)),
    ]
    told = f'<p class="quiet">Written {written()}; {code("cl-report")} writes a missing one.</p>'
    return document(f"Run {run.name}", [sentence(_reached(run)), told], sections)


def _reached(run: Content) -> str:
    """The result in a sentence."""
    length = " and ".join(f"{run.summary[key]} {key}" for key in ("epochs", "steps") if key in run.summary)
    knn = run.measured("knn_top1")
    reached = "no kNN accuracy" if knn is None else f"kNN accuracy {knn:.3f}"
    return f"finished{length and ' after '}{length}: {reached}; {in_short(run)}"
