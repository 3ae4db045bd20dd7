"""Worker processes that read batches ahead of who takes them."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import cycle, islice
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.util import Finalize
from time import monotonic
from typing import NoReturn

from cl_lightning.data.batch import Batch
from cl_lightning.data.workers.advice import MORE_FILES, lost, not_started
from cl_lightning.data.workers.channel import Channel, GoneError
from cl_lightning.data.workers.failures import Failed
from cl_lightning.data.workers.items import Items
from cl_lightning.data.workers.shared_batch import opened
from cl_lightning.data.workers.worker import AHEAD, work
from cl_lightning.interruption import PATIENCE, WorkerError

SECONDS = 1.0  # that the system may need for what takes no time
BEFORE_OTHERS = 100  # among multiprocessing's finalizers, which wait for all processes in the end

Request = tuple[int, list[int]]  # epoch and indices
Answer = tuple[Batch, dict[str, str]]  # and the broken files among it


class WorkerPool:
    """`count` processes, each asked in its turn, so that batches come in order.

    They end when the pool is closed or forgotten, and with this process, whatever ends it. They share no
    lock, queue or thread with it, so that one that is killed leaves nothing locked.

    Raises:
        WorkerError: not all of them can be started.
    """

    def __init__(self, items: Items, count: int) -> None:
        self.workers: list[Worker] = []
        self.asked: deque[Worker] = deque()  # once for each answer that is to come
        try:
            self._start(items, count)
        except OSError as error:
            raise WorkerError(not_started(len(self.workers), count, error)) from error

    def batches(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """What the workers read for each of the requests, in order.

        Raises:
            WorkerError: a worker is gone, or can't hand over what it has read.
            Exception: what a worker met, with its traceback as a note.
        """
        while self.asked:  # an earlier loop was left
            self._take()
        requests = iter(requests)
        for worker, request in zip(
            cycle(self.workers), islice(requests, AHEAD * len(self.workers)), strict=False
        ):
            self._ask(worker, request)
        while self.asked:
            worker, answer = self._take()
            for request in islice(requests, 1):
                self._ask(worker, request)
            yield answer

    def _start(self, items: Items, count: int) -> None:
        theirs, let_go = get_context().Pipe(duplex=False)
        self.close = Finalize(self, end, (self.workers, let_go), exitpriority=BEFORE_OTHERS)
        try:
            with theirs:
                for number in range(count):
                    self.workers.append(Worker(items, number, count, theirs))
        except BaseException:
            self.close()
            raise

    def _ask(self, worker: "Worker", request: Request) -> None:
        try:
            worker.channel.send(request)
        except GoneError:
            worker.raise_last()
        self.asked.append(worker)

    def _take(self) -> tuple["Worker", Answer]:
        worker = self.asked.popleft()
        processes = {one.process.sentinel: one for one in self.workers}
        while not (ready := wait([worker.channel.connection, *processes], SECONDS)):
            if worker.process.exitcode is not None:  # what it has started may hold all of this open
                worker.raise_last()
        for sentinel, one in processes.items():
            if sentinel in ready:
                one.raise_last()
        try:
            return worker, worker.answer()
        except GoneError:
            worker.raise_last()


class Worker:
    """A process, and the way to it."""

    def __init__(self, items: Items, number: int, count: int, let_go: Connection) -> None:
        context = get_context()
        ours, theirs = context.Pipe()
        self.channel = Channel(ours)
        with theirs:
            self.process = context.Process(
                target=work, args=(items, number, count, theirs, let_go), daemon=True
            )
            self.process.start()
        # For who ends all of multiprocessing.active_children(): SIGTERM is not answered.
        self.process.terminate = self.process.kill  # type: ignore[method-assign]

    def answer(self) -> Answer:
        """What it has read, once it is there; raises what it has met."""
        try:
            message, file = self.channel.receive()
        except OSError as error:
            raise WorkerError(
                f"a batch could not be received ({error.strerror}); accepted: {MORE_FILES}"
            ) from error
        if isinstance(message, Failed):
            raise self._error(message)
        assert file is not None, "a batch comes with its memory"
        try:
            return opened(message, file)
        finally:
            os.close(file)

    def _error(self, failed: Failed) -> Exception:
        try:
            error, _ = self.channel.receive()
        except GoneError:
            raise
        except Exception:  # this process knows no such class
            error = RuntimeError(failed.words)
        error.add_note(f"\nIn a worker process:\n{failed.traceback}")
        return error

    def raise_last(self) -> NoReturn:
        """Of a worker that has gone: raise what it has still told, or else how it ended."""
        with suppress(GoneError):
            while self.channel.connection.poll():
                self.answer()
        self.process.join(SECONDS)
        raise WorkerError(lost(self.process.pid, self.process.exitcode))


def end(workers: Sequence[Worker], let_go: Connection) -> None:
    """End them all, those that are stuck by SIGKILL, within PATIENCE and little more."""
    with suppress(OSError):
        let_go.send_bytes(b"end")
    until = monotonic() + PATIENCE
    for worker in workers:
        worker.process.join(max(0.0, until - monotonic()))
    stuck = [worker.process for worker in workers if worker.process.is_alive()]
    for process in stuck:
        process.kill()
    for process in stuck:
        process.join(SECONDS)
    for worker in workers:
        worker.channel.connection.close()
    let_go.close()
