"""What lacks a package runs once the extra is installed that the message names."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest

from tests.bad_input.conftest import Train
from tests.bad_input.conftest import train as train  # a fixture
from tests.small import SMALL
from tests.warm import ROOT

pytestmark = pytest.mark.filterwarnings("default::UserWarning")  # what a run tells beside
DRY = ("trainer.fast_dev_run=true",)
TIMM = ("encoder=timm", "encoder.backbone.model=test_resnet")
SEARCH = ("-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=1", "loss.temperature=choice(0.1,0.2)")
# Of a package: what is typed, and which modules of ours import it at their head.
CASES = {
    "wandb": (("logger=wandb", *DRY), ()),
    "mlflow": (("logger=mlflow", *DRY), ()),
    "sqlalchemy": (("logger=mlflow", *DRY), ()),
    "timm": ((*TIMM, *DRY), ()),
    "timm of an optimizer": (("optimizer=lars", *DRY), ()),
    "optuna": (SEARCH, ("sweeps.search", "sweeps.space")),
}


def typed(words: tuple[str, ...]) -> list[str]:
    """The command's words: those that make it small and fit, and these."""
    own = [word.split("=")[0] for word in words]
    small = [word for word in SMALL if not ("encoder" in own and word.startswith("encoder."))]
    return ["-m"] * ("-m" in words) + [*small, *(word for word in words if word != "-m")]


@pytest.mark.parametrize("case", CASES)
def test_a_missing_package_is_in_the_extra_that_the_message_names(
    case: str, train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    (words, importers), package = CASES[case], case.split()[0]
    with monkeypatch.context() as without:
        for name in [*sys.modules]:
            if name.startswith((f"{package}.", *(f"cl_lightning.{part}" for part in importers))):
                without.delitem(sys.modules, name)
        without.setitem(sys.modules, package, None)  # type: ignore[arg-type]
        message = train(*typed(words)).refusal()
    told = re.search(r"accepted: pip install 'cl_lightning\[(\w+)\]'$", message)
    assert told, message
    assert package in importable(told[1])
    ended = train(*typed(words))
    assert ended.code == 0, ended.err


def importable(extra: str) -> set[str]:
    """Names of the packages that an extra installs, by which they are imported."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = content["project"]["optional-dependencies"][extra]
    names = {re.split(r"[^\w.-]", words)[0] for words in wanted}
    installed = packages_distributions().items()
    return {module for module, found in installed if names & {name.casefold() for name in found}}
