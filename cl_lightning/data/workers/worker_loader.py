"""Batches of a data set whose images are read one by one, by worker processes or in this process."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from weakref import WeakSet

import torch

from cl_lightning.data.batch import Batch
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.order import Order
from cl_lightning.data.resumable import Resumable
from cl_lightning.data.workers.items import Items, Transform, collate
from cl_lightning.data.workers.worker_pool import Answer, Request, WorkerPool


class WorkerLoader(Resumable):
    """Batches of `dataset`, each image after `transform(image, index, epoch)`.

    Workers live for the whole run and get the epoch with each request, so that the number of workers changes
    no image. Neither order nor images depend on the state of a global random generator.
    `report` is called with the broken files (path: what is wrong) that other images replace.
    Lightning looks for `set_epoch` in `sampler`. `__iter__` is a generator on purpose: work begins
    with the first batch, after Lightning has set the epoch.

    An error in a worker is raised here and ends all workers. WorkerError means that a worker has ended, or
    can't send a batch.
    """

    batch_sampler = None  # Lightning reads this attribute of any loader with a `sampler`

    def __init__(
        self,
        dataset: MapStyle,
        order: Order,
        num_workers: int = 0,
        transform: Transform | None = None,
        pin_memory: bool = False,
        report: Callable[[Mapping[str, str]], None] | None = None,
    ) -> None:
        self.sampler, self.num_workers, self.report = order, num_workers, report
        self.items, self.pin_memory = Items(dataset, transform), pin_memory
        self.pool: WorkerPool | None = None

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch]:
        try:
            for batch, broken in self.counted(self._answers):
                if broken and self.report is not None:
                    self.report(broken)
                yield batch
        except GeneratorExit:  # the loop was left early; the next one needs the workers
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the workers; the next loop would start new ones."""
        pool, self.pool = self.pool, None
        if pool is not None:
            pool.close()

    def _answers(self) -> Iterable[Answer]:
        requests = self._requests()
        if self.num_workers:
            self.pool = self.pool or WorkerPool(self.items, self.num_workers)
            answers = self.pool.batches(requests)
        else:
            answers = (collate([self.items.read(i, epoch) for i in indices]) for epoch, indices in requests)
        return pinned(answers) if self.pin_memory else answers

    def _requests(self) -> Iterator[Request]:
        epoch = self.sampler.epoch
        for indices in self.sampler.batches():
            yield epoch, indices.tolist()


class OpenLoaders(WeakSet[WorkerLoader]):
    """Loaders that may have workers. A pickled copy is empty: a spawned process makes its own loaders."""

    def close(self) -> None:
        """Ends all their workers."""
        for loader in self:
            loader.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenLoaders, ()


def pinned(answers: Iterable[Answer]) -> Iterator[Answer]:
    """The same batches in pinned memory. Each is pinned in a thread while the one before is used."""
    device = torch.accelerator.current_device_index()
    with ThreadPoolExecutor(1, initializer=torch.accelerator.set_device_index, initargs=(device,)) as thread:
        before: Future[Answer] | None = None
        for answer in answers:
            ready = thread.submit(_pin, answer)
            if before is not None:
                yield before.result()
            before = ready
        if before is not None:
            yield before.result()


def _pin(answer: Answer) -> Answer:
    batch, broken = answer
    return Batch(*(part.pin_memory() for part in batch)), broken
