"""The demonstration: both methods on scattered digits, compared with pixels and the untrained network."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from cl_lightning.blueprints import ConfigError
from cl_lightning.commands import conf_folder
from cl_lightning.commands.quiet import quiet
from cl_lightning.evaluation.results import number
from cl_lightning.reports.one_run import renew_run_reports
from cl_lightning.runs import RunFolder
from cl_lightning.runs.circumstances import circumstances
from cl_lightning.runs.evaluating.asked import Asked
from cl_lightning.runs.evaluating.several_runs import Evaluations, evaluate_runs
from cl_lightning.train import train

RESULTS = Path("runs/demo.json")
EXPERIMENTS = ("simclr_scattered_digits", "moco_v2_scattered_digits")


def main() -> None:
    """The command of `make demo`."""
    try:
        demonstrate()
    except ConfigError as error:  # for example after an interrupted demonstration
        sys.exit(f"demo: {error}")


def demonstrate() -> None:
    """Train, compare, and print where the files are."""
    folders, seconds, by = [], {}, circumstances()
    for experiment in EXPERIMENTS:
        with initialize_config_dir(conf_folder(), version_base="1.3"):
            cfg = compose("train", overrides=[f"experiment={experiment}"])
        config = OmegaConf.to_container(cfg, resolve=True)
        start = time.monotonic()
        train(config)  # type: ignore[arg-type]
        seconds[experiment] = time.monotonic() - start
        print(f"{seconds[experiment]:.0f} s\n")
        folders.append(RunFolder.of(config))  # type: ignore[arg-type]

    quiet()
    runs = [str(folder.path) for folder in folders]
    evaluations = evaluate_runs(runs, Asked(baselines=True))
    print(f"Scattered digits: accuracy on the test digits\n\n{evaluations.table}")
    evaluations.write()
    renew_run_reports(place for place, _ in evaluations.files)
    RESULTS.write_text(
        json.dumps(results(folders, seconds, evaluations) | by, indent=2) + "\n", encoding="utf-8"
    )
    print(f"wrote {RESULTS}\n")
    for folder in folders:
        print(f"{folder.path}/")
        print("  report.html")
        print("".join(f"  plots/{picture.name}\n" for picture in sorted(folder.plots.glob("*.png"))), end="")


def results(folders: list[RunFolder], seconds: dict[str, float], evaluations: Evaluations) -> dict[str, Any]:
    """What was trained, and the accuracies in each row of the table."""
    summaries = [folder.summary() or {} for folder in folders]
    rows = {_row(e.content): e.content["results"] for _, e in evaluations.files}
    return {
        "command": "make demo",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seed": summaries[0]["seed"],
        "trained": {
            name: {"epochs": summary["epochs"], "seconds": round(seconds[name], 1)}
            for name, summary in zip(seconds, summaries, strict=True)
        },
        "accuracy": {
            row: {metric: number(result) for metric, result in measured.items()}
            for row, measured in rows.items()
        },
        "versions": summaries[0]["versions"],
    }


def _row(content: dict[str, Any]) -> str:
    baselines = {"pixels": "raw pixels", "untrained": "untrained network"}
    return baselines.get(content["encoder"], content["run"].rpartition("-")[0])


if __name__ == "__main__":
    main()
