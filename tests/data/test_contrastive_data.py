from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from PIL import Image

from cl_lightning.data import ContrastiveData, EpochOrder, TensorImages, image_folder, synthetic
from cl_lightning.data.checks import check_sets
from tests.data.photos import write_photos
from tests.processes import workers

# Lightning 2.6.6 asks torch 2.14 in a way that it deprecates.
pytestmark = pytest.mark.filterwarnings(r"ignore:.*isinstance\(treespec, LeafSpec\):FutureWarning")


class CropViews:
    """Stands in for a recipe with a crop; the crop shows index and epoch."""

    size, crops = 4, True

    def crop_pair(self, image, index, epoch):
        crop = image[:, :4, :4].clone()
        crop[0, 0, 0], crop[0, 0, 1] = index, epoch
        return torch.stack([crop, crop])


class Recorder(LightningModule):
    """Trains one weight and keeps what it was given."""

    def __init__(self, views=None):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.views = views
        self.trained, self.validated, self.steps = [], [], 0

    def training_step(self, batch, batch_idx):
        self.trained.append((self.current_epoch, batch))
        return self.weight * batch.images.float().mean()

    def validation_step(self, batch, batch_idx, dataloader_idx=0):
        self.validated.append((dataloader_idx, batch))

    def on_before_zero_grad(self, optimizer):
        self.steps += 1

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def train(module, data, **settings):
    quiet = {
        "accelerator": "cpu",
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "max_epochs": 1,
    }
    trainer = Trainer(**(quiet | settings))
    trainer.fit(module, data)
    return trainer


@pytest.fixture
def photos(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (20, 12, 10, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        split = "train" if number < 13 else "val"
        folder = tmp_path / split / f"class {number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path


def test_the_trainer_sets_the_epoch_and_sees_the_order_of_seed_and_epoch():
    module = Recorder()
    train(module, ContrastiveData(synthetic(images=20, size=8), batch_size=6, seed=5), max_epochs=3)
    assert [epoch for epoch, _ in module.trained] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    expected = []
    for epoch in range(3):
        order = EpochOrder(20, 6, seed=5)
        order.set_epoch(epoch)
        expected += order.batches()
    for (_, batch), index in zip(module.trained, expected, strict=True):
        assert torch.equal(batch.index, index)
    assert not torch.equal(module.trained[0][1].index, module.trained[3][1].index)


def test_evaluation_gets_queries_and_bank_in_order_and_unchanged():
    train_set, val = synthetic(images=10, size=8), synthetic("val", images=7, size=8)
    module = Recorder(SimpleNamespace(size=8))
    train(module, ContrastiveData(train_set, val, batch_size=4), num_sanity_val_steps=0)
    for number, part in enumerate([val, train_set]):
        batches = [batch for loader, batch in module.validated if loader == number]
        assert torch.equal(torch.cat([batch.images for batch in batches]), part.images)
        assert torch.equal(torch.cat([batch.labels for batch in batches]), part.labels)
        assert torch.equal(torch.cat([batch.index for batch in batches]), torch.arange(len(part)))


def test_the_bank_may_be_another_set_than_the_training_images():
    bank = synthetic(images=5, size=8, seed=3)
    data = ContrastiveData(synthetic(images=10, size=8), synthetic("val", size=8), batch_size=4, bank=bank)
    assert torch.equal(torch.cat([batch.images for batch in data.val_dataloader()[1]]), bank.images)


def test_training_without_validation_images_works():
    module = Recorder()
    trainer = train(module, ContrastiveData(synthetic(images=10, size=8), batch_size=4))
    assert trainer.global_step == 2
    assert module.validated == []
    data = ContrastiveData(synthetic(images=10, size=8), batch_size=4)
    assert Trainer(accelerator="cpu", logger=False).validate(module, data) == []
    assert list(data.val_dataloader()) == []


def unlabelled(kind, folder):
    """Ten images of which not all have a label, of each kind of set."""
    images = torch.randint(0, 256, (10, 3, 8, 8), dtype=torch.uint8)
    if kind == "no image has":
        return TensorImages(images)
    if kind == "one image lacks":
        return TensorImages(images, torch.arange(10) - 1)
    if kind == "an own Dataset":
        return list(images)
    photos = write_photos(folder, *(f"{number}.png" for number in range(10)))
    return image_folder(photos, labels=False)


@pytest.mark.parametrize("kind", ["no image has", "one image lacks", "photos", "an own Dataset"])
@pytest.mark.parametrize("max_broken", [0, 1])
@pytest.mark.filterwarnings("ignore:.*max_broken=1 has no effect")
def test_without_labels_no_image_of_the_bank_is_read(kind, max_broken, tmp_path):
    lacking, labelled = unlabelled(kind, tmp_path), synthetic(images=7, size=8)
    for sets in ({"bank": lacking, "val": labelled}, {"bank": labelled, "val": lacking}):
        data = ContrastiveData(synthetic(images=10, size=8), **sets, batch_size=4, max_broken=max_broken)
        (queries,) = data.val_dataloader()
        assert torch.cat([batch.index for batch in queries]).tolist() == list(range(len(sets["val"])))
        assert not data.has_labels
        assert len(data.predict_dataloader()) == 2
    assert ContrastiveData(labelled, labelled, batch_size=4).has_labels
    assert not ContrastiveData(labelled, batch_size=4).has_labels


@pytest.mark.parametrize("num_workers", [0, 2])
def test_photos_are_cropped_for_training_and_cut_to_the_middle_for_evaluation(photos, num_workers):
    module = Recorder(CropViews())
    data = ContrastiveData(image_folder(photos), image_folder(photos, "val"), 6, num_workers, seed=1)
    train(module, data, max_epochs=2)
    assert len(module.trained) == 4
    for epoch, batch in module.trained:
        assert batch.images.shape == (6, 2, 3, 4, 4)
        assert torch.equal(batch.images[:, 1, 0, 0, 0].long(), batch.index)
        assert (batch.images[:, :, 0, 0, 1] == epoch).all()
    assert all(batch.images.shape[1:] == (3, 4, 4) for _, batch in module.validated)
    assert not workers()


def test_photos_are_the_same_for_0_and_2_workers(photos):
    seen = []
    for num_workers in (0, 2):
        module = Recorder(CropViews())
        train(
            module, ContrastiveData(image_folder(photos), batch_size=6, num_workers=num_workers), max_epochs=2
        )
        seen.append([part for _, batch in module.trained for part in batch])
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))


@pytest.mark.parametrize(
    ("limit", "accumulation", "trained", "steps"),
    [
        (1.0, 1, 10, 10),
        (1.0, 4, 8, 2),
        (7, 2, 6, 3),
        (0.5, 2, 4, 2),
        (0.99, 3, 9, 3),
        (100, 3, 9, 3),
        (3, 3, 3, 1),
    ],
)
def test_every_optimizer_step_has_a_whole_accumulation(limit, accumulation, trained, steps):
    data = ContrastiveData(synthetic(images=41, size=8), batch_size=4)
    module = Recorder()
    settings = {"limit_train_batches": limit, "accumulate_grad_batches": accumulation, "max_epochs": 2}
    trainer = train(module, data, **settings)
    assert len(module.trained) == 2 * trained
    assert trainer.global_step == 2 * steps
    assert trainer.num_training_batches == data.batches_per_epoch == trained
    assert data.images_per_epoch == trained * 4
    assert data.dropped_images == 41 - trained * 4
    assert trainer.limit_train_batches == limit  # another fit of this Trainer starts from what was asked


def test_a_second_fit_of_the_same_trainer_may_have_more_data():
    trainer = train(
        Recorder(), ContrastiveData(synthetic(images=8, size=8), batch_size=4), limit_train_batches=0.5
    )
    assert trainer.num_training_batches == 1
    trainer.fit_loop.max_epochs = 2
    more = Recorder()
    trainer.fit(more, ContrastiveData(synthetic(images=24, size=8), batch_size=4))
    assert [epoch for epoch, _ in more.trained] == [1, 1, 1]


def test_an_accumulation_longer_than_the_epoch_is_refused():
    data = ContrastiveData(synthetic(images=20, size=8), batch_size=6)
    with pytest.raises(
        ValueError, match=r"3 of 3 batches .* trainer\.accumulate_grad_batches=4 .* at most 3\."
    ):
        train(Recorder(), data, accumulate_grad_batches=4)


def test_overfit_batches_is_refused():
    with pytest.raises(ValueError, match=r"trainer\.overfit_batches=2; accepted: 0"):
        train(Recorder(), ContrastiveData(synthetic(images=20, size=8), batch_size=6), overfit_batches=2)


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_ranks_share_each_batch_and_each_evaluation(world_size):
    train_set, val = synthetic(images=20, size=8), synthetic("val", images=11, size=8)

    def loaders(rank, world_size):
        data = ContrastiveData(train_set, val, batch_size=6, seed=2)
        data.trainer = SimpleNamespace(
            global_rank=rank,
            world_size=world_size,
            strategy=SimpleNamespace(root_device=torch.device("cpu")),
            lightning_module=SimpleNamespace(),
            accumulate_grad_batches=1,
            limit_train_batches=1.0,
        )
        return data.train_dataloader(), data.val_dataloader()

    ranks = [loaders(rank, world_size) for rank in range(world_size)]
    together = [
        torch.cat([b.images for b in parts]) for parts in zip(*[train for train, _ in ranks], strict=True)
    ]
    single = [batch.images for batch in loaders(0, 1)[0]]
    assert all(torch.equal(a, b) for a, b in zip(together, single, strict=True))
    for number, part in enumerate([val, train_set]):
        seen = [batch.index for _, parts in ranks for batch in parts[number]]
        assert torch.equal(torch.cat(seen), torch.arange(len(part)))


def test_a_notebook_may_iterate_without_a_trainer(photos):
    data = ContrastiveData(image_folder(photos), image_folder(photos, "val"), batch_size=5)
    batches = list(data.train_dataloader())
    assert len(batches) == data.batches_per_epoch == 2
    assert batches[0].images.shape == (5, 3, 12, 10)
    assert len(data.val_dataloader()) == 2


def test_a_replaced_loader_takes_its_workers_along(photos):
    data = ContrastiveData(image_folder(photos), batch_size=5, num_workers=2)
    loader = data.train_dataloader()
    list(loader)
    assert len(workers()) == 2
    loader = data.train_dataloader()  # as Trainer(reload_dataloaders_every_n_epochs=1) does
    assert not workers()
    assert len(list(loader)) == 2


def test_wrong_numbers_are_refused_at_once():
    images = synthetic(images=20, size=8)
    with pytest.raises(ValueError, match=r"data\.batch_size=21 with 20 training images"):
        ContrastiveData(images, batch_size=21)
    with pytest.raises(ValueError, match=r"data\.num_workers=-1; accepted: 0 or more"):
        ContrastiveData(images, batch_size=5, num_workers=-1)


@pytest.mark.parametrize("given", [5, {1, 2}, (image for image in "ab")])
def test_what_is_no_map_style_dataset_is_refused(given):
    sets = {"train": synthetic(images=20, size=8), "val": given}
    with pytest.raises(ValueError, match=r"data\.val is a \w+; accepted: a map-style Dataset"):
        check_sets(sets)  # which is all that sees it where no types are checked


def test_an_empty_set_is_refused():
    with pytest.raises(ValueError, match=r"data\.val holds no images; accepted: one or more"):
        ContrastiveData(synthetic(images=20, size=8), [], batch_size=5)


@pytest.mark.parametrize(
    ("sets", "named"),
    [
        ({"val": 2, "bank": 3}, "val"),
        ({"val": 3, "bank": 2}, "bank"),
        ({"val": 3, "bank": 3}, None),
        ({"val": 3}, None),  # the bank is train
        ({}, None),
    ],
)
@pytest.mark.parametrize("limit", [1.0, 0])
def test_fewer_images_to_evaluate_than_processes_are_refused(sets, named, limit):
    sets = {name: synthetic(images=images, size=8) for name, images in sets.items()}
    data = ContrastiveData(synthetic(images=6, size=8), **sets, batch_size=6)
    data.trainer = SimpleNamespace(world_size=3, limit_val_batches=limit)
    if named is None or limit == 0:
        data.setup("fit")
    else:
        with pytest.raises(
            ValueError, match=rf"data\.{named} holds fewer images \(2\) .* \(3\); .* 3 or more"
        ):
            data.setup("fit")


def test_an_unlabelled_bank_is_not_evaluated_and_may_be_small():
    bank = TensorImages(synthetic(images=2, size=8).images)
    data = ContrastiveData(synthetic(images=6, size=8), synthetic(images=3, size=8), 6, bank=bank)
    data.trainer = SimpleNamespace(world_size=3, limit_val_batches=1.0)
    data.setup("fit")


def test_workers_without_work_are_warned_about():
    images = synthetic(images=20, size=8)
    with pytest.warns(UserWarning, match=r"data\.num_workers=2 has no effect"):
        ContrastiveData(images, images, batch_size=5, num_workers=2)


def test_repr_shows_sets_and_batch():
    images = TensorImages(torch.zeros(1200, 1, 4, 4, dtype=torch.uint8), name="mine")
    assert repr(ContrastiveData(images, [1, 2])) == (
        "ContrastiveData(train=(mine: 1,200 images 1x4x4), val=(list: 2 images), "
        "batch_size=256, num_workers=0)"
    )
    assert str(ContrastiveData(images)) == repr(ContrastiveData(images))
