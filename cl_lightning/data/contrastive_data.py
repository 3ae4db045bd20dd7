"""The data of a run: loaders for training, and for the bank and the queries of kNN."""

from itertools import chain
from typing import Any

from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn

from cl_lightning.data.accumulation import batch_limit, offered_batches, usable_batches
from cl_lightning.data.broken_files import BrokenList
from cl_lightning.data.checks import (
    OTHER_RUN,
    check_numbers,
    check_sets,
    check_shares,
    check_workers,
    warn_of_no_effect,
)
from cl_lightning.data.description import descriptions
from cl_lightning.data.labelled import any_label
from cl_lightning.data.levels import warn_of_few_levels
from cl_lightning.data.loaders import Loader, Loaders
from cl_lightning.data.map_style import MapStyle
from cl_lightning.data.no_loaders import NoLoaders
from cl_lightning.data.order import EpochOrder
from cl_lightning.data.positives import PathPositives
from cl_lightning.data.readable import describe
from cl_lightning.data.record.image_sets import ImageSets
from cl_lightning.data.sets.tensor_images import TensorImages
from cl_lightning.data.workers.worker_loader import OpenLoaders
from cl_lightning.distributed import rank
from cl_lightning.distributed.saved_by_rank import gather_objects


class ContrastiveData(LightningDataModule):
    """Images for training, and labelled images for evaluation.

    Each data set is a map-style Dataset of images or of (image, label), as a tuple or list. An image is a
    uint8 tensor [C, H, W], a uint8 array [H, W, C] or a PIL image. `TensorImages` lie on the training device
    and need no workers. For all other sets, `num_workers` processes read the images and cut them: for
    training the crops that the method's views ask for, for evaluation the middle. Without views (no Trainer)
    images are not cut.

    `batch_size` counts the images of one forward over all processes. `bank` holds the images that kNN
    compares `val` with (default: `train`); it is not loaded if there are no labels. Batch order is a function
    of (`seed`, epoch). An epoch leaves out the images that do not fill a batch, and the batches that do not
    fill a gradient accumulation.

    The next readable image replaces a file that cannot be read, and keeps its own index. (If it is in the
    same batch anyway, both copies have the same views.) A run allows `max_broken` such files and warns about
    each once; `broken_files` lists their paths. One more stops the run. When a fit goes on from a checkpoint,
    a photo that is gone or another one now counts among them.

    `positives` is a regular expression on the paths of the photos to train on. It gives training batches
    other labels, for losses whose positives are images with the same label; see `PathPositives`.

    Raises ValueError, which names the config key, for an object that is no data set, and for numbers that do
    not fit the data or the processes.
    """

    def __init__(
        self,
        train: MapStyle,
        val: MapStyle | None = None,
        batch_size: int = 256,
        num_workers: int = 0,
        seed: int = 0,
        bank: MapStyle | None = None,
        max_broken: int = 0,
        positives: str | None = None,
    ) -> None:
        super().__init__()
        check_sets({"train": train, "val": val, "bank": bank})
        check_numbers(num_workers=num_workers, max_broken=max_broken)
        EpochOrder(len(train), batch_size, seed)  # refuses before anything is built
        self.batch_size, self.num_workers, self.seed = batch_size, num_workers, seed
        self.max_broken, self.broken = max_broken, BrokenList(max_broken)
        self.positives = positives
        self._by_path = None if positives is None else PathPositives(positives, train)
        self.sets = ImageSets(train, val, bank, self.broken)
        self._open = OpenLoaders()
        self._resumed: dict[str, Any] = {}
        if all(isinstance(part, (TensorImages, type(None))) for part in (train, val, bank)):
            warn_of_no_effect(num_workers=num_workers, max_broken=max_broken)
        else:
            check_workers(num_workers)

    def setup(self, stage: str) -> None:
        """Prepares a fit: its list of broken files starts empty; a checkpoint restores it afterwards.

        Raises ValueError when there are fewer images to evaluate than processes: a process without images
        would skip the evaluation, and the others would wait for it.
        """
        if stage == "fit":
            self.broken.paths, self._resumed = [], {}
            if rank() == 0:
                self.sets.inventories()  # recorded when the fit begins
                warn_of_few_levels(self.sets.own())
        if self.trainer and self.trainer.limit_val_batches:
            check_shares(self.sets.evaluated(), self.trainer.world_size)

    def state_dict(self) -> dict[str, Any]:
        """Broken files, the inventory of each data set, and how many batches of the epoch are done."""
        broken = gather_objects(self.broken_files) if self.sets.may_lack_files else []
        return {
            "broken_by_process": broken,
            "broken": sorted({self.sets.place_of(path) for path in chain(*broken)}),
            "images": {name: len(part) for name, part in self.sets.own().items()},
            "inventories": self.sets.packed() if rank() == 0 else {},
            "train": self._training.state_dict(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raises ValueError when a resumed fit has other images than it began with."""
        trainer, broken = self.trainer, state_dict.get("broken_by_process", [])
        if trainer is None or trainer.state.fn == TrainerFn.FITTING:
            run = f"the run of {trainer.ckpt_path if trainer else 'the checkpoint'}"
            first_here = trainer is None or trainer.local_rank == 0
            self.sets.go_on_from(state_dict, run, OTHER_RUN, first_here, self.max_broken)
            places = state_dict.get("broken", [])  # the folder may have been moved
            broken = [[self.sets.path_now(path, places) or path for path in paths] for paths in broken]
            self.broken.check(chain(*broken))
        self.broken.restore(broken)
        self._resumed = state_dict["train"]

    def train_dataloader(self) -> Loader:
        """This process's part of each batch; only batches that fill a gradient accumulation."""
        batches, limit = len(self.train) // self.batch_size, batch_limit(self.trainer)
        offered = offered_batches(batches, limit, self.batches_per_epoch)
        train = self.train if self._by_path is None else self._by_path.relabelled(self.train)
        self._training = self._loaders.training(train, self.seed, offered)
        if self._resumed:  # Lightning restores a loader only if no schedule has asked for its length before
            self._training.load_state_dict(self._resumed)
        return self._training

    def val_dataloader(self) -> list[Loader] | NoLoaders:
        """Queries and bank, in order, each image once over all processes; no bank if there are no labels.

        No loader at all without `val`. `trainer.limit_val_batches` shortens the part of each process, so the
        images that are evaluated then depend on the number of processes.
        """
        sets = self.sets.evaluated().values()
        return [self._loaders.evaluation(part) for part in sets] if sets else NoLoaders()

    def predict_dataloader(self) -> list[Loader]:
        """Queries and bank, with or without labels; only the bank without `val`."""
        sets = [part for part in (self.val, self.bank) if part is not None]
        return [self._loaders.evaluation(part) for part in sets]

    def teardown(self, stage: str) -> None:
        """Ends the workers; a later stage starts new ones."""
        self._open.close()

    def on_exception(self, exception: BaseException) -> None:
        """Ends the workers here too, because Lightning calls no teardown after an error."""
        self.teardown("fit")

    @property
    def train(self) -> MapStyle:
        return self.sets.train

    @property
    def val(self) -> MapStyle | None:
        return self.sets.val

    @property
    def bank(self) -> MapStyle:
        return self.sets.bank

    @property
    def has_labels(self) -> bool:
        """Whether `bank` and `val` both have labels; False without `val`."""
        return self.sets.has_labels

    @property
    def has_positives(self) -> bool:
        """Whether some training image has a label. Raises ValueError for `positives` without an effect."""
        if self._by_path is None:
            return any_label(self.train)
        self._by_path.check(self.train)
        return True

    @property
    def batches_per_epoch(self) -> int:
        """Batches that an epoch trains on (before accumulation), after `trainer.limit_train_batches`."""
        accumulation = self.trainer.accumulate_grad_batches if self.trainer else 1
        return usable_batches(len(self.train) // self.batch_size, batch_limit(self.trainer), accumulation)

    @property
    def images_per_epoch(self) -> int:
        """Images that an epoch trains on, over all processes."""
        return self.batches_per_epoch * self.batch_size

    @property
    def dropped_images(self) -> int:
        """How many training images an epoch leaves out; each epoch leaves out different ones."""
        return len(self.train) - self.images_per_epoch

    @property
    def broken_files(self) -> list[str]:
        """Paths of the files that other images replace, in the order in which they were met."""
        return self.broken.paths

    def described(self) -> dict[str, list[str]]:
        """The lines about each data set in the start report."""
        lines = descriptions(self.sets.own())
        if self._by_path is not None:
            lines["positives"] = [self._by_path.described(self.train)]
        return lines

    @property
    def _loaders(self) -> Loaders:
        return Loaders(self.trainer, self.batch_size, self.num_workers, self.broken.add, self._open)

    def __repr__(self) -> str:
        sets = {"train": self.train, "val": self.val}
        if self.bank is not self.train:
            sets["bank"] = self.bank
        arguments = [f"{name}=({describe(part)})" for name, part in sets.items()]
        arguments += [f"batch_size={self.batch_size}", f"num_workers={self.num_workers}"]
        return f"ContrastiveData({', '.join(arguments)})"

    __str__ = __repr__  # Lightning's __str__ would create the loaders
