"""cl-train under a limit of open files: python -m tests.advice.limited NUMBER ARGUMENTS."""

import resource
import sys

from cl_lightning.train import main

if __name__ == "__main__":
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (int(sys.argv.pop(1)), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    main()
