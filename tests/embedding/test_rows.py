"""One row for each image: its name, its label and the vector that the library's other ways give."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cl_lightning import MoCoV2, load_backbone
from cl_lightning.blueprints import ConfigError
from cl_lightning.checkpoints import Checkpoint, load_layer
from cl_lightning.data import ContrastiveData, image_folder
from cl_lightning.embedding.formats import parquet
from tests import small
from tests.data.photos import write_photos
from tests.embedding.asked import by_hand, content, embedded
from tests.embedding.conftest import NAMES


@pytest.fixture(scope="module")
def npz(run: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded(run, [photos], tmp_path_factory.mktemp("npz") / "rows.npz").file


def test_the_vectors_are_those_of_load_backbone(npz: Path, run: Path, photos: Path) -> None:
    found = content(npz)
    expected = by_hand(load_backbone(run), [photos / name for name in found.files])
    np.testing.assert_allclose(found.vectors, expected.numpy(), rtol=1e-5, atol=1e-6)


def test_every_photo_has_one_row_with_its_name_and_class(npz: Path) -> None:
    found = content(npz)
    assert sorted(found.files) == sorted(NAMES)
    assert found.labels == [name.split("/")[1] for name in found.files]


def test_an_npz_is_read_by_numpy_without_pickle(npz: Path) -> None:
    with np.load(npz) as arrays:
        found = content(npz)
        assert arrays["files"].tolist() == found.files
        assert arrays["labels"].tolist() == found.labels
        assert arrays["vectors"].dtype == np.float32
        assert np.array_equal(arrays["vectors"], found.vectors)
        about = json.loads(str(arrays["about"]))
    assert (about["epoch"], about["layer"], about["encoder"], about["shape"]) == (
        7,
        "backbone",
        "query",
        [16],
    )


def test_a_csv_holds_the_same_floats(npz: Path, run: Path, photos: Path, tmp_path: Path) -> None:
    file = embedded(run, [photos], tmp_path / "rows.csv").file
    with file.open(newline="") as lines:
        title, *rows = csv.reader(lines)
    expected = content(npz)
    assert title == ["file", "label", *(f"v{n}" for n in range(16))]
    assert [row[0] for row in rows] == expected.files
    assert [row[1] for row in rows] == expected.labels
    assert np.array_equal(np.array([row[2:] for row in rows], dtype=np.float32), expected.vectors)
    assert np.array_equal(content(file).vectors, expected.vectors)


def test_a_parquet_has_a_list_of_fixed_length(
    npz: Path, run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrow = pytest.importorskip("pyarrow")
    monkeypatch.setattr(parquet, "GROUP_BYTES", 500)
    file = embedded(run, [photos], tmp_path / "rows.parquet").file
    table = arrow.parquet.read_table(file)
    expected = content(npz)
    assert table.schema.field("vector").type == arrow.list_(arrow.float32(), 16)
    assert table.column("file").to_pylist() == expected.files
    assert table.column("label").to_pylist() == expected.labels
    assert np.array_equal(np.array(table.column("vector").to_pylist(), dtype=np.float32), expected.vectors)
    assert json.loads(table.schema.metadata[b"cl_lightning"])["shape"] == [16]
    assert np.array_equal(content(file).vectors, expected.vectors)


def test_without_pyarrow_a_parquet_is_refused_before_anything_is_read(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'cl_lightning\[parquet\]'"):
        embedded(run, ["nowhere"], tmp_path / "rows.parquet")


@pytest.mark.parametrize(("layer", "shape"), [("projector", (8,)), ("map", (16, 2, 2))])
@pytest.mark.parametrize("encoder", ["query", "key"])
def test_each_layer_of_either_encoder(
    layer: str, shape: tuple[int, ...], encoder: str, run: Path, tmp_path: Path
) -> None:
    folder = write_photos(tmp_path / "photos", "1.png", "2.png")
    done = embedded(run, [folder], tmp_path / "rows.npz", layer=layer, encoder=encoder)
    found = content(done.file)
    network: Any = load_layer(run, layer, encoder)
    backbone = load_backbone(run, encoder)
    network.size, network.mean, network.std = backbone.size, backbone.mean, backbone.std
    expected = by_hand(network, [folder / name for name in found.files])
    assert done.shape == expected.shape[1:] == shape
    np.testing.assert_allclose(found.vectors, expected.flatten(1).numpy(), rtol=1e-5, atol=1e-6)
    if layer == "map":
        pooled = by_hand(backbone, [folder / name for name in found.files])
        torch.testing.assert_close(expected.mean((2, 3)), pooled)


def test_the_projector_is_the_encoder_of_the_checkpoint(run: Path) -> None:
    method = small.moco()
    method.encoder.load_state_dict(Checkpoint(run).encoder_weights("key"))
    images = torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(load_layer(run, "projector", "key")(images), method.encoder.eval()(images))


def test_trainer_predict_gives_the_same_vectors(npz: Path, run: Path, photos: Path) -> None:
    method = MoCoV2.load_from_checkpoint(run)
    sets = {split: image_folder(photos, split) for split in ("train", "val")}
    data = ContrastiveData(**sets, batch_size=4)
    of_val, of_train = small.trainer().predict(method, datamodule=data)  # type: ignore[misc]
    by_split = {"train": of_train, "val": of_val}
    rows = dict(zip(content(npz).files, content(npz).vectors, strict=True))
    for split, batches in by_split.items():
        index, vectors = (torch.cat([getattr(b, column) for b in batches]) for column in ("index", "vectors"))
        assert index.tolist() == list(range(len(sets[split])))
        names = [str(Path(path).relative_to(photos)) for path in sets[split].paths]
        expected = np.stack([rows[name] for name in names])
        np.testing.assert_allclose(vectors.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_trainer_predict_without_validation_images_gives_the_training_images(run: Path) -> None:
    data = ContrastiveData(small.synthetic("train", images=10, size=8), batch_size=4)
    batches = small.trainer().predict(MoCoV2.load_from_checkpoint(run), datamodule=data)
    assert torch.cat([batch.index for batch in batches]).tolist() == list(range(10))  # type: ignore[union-attr]


def test_images_without_files_have_the_names_of_their_sets_and_numbers(run: Path, tmp_path: Path) -> None:
    words = ["data=synthetic", "data.size=8", "data.train.images=7", "data.val.images=6"]
    found = content(embedded(run, words, tmp_path / "rows.npz").file)
    assert found.files == [*(f"train/{n}" for n in range(7)), *(f"val/{n}" for n in range(6))]
    assert found.labels == [str(n % 4) for n in (*range(7), *range(6))]


def test_images_without_labels_have_none(run: Path, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "photos", "1.png", "2.png")
    assert content(embedded(run, [folder], tmp_path / "rows.npz").file).labels == ["", ""]
    arrow = pytest.importorskip("pyarrow.parquet")
    table = arrow.read_table(embedded(run, [folder], tmp_path / "rows.parquet").file)
    assert table.column("label").to_pylist() == [None, None]


def test_any_file_name_is_read_back(run: Path, tmp_path: Path) -> None:
    names = [
        "a, b.png",
        'a "b".png',
        "a\nb.png",
        "a\rb.png",
        "é.png",
        "e\u0301.png",
        "日本.png",
        "=1+1.png",
        "-1.png",
    ]
    folder = write_photos(tmp_path / "photos", *names)
    for ending in (".csv", ".npz"):
        assert sorted(content(embedded(run, [folder], tmp_path / f"rows{ending}").file).files) == sorted(
            names
        )


def test_a_name_that_is_no_text_is_written_as_text(run: Path, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "photos", "a\udce9.png")
    assert content(embedded(run, [folder], tmp_path / "rows.csv").file).files == [r"a\xe9.png"]


def test_grey_images_in_memory_are_refused_with_both_numbers_of_channels(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"1 channel, .*3 channels"):
        embedded(run, ["data=digits"], tmp_path / "rows.npz")
    assert not list(tmp_path.iterdir())
