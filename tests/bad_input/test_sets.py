"""Data sets of users' own code, and numbers, that no run can be made of."""

from pathlib import Path

import pytest

from tests.bad_input.conftest import Train
from tests.small import SMALL, SMALL_MOCO

OWN = """
import torch
from torch.utils.data import Dataset

class Images(Dataset):
    def __init__(self, kind: str = "float"):
        self.kind = kind
    def __len__(self):
        return 16
    def __getitem__(self, index):
        image = torch.rand(3, 8, 8)
        if self.kind == "with_nan":
            image[0, 0, 0] = torch.nan
        if self.kind == "late" and index < 1:
            return (image * 255).to(torch.uint8)
        if self.kind == "sizes":
            return torch.zeros(3, 8 + index % 2, 8, dtype=torch.uint8)
        return {"text": "photo.jpg", "none": None, "dict": {"image": image}}.get(self.kind, image)
"""
KINDS = {
    "with_nan": "the data set gave a torch.float32 Tensor of shape [3, 8, 8] as an image; accepted: a PIL",
    "float": "the data set gave a torch.float32 Tensor of shape [3, 8, 8] as an image; accepted: a PIL image",
    "text": "the data set gave a str as an image; accepted: a PIL image, a uint8 tensor [C, H, W]",
    "none": "the data set gave a NoneType as an image; accepted",
    "dict": "the data set gave a dict as an image; accepted",
}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Overrides that train on a set of the user's own code."""
    name = f"images_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    left_out = ("data=", "data.train", "data.val")
    small = [override for override in SMALL if not override.startswith(left_out)]
    return (
        "data=custom",
        *small,
        "data.num_workers=0",
        "callbacks.knn=null",
        f"data.train._target_={name}.Images",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_images_of_another_type_are_refused_nan_among_them(
    kind: str, own: tuple[str, ...], train: Train
) -> None:
    refusal = train(*own, f"+data.train.kind={kind}").refusal()
    assert KINDS[kind] in refusal
    assert "Leave ToTensor, normalisation and augmentation out of the data set" in refusal


@pytest.mark.parametrize("num_workers", [0, 2])
def test_one_that_comes_later_stops_the_run(num_workers: int, own: tuple[str, ...], train: Train) -> None:
    stop = train(*own, "+data.train.kind=late", f"data.num_workers={num_workers}").stop()
    assert stop.startswith(
        "cl-train: the data set gave a torch.float32 Tensor of shape [3, 8, 8] as an image"
    )


@pytest.mark.filterwarnings("ignore:.*nearly constant:UserWarning")
def test_images_of_several_sizes_are_cropped(own: tuple[str, ...], train: Train) -> None:
    train(*own, "+data.train.kind=sizes").trained()


ABSURD = {
    "data.size=-8": "size -8 was given, but it must be a whole number of at least 8 pixels: change views",
    "data.train.images=1000000000000": "are more than 2,147,483,648 values; accepted: less",
    "data.train.images=-1": "accepted: 1 or more each (data.train and data.val)",
    "encoder.hidden_features=1000000000 encoder.layers=3": "encoder: there is not enough memory",
    "encoder.backbone.widths=[4,1000000000000]": "encoder.backbone: there is not enough memory",
    "encoder.out_features=-5": "encoder.out_features is -5; accepted: a whole number from 1",
    "trainer.devices=1000000000": "trainer.devices is 1000000000; accepted: 1 to 1024",
    "data.num_workers=1000000": "data.num_workers is 1000000; accepted: 0 to 1024",
    "trainer.accumulate_grad_batches=1000000000": "accumulate_grad_batches=1000000000 of them; accepted: at",
}
ABSURD_MOCO = {
    "callbacks.negative_queue.length=1000000000000": "callbacks.negative_queue: there is not enough memory",
    "callbacks.negative_queue.length=0": "callbacks.negative_queue.length is 0",
}


@pytest.mark.filterwarnings("ignore:data.num_workers=1000000 has no effect")
@pytest.mark.parametrize("absurd", ABSURD)
def test_absurd_sizes_are_refused_with_their_keys(absurd: str, train: Train) -> None:
    assert ABSURD[absurd] in train(*SMALL, *absurd.split()).refusal()


@pytest.mark.parametrize("absurd", ABSURD_MOCO)
def test_absurd_queues_are_refused_with_their_key(absurd: str, train: Train) -> None:
    assert ABSURD_MOCO[absurd] in train(*SMALL, *SMALL_MOCO, *absurd.split()).refusal()


def test_what_fits_no_memory_is_refused_with_what_takes_most(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cl_lightning.runs.checking.memory.memory_of", lambda device: 300_000)
    moco = (*SMALL, *SMALL_MOCO)
    largest = {
        "encoder": "encoder.hidden_features=10000",
        "callbacks.negative_queue.length": "callbacks.negative_queue.length=10000",
        "data.size or data.batch_size": "data.size=200",
    }
    for key, override in largest.items():
        refusal = train(*moco, override).refusal()
        assert "a step needs more than 0.0 GiB of memory" in refusal
        assert refusal.endswith(f"but there are 0.0; accepted: less of {key}")
    train(*moco).trained()
