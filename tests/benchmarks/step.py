"""What a tiny step costs over a plain loop: by all that cl-train does, and by stock Trainers."""

import logging
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from os import devnull

from tests.benchmarks import step_against_lightning
from tests.benchmarks.measured import DifferentError, Row

OVER = {"bare Trainer": "bare Trainer", "one self.log": "Trainer with one self.log"}


def measure() -> Iterator[Row]:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    try:
        with open(devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            found = step_against_lightning.measure()
    except AssertionError as error:
        raise DifferentError(str(error)) from error
    over = {name: row["over_plain"] for name, row in found.items()}
    peers = {title: over[name] for name, title in OVER.items()}
    yield Row("a tiny step, over a plain loop", "us of CPU time", over["cl_lightning"], peers)
    plain = found["plain loop"]["microseconds"]
    yield Row("a tiny step", "us of CPU time", found["cl_lightning"]["microseconds"], {"plain loop": plain})
