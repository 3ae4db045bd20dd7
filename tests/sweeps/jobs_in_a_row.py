"""`cl-train`, which tells after each job what this process holds.

python -m tests.sweeps.jobs_in_a_row OVERRIDES
"""

import gc
import json
import os
import threading
from pathlib import Path
from typing import Any

import cl_lightning.train
from cl_lightning.sweeps.jobs import Job

MEBIBYTE = 2**20


def held() -> dict[str, Any]:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    files = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd)]
    return {
        "memory": pages * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE,
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "children": Path(f"/proc/self/task/{os.getpid()}/children").read_text().split(),
        "sockets": sum(name.startswith("socket:") for name in files),
        "files": len(files),
    }


def _is_open(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


def main() -> None:
    ended = Job.end

    def tell(job: Job, value: float | None) -> None:
        ended(job, value)
        with Path("held").open("a") as file:
            file.write(json.dumps(held()) + "\n")

    Job.end = tell  # type: ignore[method-assign]
    cl_lightning.train.main()


if __name__ == "__main__":
    main()
