"""Worker processes that read batches in advance."""

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

SECONDS = 1.0  # how long the system may need to end a process
BEFORE_OTHERS = 100  # run this finalizer before multiprocessing's own, which wait for all processes

Request = tuple[int, list[int]]  # epoch and indices
Answer = tuple[Batch, dict[str, str]]  # a batch and its broken files


class WorkerPool:
    """`count` worker processes. Requests go to them in turn, so that batches come in order.

    The workers end when the pool is closed or garbage-collected, and when this process ends in any way. They
    share no lock, queue or thread with it, so that a killed worker leaves nothing locked.

    Raises:
        WorkerError: not all workers can be started.
    """

    def __init__(self, items: Items, count: int) -> None:
        self.workers: list[Worker] = []
        self.asked: deque[Worker] = deque()  # one entry for each answer that is still to come
        try:
            self._start(items, count)
        except OSError as error:
            raise WorkerError(not_started(len(self.workers), count, error)) from error

    def batches(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """The batch for each request, in order.

        Raises:
            WorkerError: a worker has ended, or can't send a batch.
            Exception: an error in a worker, with its traceback as a note.
        """
        while self.asked:  # an earlier loop was left early
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
            if worker.process.exitcode is not None:  # its child processes may keep the connection open
                worker.raise_last()
        for sentinel, one in processes.items():
            if sentinel in ready:
                one.raise_last()
        try:
            return worker, worker.answer()
        except GoneError:
            worker.raise_last()


class Worker:
    """A worker process and the connection to it."""

    def __init__(self, items: Items, number: int, count: int, let_go: Connection) -> None:
        context = get_context()
        ours, theirs = context.Pipe()
        self.channel = Channel(ours)
        with theirs:
            self.process = context.Process(
                target=work, args=(items, number, count, theirs, let_go), daemon=True
            )
            self.process.start()
        # For code that terminates all of multiprocessing.active_children(): workers ignore SIGTERM.
        self.process.terminate = self.process.kill  # type: ignore[method-assign]

    def answer(self) -> Answer:
        """Waits for the worker's batch and returns it; raises the worker's error."""
        try:
            message, file = self.channel.receive()
        except OSError as error:
            raise WorkerError(
                f"a batch could not be received ({error.strerror}); accepted: {MORE_FILES}"
            ) from error
        if isinstance(message, Failed):
            raise self._error(message)
        assert file is not None, "a batch comes with the file of its memory"
        try:
            return opened(message, file)
        finally:
            os.close(file)

    def _error(self, failed: Failed) -> Exception:
        try:
            error, _ = self.channel.receive()
        except GoneError:
            raise
        except Exception:  # this process lacks the error's class
            error = RuntimeError(failed.message)
        error.add_note(f"\nIn a worker process:\n{failed.traceback}")
        return error

    def raise_last(self) -> NoReturn:
        """For a worker that has ended: raise the error that it still sent, or else say how it ended."""
        with suppress(GoneError):
            while self.channel.connection.poll():
                self.answer()
        self.process.join(SECONDS)
        raise WorkerError(lost(self.process.pid, self.process.exitcode))


def end(workers: Sequence[Worker], let_go: Connection) -> None:
    """End all workers; those that still run after PATIENCE seconds are killed by SIGKILL."""
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
