"""One part of a benchmark: `python -m tests.benchmarks.one_part MODULE FILE [ARGUMENT ...]`.

Appends what the module's `measure(*ARGUMENTS)` yields to FILE, a line of JSON each, and prints it.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path

import torch

from cl_lightning.runs.cpu import quicken_cpu
from tests.benchmarks.measured import DifferentError, tables
from tests.benchmarks.parts import DIFFERENT

SEED = 0


def main() -> None:
    module, file, *arguments = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    quicken_cpu()
    try:
        measure(module, Path(file), arguments)
    except DifferentError as error:
        traceback.print_exc()
        print(error)
        sys.exit(DIFFERENT)


def measure(module: str, file: Path, arguments: list[str]) -> None:
    for found in importlib.import_module(f"tests.benchmarks.{module}").measure(*arguments):
        with file.open("a", encoding="utf-8") as rows:
            rows.write(json.dumps(found.plain()) + "\n")
        print("\n".join(tables([found.plain()])), flush=True)


if __name__ == "__main__":
    main()
