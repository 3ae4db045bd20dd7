"""Files of a report, which others may be reading."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def write(file: Path, content: bytes) -> None:
    """Put a file in place as a whole; `cl_lightning.checkpoints.replacing` would import torch.

    Raises:
        OSError: no room, no permission; a file that was there stays.
    """
    part = file.with_name(f"unfinished-{secrets.token_hex(4)}.tmp")
    try:
        part.write_bytes(content)
        os.replace(part, file)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
