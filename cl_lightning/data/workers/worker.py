"""The code of a worker process."""

import random
import sys
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import IO, Any

import numpy as np
import torch
from torch.utils.data._utils import worker as torch_worker

from cl_lightning.data.workers.channel import Channel, GoneError
from cl_lightning.data.workers.failures import failure
from cl_lightning.data.workers.items import Items, columns
from cl_lightning.data.workers.shared_batch import share
from cl_lightning.interruption import end_with_parent, outlive_signals

AHEAD = 2  # batches that are requested from each worker in advance
# So many files stay open after they are sent: macOS may lose a file that is closed before it arrives. A new
# request means that all files but the last AHEAD have arrived.
KEPT = AHEAD if sys.platform == "darwin" else 0


def work(items: Items, number: int, workers: int, connection: Connection, let_go: Connection) -> None:
    """Answer each request (epoch, indices) from `connection` with a batch in shared memory, or with an error.

    Ends when something arrives at `let_go`, or when the requesting process is gone.
    """
    channel, sent = Channel(connection), deque[IO[bytes]]()
    with suppress(GoneError):
        try:
            begin(items, number, workers, let_go)
        except Exception as error:  # for example, no thread can be started
            tell(channel, error)
            return
        while let_go not in wait([connection, let_go]):
            (epoch, indices), _ = channel.receive()
            file = answer(channel, items, epoch, indices, let_go)
            if file is not None:
                sent.append(file)
            while len(sent) > KEPT:
                sent.popleft().close()


def begin(items: Items, number: int, workers: int, let_go: Connection) -> None:
    """Make this process a worker: set its signals, its end, one thread, its random seeds and its number."""
    outlive_signals()
    end_with_parent(let_go)
    torch.set_num_threads(1)
    random.seed(number)  # a user's Dataset may draw from any of these
    np.random.seed(number)
    torch.manual_seed(number)
    dataset: Any = items.dataset  # any object with a Dataset's methods
    # For torch.utils.data.get_worker_info.
    torch_worker._worker_info = torch_worker.WorkerInfo(
        id=number, num_workers=workers, seed=number, dataset=dataset
    )


def answer(
    channel: Channel, items: Items, epoch: int, indices: list[int], let_go: Connection
) -> IO[bytes] | None:
    """Send the batch of these images, or the error; nothing if the worker is told to end meanwhile.

    Returns the file of the batch that was sent, for the caller to close.
    """
    read = []
    try:
        for index in indices:
            if let_go.poll():
                return None
            read.append(items.read(index, epoch))
        layout, file = share(*columns(read))
    except BaseException as error:  # SystemExit of a user's Dataset too: the parent must know
        tell(channel, error)
        return None
    channel.send(layout, file.fileno())
    return file


def tell(channel: Channel, error: BaseException) -> None:
    """Send an error."""
    for message in failure(error):
        channel.send(message)
