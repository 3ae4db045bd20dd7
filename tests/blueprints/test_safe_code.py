"""No line of the package runs code that a file or a config holds."""

from pathlib import Path

import pytest

from tests.blueprints.unsafe import unsafe

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "cl_lightning").rglob("*.py"))
# Names become code in these only.
IMPORTERS = {
    "cl_lightning/__init__.py",
    "cl_lightning/blueprints/allowed.py",
    "cl_lightning/blueprints/build.py",
    "cl_lightning/blueprints/describe.py",
    "cl_lightning/blueprints/own_data.py",
    "cl_lightning/blueprints/targets.py",
    "cl_lightning/plots/__init__.py",
}


def test_nothing_is_unpickled_evaluated_or_instantiated() -> None:
    found = {str(file.relative_to(ROOT)): unsafe(file.read_text(encoding="utf-8")) for file in FILES}
    assert {name: uses for name, uses in found.items() if uses} == {}
    assert len(found) > 100


def test_names_become_code_in_few_files() -> None:
    importing = {
        str(file.relative_to(ROOT)) for file in FILES if "import_module" in file.read_text(encoding="utf-8")
    }
    assert importing == IMPORTERS


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import torch\ntorch.load(f)", ["2: torch.load"]),
        ("import torch as t\nt.load(f, weights_only=False)", ["2: torch.load"]),
        ("from torch import load as get\nget(f, weights_only=safe)", ["2: torch.load"]),
        ("import torch\nread = torch.load", ["2: torch.load"]),
        ("import torch\ntorch.load(f, weights_only=True)", []),
        ("import numpy as np\nnp.load(f)\nnp.load(f, allow_pickle=False)", ["2: numpy.load"]),
        ("import pickle\npickle.loads(b)", ["2: pickle.loads"]),
        ("import pickle\ntry: ...\nexcept pickle.UnpicklingError: ...", []),
        ("eval(x)\nmodel.eval()\nexec(y)", ["1: eval", "3: exec"]),
        ("import builtins\nbuiltins.exec(y)", ["2: exec"]),
        ("import re, torch\nre.compile(x)\ntorch.compile(y)", []),
        ("def f(compile=False):\n    return compile\ncompile(x)", ["3: compile"]),
        ("from hydra.utils import instantiate\ninstantiate(c)", ["2: hydra.utils.instantiate"]),
        ("import hydra\nhydra.utils.call(c)", ["2: hydra.utils.call"]),
        ("import yaml\nyaml.load(t, yaml.Loader)\nyaml.safe_load(t)", ["2: yaml.load"]),
        ("trainer.fit(m, d, ckpt_path=p)", ["1: weights_only"]),
        ("trainer.fit(m, d, ckpt_path=p, weights_only=True)", []),
        (
            "from torchvision import io\nio.decode_gif(b)",
            ["2: torchvision.io", "2: torchvision.io.decode_gif"],
        ),
    ],
)
def test_unsafe_code_is_found(source: str, found: list[str]) -> None:
    assert unsafe(source) == found
