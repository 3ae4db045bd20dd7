"""cl-eval: how good the encoder of a run is."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any


def main(arguments: Sequence[str] | None = None) -> None:
    """The command cl-eval."""
    parser = argparse.ArgumentParser(
        prog="cl-eval", description="kNN and linear accuracy of trained encoders."
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folder")
    parser.add_argument(
        "--encoder", choices=("query", "key"), default="query", help="key: MoCo's moving average"
    )
    parser.add_argument("--labels", type=int, nargs="*", default=[1, 10], help="labels a class, beside all")
    parser.add_argument("--draws", type=int, default=10, help="of the labelled images")
    parser.add_argument(
        "--baselines", action="store_true", help="also the pixels and the untrained network of the first run"
    )
    options = parser.parse_args(arguments)

    from cl_lightning.runs import ConfigError

    try:
        print(
            evaluate_runs(
                options.runs, options.encoder, tuple(options.labels), options.draws, options.baselines
            )
        )
    except ConfigError as error:
        sys.exit(f"cl-eval: {error}")


def evaluate_runs(
    runs: Sequence[str], encoder: Any, labels: tuple[int, ...], draws: int, baselines: bool
) -> str:
    """Evaluate run folders, write evaluation-ENCODER.json into each, and return the table of all."""
    from cl_lightning.runs import RunFolder
    from cl_lightning.runs.evaluation import evaluate
    from cl_lightning.runs.quiet import quiet

    quiet()
    folders = [RunFolder(run) for run in runs]
    rows = {}
    if baselines:
        rows["raw pixels"] = evaluate(folders[0], "pixels", labels, draws)
        rows["untrained encoder"] = evaluate(folders[0], "untrained", labels, draws)
    for folder in folders:
        results = evaluate(folder, encoder, labels, draws)
        folder.write_json(f"evaluation-{encoder}.json", {"encoder": encoder, "results": results})
        rows[f"{folder.path.name} ({encoder})"] = results
    return table(rows)


def table(rows: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Rows of results as text, with the protocol of each column below."""
    columns = list(next(iter(rows.values())))
    width = max(len(name) for name in rows)
    lines = [" " * width + "".join(f"{_title(column):>18}" for column in columns)]
    for name, results in rows.items():
        lines.append(f"{name:<{width}}" + "".join(f"{_cell(results[column]):>18}" for column in columns))
    lines += ["", *(f"{_title(column)}: {results[column]['protocol']}" for column in columns)]
    return "\n".join(lines)


def _title(column: str) -> str:
    method, _, labels = column.partition("_")
    if not labels:
        return "kNN"
    return "all labels" if labels == "all" else f"{labels} a class"


def _cell(result: dict[str, Any]) -> str:
    spread = f" +- {result['std']:.3f}" if result.get("draws", 1) > 1 else ""
    return f"{result['accuracy']:.3f}{spread}"


if __name__ == "__main__":
    main()
