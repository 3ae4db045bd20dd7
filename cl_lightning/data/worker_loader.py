"""Batches of a set whose images are read one by one, by worker processes or in this one."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cl_lightning.data.batch import Batch
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.order import EpochOrder, EvaluationOrder
from cl_lightning.data.readable import Read, ReadableImages
from cl_lightning.data.resumable import Resumable
from cl_lightning.interruption import outlive_first_signals

Transform = Callable[[Tensor, int, int], Tensor]


class WorkerLoader(Resumable):
    """A torch DataLoader over `dataset`, each image through `transform(image, index, epoch)`.

    Workers stay for the whole run and learn the epoch with each index, so that their number changes
    nothing. Neither order nor images depend on the state of a global random generator.
    `report` gets the broken files (path: what is wrong) that other images of a `ReadableImages` stand in for.
    `sampler` is where Lightning finds `set_epoch`. `__iter__` is a generator on purpose: work begins
    with the first batch, when Lightning has set the epoch.
    """

    batch_sampler = None  # Lightning asks any loader with a `sampler` for one

    def __init__(
        self,
        dataset: MapStyle,
        order: EpochOrder | EvaluationOrder,
        num_workers: int = 0,
        transform: Transform | None = None,
        pin_memory: bool = False,
        report: Callable[[Mapping[str, str]], None] | None = None,
    ) -> None:
        self.sampler, self.num_workers, self.report = order, num_workers, report
        self.new_loader = partial(
            DataLoader,
            Items(dataset, transform),
            batch_sampler=EpochIndices(order),
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            collate_fn=collate,
            pin_memory=pin_memory,
            worker_init_fn=outlive_first_signals,
        )
        self.loader: Iterable[tuple[Batch, dict[str, str]]] | None = None

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch]:
        if self.loader is None:  # with a generator of its own, else each epoch draws from the global one
            self.loader = self.new_loader(generator=torch.Generator())
        try:
            for batch, broken in self.counted(self.loader.__iter__):
                if broken and self.report is not None:
                    self.report(broken)
                yield batch
        except Exception as error:
            if not self.num_workers:
                raise
            # torch's frames and the error hold each other and the workers. Left to the garbage collector,
            # workers miss their last message and torch waits 5 seconds for each. The traceback that counts
            # is the worker's, which the message holds.
            self.close()
            raise error.with_traceback(None) from None

    def close(self) -> None:
        """Ends the workers (they go with torch's loader); the next epoch would start new ones."""
        self.loader = None


class OpenLoaders(WeakSet[WorkerLoader]):
    """Loaders that may have workers. Pickled, it is empty: a process that is spawned makes its own."""

    def close(self) -> None:
        """Ends all their workers."""
        for loader in self:
            loader.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenLoaders, ()


class EpochIndices:
    """The order's batches as lists of (epoch, index), the way a DataLoader asks for them."""

    def __init__(self, order: EpochOrder | EvaluationOrder) -> None:
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in self.order.batches():
            yield [(self.order.epoch, index) for index in batch.tolist()]


class Items(Dataset[Read]):
    """What is read for each (epoch, index), its image transformed; runs in the workers."""

    def __init__(self, dataset: MapStyle, transform: Transform | None) -> None:
        self.images = dataset if isinstance(dataset, ReadableImages) else ReadableImages(dataset, 0)
        self.transform = transform

    def __getitem__(self, key: tuple[int, int]) -> Read:
        epoch, index = key
        read = self.images.read(index)
        if self.transform is None:
            return read
        return read._replace(image=self.transform(read.image, read.index, epoch))


def collate(items: list[Read]) -> tuple[Batch, dict[str, str]]:
    """One Batch of single items, and the broken files among them.

    Raises ValueError when their images differ in size.
    """
    images, index, labels, broken = zip(*items, strict=True)
    shapes = {tuple(image.shape): number for image, number in zip(images, index, strict=True)}
    if len(shapes) > 1:
        found = ", ".join(f"{list(shape)} (image {number})" for shape, number in list(shapes.items())[:3])
        raise ValueError(
            f"images of one batch differ in [channels, height, width]: {found}; accepted: images of one "
            "size, or views that cut a crop (views=simclr or views=moco_v2), and one number of channels."
        )
    batch = Batch(torch.stack(images), torch.tensor(index), torch.tensor(labels))
    return batch, {path: reason for part in broken for path, reason in part.items()}
