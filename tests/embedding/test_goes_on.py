"""An interrupted embedding goes on, and what can't be made leaves nothing under the final name."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cl_lightning.blueprints import ConfigError
from cl_lightning.embedding import joined, making, parts
from cl_lightning.embedding.chunks import Chunk
from cl_lightning.embedding.parts import Block, Parts
from tests.data.photos import write_photos
from tests.embedding.asked import content, embedded
from tests.embedding.conftest import NAMES, saved
from tests.rights import as_any_user


class InterruptedError(Exception):
    """What ends an embedding between two chunks in these tests."""


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Chunk]:
    """The chunks that are written from now on."""
    found: list[Chunk] = []
    write = Parts.write

    def noted(self: Parts, chunk: Chunk, block: Block) -> None:
        write(self, chunk, block)
        found.append(chunk)

    monkeypatch.setattr(Parts, "write", noted)
    return found


@contextmanager
def interrupted_after(chunks: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside, an embedding ends after so many chunks."""
    write, left = Parts.write, [chunks]

    def ending(self: Parts, chunk: Chunk, block: Block) -> None:
        if not left[0]:
            raise InterruptedError
        left[0] -= 1
        write(self, chunk, block)

    with monkeypatch.context() as patch:
        patch.setattr(Parts, "write", ending)
        with pytest.raises(InterruptedError):
            yield


def parts_of(file: Path) -> Path:
    return Parts(file).folder


def test_the_same_command_makes_only_what_is_missing_and_the_same_bits(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: list[Chunk]
) -> None:
    whole = content(embedded(run, [photos], tmp_path / "whole.npz").file)
    chunks, written[:] = written[:], []
    file = tmp_path / "rows.npz"
    with interrupted_after(2, monkeypatch):
        embedded(run, [photos], file)
    assert not file.exists()
    assert written == chunks[:2]
    embedded(run, [photos], file)
    assert written == chunks
    found = content(file)
    assert found[:2] == whole[:2]
    assert np.array_equal(found.vectors, whole.vectors)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.npz", "whole.npz"]


def test_an_interruption_while_the_file_is_written_computes_nothing_again(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: list[Chunk]
) -> None:
    file = tmp_path / "rows.csv"
    with monkeypatch.context() as patch:
        patch.setattr(joined, "refuse_existing", lambda parts: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            embedded(run, [photos], file)
    assert not file.exists()
    written.clear()
    assert embedded(run, [photos], file).rows == len(NAMES)
    assert written == []


@pytest.mark.parametrize("other", [{"layer": "projector"}, {"encoder": "key"}])
def test_the_rows_of_another_command_are_kept_and_not_mixed(
    other: dict[str, Any], run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rows.npz"
    with interrupted_after(1, monkeypatch):
        embedded(run, [photos], file)
    before = sorted(parts_of(file).iterdir())
    with pytest.raises(ConfigError, match=f"with another .*{next(iter(other))}"):
        embedded(run, [photos], file, **other)
    assert sorted(parts_of(file).iterdir()) == before


def test_other_images_and_other_weights_are_not_mixed_either(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rows.npz"
    with interrupted_after(1, monkeypatch):
        embedded(run, [photos], file)
    with pytest.raises(ConfigError, match="with another images"):
        embedded(run, [write_photos(tmp_path / "others", *NAMES)], file)
    with pytest.raises(ConfigError, match="with another checkpoint"):
        embedded(saved(tmp_path / "other.ckpt", seed=1), [photos], file)


def test_damaged_parts_are_made_again_and_a_damaged_description_is_refused(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: list[Chunk]
) -> None:
    file = tmp_path / "rows.npz"
    with interrupted_after(2, monkeypatch):
        embedded(run, [photos], file)
    described = parts_of(file) / parts.ABOUT
    about = described.read_bytes()
    described.write_bytes(b"")
    with pytest.raises(ConfigError, match="after that folder is removed"):
        embedded(run, [photos], file)
    described.write_bytes(about)
    for part in parts_of(file).glob("*.npz"):
        part.write_bytes(part.read_bytes()[:100])
    written.clear()
    assert embedded(run, [photos], file).rows == len(NAMES)
    assert sum(chunk.stop - chunk.start for chunk in written) == len(NAMES)


def test_a_folder_in_which_no_image_can_be_read_is_refused(run: Path, tmp_path: Path) -> None:
    names = ("1.png", "2.png", "3.png")
    folder = write_photos(tmp_path / "photos", *names, broken=names)
    for allowed in (0, 3):
        with pytest.raises(ConfigError, match=r"1\.png"):
            embedded(run, [folder, f"data.max_broken={allowed}"], tmp_path / "rows.npz")
    assert not (tmp_path / "rows.npz").exists()


def test_a_file_that_exists_is_not_written_over(run: Path, photos: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.npz"
    file.write_bytes(b"mine")
    with pytest.raises(ConfigError, match="which exists"):
        embedded(run, [photos], file)
    assert file.read_bytes() == b"mine"


def test_two_commands_for_one_file_are_not_mixed(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(file: Path) -> Any:
        raise parts.HeldError("process 1 on elsewhere")

    monkeypatch.setattr(parts, "locked", held)
    with pytest.raises(ConfigError, match="being written by process 1 on elsewhere"):
        embedded(run, [photos], tmp_path / "rows.npz")


@contextmanager
def full_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("ending", [".npz", ".csv", pytest.param(".parquet", marks=pytest.mark.slow)])
def test_a_full_disk_is_told_and_the_same_command_goes_on_later(
    ending: str, run: Path, photos: Path, tmp_path: Path, written: list[Chunk]
) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    file = tmp_path / f"rows{ending}"
    with full_disk(), pytest.raises(ConfigError, match=rf"rows{ending} can't be written: .*accepted: a --to"):
        embedded(run, [photos], file)
    assert not file.exists()
    assert embedded(run, [photos], file).rows == len(NAMES)


def test_a_disk_that_is_full_at_the_end_keeps_all_chunks(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: list[Chunk]
) -> None:
    file, write_joined = tmp_path / "rows.csv", joined.write_joined

    def when_full(*arguments: Any) -> Any:
        with full_disk():
            return write_joined(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(making, "write_joined", when_full)
        with pytest.raises(ConfigError, match=r"rows\.csv can't be written"):
            embedded(run, [photos], file)
    assert not file.exists()
    written.clear()
    embedded(run, [photos], file)
    assert written == []


def test_a_folder_of_another_user_is_refused_before_anything_is_computed(
    run: Path, photos: Path, tmp_path: Path, written: list[Chunk]
) -> None:
    place = tmp_path / "theirs"
    place.mkdir(mode=0o555)
    with as_any_user(), pytest.raises(ConfigError, match=r"theirs/rows\.npz can't be written: Permission"):
        embedded(run, [photos], place / "rows.npz")
    assert not list(place.iterdir())
    assert written == []


def test_a_run_of_another_user_is_only_read(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    saved(folder / "checkpoints" / "last.ckpt").chmod(0o444)
    for place in (folder / "checkpoints", folder):
        place.chmod(0o555)
    with as_any_user():
        assert embedded(folder, [photos], tmp_path / "rows.npz").rows == len(NAMES)


@pytest.fixture
def one_broken(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "photos", *NAMES, broken=(NAMES[2],))


def test_an_image_that_cant_be_read_is_named_with_the_key(
    one_broken: Path, run: Path, tmp_path: Path
) -> None:
    file = tmp_path / "rows.npz"
    with pytest.raises(ConfigError, match=rf"{NAMES[2]}.*accepted: .*data\.max_broken=1"):
        embedded(run, [one_broken], file)
    assert not file.exists()


def test_an_image_that_cant_be_read_is_left_out_where_that_is_allowed(
    one_broken: Path, run: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = embedded(run, [one_broken, "data.max_broken=1"], tmp_path / "rows.npz")
    assert (done.rows, list(done.left_out)) == (len(NAMES) - 1, [NAMES[2]])
    assert capsys.readouterr().err.count(NAMES[2]) == 1
    found, whole = content(done.file), content(embedded(run, [photos], tmp_path / "whole.npz").file)
    kept = [number for number, name in enumerate(whole.files) if name != NAMES[2]]
    assert found.files == [whole.files[number] for number in kept]
    np.testing.assert_allclose(found.vectors, whole.vectors[kept], rtol=1e-5)


def test_more_images_than_allowed_are_all_named(run: Path, tmp_path: Path) -> None:
    folder = write_photos(tmp_path / "photos", *NAMES, broken=(NAMES[2], NAMES[9]))
    with pytest.raises(ConfigError, match=rf"{NAMES[2]}.*{NAMES[9]}.*data\.max_broken=2"):
        embedded(run, [folder, "data.max_broken=1"], tmp_path / "rows.npz")


def test_a_repaired_image_has_its_row_when_the_command_goes_on(
    one_broken: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rows.npz"
    with interrupted_after(2, monkeypatch):
        embedded(run, [one_broken, "data.max_broken=1"], file)
    write_photos(one_broken, *NAMES)
    done = embedded(run, [one_broken], file)
    assert (done.rows, list(done.left_out)) == (len(NAMES), [])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"to": "rows.txt"}, r"rows\.txt; accepted: .*\.parquet, \.npz, \.csv"),
        ({"images": ["nowhere"]}, "nowhere, which is not there"),
        ({"run": "nowhere"}, "there is no nowhere"),
        ({"run": "."}, r"\. has no checkpoints/last\.ckpt"),
        ({"layer": "head"}, "backbone, projector, map"),
        ({"encoder": "both"}, "query, key"),
        ({"devices": 0}, "--devices is 0"),
        ({"accelerator": "gpu"}, "--accelerator is gpu"),
        ({"accelerator": "warp"}, "--accelerator is warp"),
        ({"neighbours": ["nobody.png"]}, r"nobody\.png, which is not there"),
    ],
)
def test_what_cant_be_done_is_refused_before_anything_is_written(
    wrong: dict[str, Any], named: str, run: Path, photos: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    if "gpu" in wrong.values():
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=named):
        embedded(**{"run": run, "images": [photos], "to": Path("rows.npz")} | wrong)
    assert not list(tmp_path.iterdir())
