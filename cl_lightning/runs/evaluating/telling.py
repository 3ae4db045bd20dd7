"""Messages beside the table."""

import sys

from cl_lightning.runs.frozen_trainer import is_first


def tell(message: str) -> None:
    """Print a message on stderr, once for all processes."""
    if is_first():
        print(f"cl-eval: {message}", file=sys.stderr)
