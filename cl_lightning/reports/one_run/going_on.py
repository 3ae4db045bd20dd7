"""What to do next with a run."""

import shlex
from html import escape

from cl_lightning.reports.html import section, sentence
from cl_lightning.reports.one_run.content import Content


def going_on(run: Content) -> str:
    """Commands for this run; it is named as seen from the folder that holds it."""
    name = shlex.quote(run.name)
    labelled = run.measured("knn_top1") is not None
    commands = (
        "# what the frozen encoder is worth" + ("" if labelled else ", on labelled photos in DIR"),
        f"cl-eval {name}" + ("" if labelled else " --data DIR"),
        "# the vectors of the photos in DIR",
        f"cl-embed {name} DIR --to vectors.npz",
        "# weights for other programs",
        f"cl-export {name} --to my_encoder --format safetensors",
    )
    python = ("from cl_lightning import load_backbone", f"backbone = load_backbone({run.name!r})")
    return section(
        "How to go on",
        sentence("in the folder that holds the run folder"),
        *(f"<pre><code>{escape(chr(10).join(lines))}</code></pre>" for lines in (commands, python)),
    )
