"""The file of a benchmark's figures."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from cl_lightning.methods.versions import versions
from cl_lightning.runs.circumstances import circumstances


def add_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", type=Path, metavar="FILE", help="write the figures there, as JSON")


def write(file: Path | None, figures: dict[str, Any], seed: int) -> None:
    """Write figures with the command, day, commit, machine and versions that they come from."""
    if file is None:
        return
    words = ["python", "-m", f"tests.benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]
    told = {"command": " ".join(words), "date": time.strftime("%Y-%m-%d", time.gmtime())}
    content = told | {"seed": seed} | figures | {"versions": versions()} | circumstances()
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {file}")
