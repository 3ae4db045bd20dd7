"""What docs/embeddings.md shows works: each command writes its file from photos and CIFAR."""

import re
import shlex
from pathlib import Path

import pytest

from cl_lightning import embed
from cl_lightning.embedding.formats import FORMATS
from tests.data.photos import write_photos
from tests.docs.readme_world import make_cifar10
from tests.embedding.conftest import saved

PAGE = (Path(__file__).parents[2] / "docs" / "embeddings.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    cl-embed (.*)$", PAGE, flags=re.MULTILINE)
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.slow
def test_every_command_writes_its_file_and_the_example_reads_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "RUN")
    write_photos(tmp_path / "PHOTOS", *[f"{kind}/{n}.jpg" for kind in "ab" for n in range(3)])
    make_cifar10(tmp_path / "DIR", monkeypatch)
    for command in COMMANDS:
        words = shlex.split(
            command.replace("--devices 2", "--devices 1")
        )  # tests/embedding/test_processes.py
        embed.main([*words, "--accelerator", "cpu"])
        assert Path(words[words.index("--to") + 1]).is_file()
    assert (tmp_path / "rows-neighbours.png").is_file()
    names: dict[str, object] = {}
    exec(EXAMPLE, names)
    assert len(names["vectors"]) == len(names["files"]) == 6  # type: ignore[arg-type]


def test_every_layer_and_format_is_described() -> None:
    described = re.findall(r"^\| `([a-z.]+)` \|", PAGE, flags=re.MULTILINE)
    assert set(described) == {*embed.LAYERS, *FORMATS}
