"""The spectrum: how many directions the embeddings use."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from cl_lightning.plots.canvas import Margins, figure
from cl_lightning.plots.curves import STAGES

FLOOR = 1e-7  # smaller shares are rounding errors


def plot_spectrum(spectra: Mapping[str, Mapping[int, Sequence[float]]]) -> Figure:
    """Share of each direction of the embeddings, largest first, on a log axis.

    `spectra` holds for "train" and "val" the shares by epoch (from 0), such as `HealthMonitor.spectra` or the
    `spectrum` of `cl_lightning.metrics.Moments`. The last epoch of a stage has a strong line, earlier epochs
    have pale lines. The dotted line is an even spread, 1 / dim.
    """
    picture = figure(5.6, 3.8, Margins(left=0.7, right=0.15, top=0.15, bottom=0.5))
    axes = picture.subplots()
    dim = 1
    for stage, epochs in spectra.items():
        name, colour = STAGES.get(stage, (stage, "tab:gray"))
        for epoch, shares in epochs.items():
            last, dim = epoch == max(epochs), len(shares)
            drawn = [max(share, FLOOR) for share in shares]
            (line,) = axes.plot(range(1, dim + 1), drawn, color=colour, label=f"{name}, epoch {epoch + 1}")
            line.set(alpha=1.0 if last else 0.45, linewidth=2.0 if last else 1.2)
    axes.axhline(1 / dim, color="gray", linestyle=":", linewidth=1, label="even spread")
    axes.set_yscale("log")
    axes.set_xlabel("direction of the embeddings, largest first", fontsize=9)
    axes.set_ylabel("share", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    return picture
