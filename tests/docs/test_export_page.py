"""Each command of docs/export.md writes the files that the page names."""

import re
import shlex
from pathlib import Path

import pytest
import torch

from cl_lightning import export
from cl_lightning.callbacks import MomentumEncoder
from cl_lightning.checkpoints import DESCRIPTION
from cl_lightning.encoders import Encoder, ResNet
from cl_lightning.methods import MoCoV2, described
from cl_lightning.pairs import moco_v2_views

PAGE = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    cl-export (.*)$", PAGE, flags=re.MULTILINE)
FILES = dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]*) \|", PAGE, flags=re.MULTILINE))


@pytest.mark.slow
def test_every_command_writes_the_files_that_its_format_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    method = MoCoV2(moco_v2_views(32), Encoder(ResNet(18)))
    key = {MomentumEncoder.__name__: {"encoder": method.encoder.state_dict()}}
    content = {"state_dict": method.state_dict(), DESCRIPTION: described.saved(method), "callbacks": key}
    torch.save(content, "RUN")
    formats = []
    for command in COMMANDS:
        words = shlex.split(command)
        export.main(words)
        to, form = (words[words.index(option) + 1] for option in ("--to", "--format"))
        named = re.findall(r"`([\w.]+)`", FILES[form].replace("resnet50", "resnet18"))
        assert {path.name for path in Path(to).iterdir()} == {*named, "README.md"}
        formats.append(form)
    assert sorted(formats) == sorted(FILES) == sorted(export.FORMATS)
