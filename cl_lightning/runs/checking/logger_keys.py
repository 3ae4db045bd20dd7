"""Arguments of loggers that would have no effect in a run of cl-train."""

from collections.abc import Mapping
from typing import Any

from cl_lightning.blueprints import ConfigError, shown

PLACE = "none; it writes into the run folder (run.root)"
MODELS = (
    "false; it uploads the files of Lightning's ModelCheckpoint, but this run has only checkpoints/last.ckpt "
    "('+callbacks.best={_target_: lightning.pytorch.callbacks.ModelCheckpoint}' adds a ModelCheckpoint)"
)
# What is accepted, by class and key.
REFUSED = {
    "CSVLogger": {
        "save_dir": "none, metrics.csv lies in the run folder (run.root)",
        "prefix": "none, because curves and reports find the columns of metrics.csv by their names",
    },
    "TensorBoardLogger": {
        "save_dir": PLACE,
        "purge_step": "none; a continued run itself hides what was logged after its checkpoint",
        "log_graph": "false; a graph needs an example input, which a method does not have",
    },
    "WandbLogger": {"save_dir": PLACE, "dir": PLACE, "log_model": MODELS},
    "MLFlowLogger": {"save_dir": "none; use tracking_uri, such as file:DIR", "log_model": MODELS},
}


def check_logger(name: str, node: Mapping[str, Any], callbacks: Mapping[str, Any]) -> None:
    """Check that the arguments of a logger have an effect.

    Args:
        name: the logger's name in the config.
        node: its arguments, with `_target_`.
        callbacks: the callbacks of the config.

    Raises:
        ConfigError: an argument has no effect; says why.
    """
    kind = _class_of(node)
    saves_models = any(_class_of(c) == "ModelCheckpoint" for c in callbacks.values())
    for key, accepted in REFUSED.get(kind, {}).items():
        if node.get(key) and not (key == "log_model" and saves_models):
            raise ConfigError(f"logger.{name}.{key} is {shown(node[key])}; accepted: {accepted}")
    for key in ("name", "version") if kind == "CSVLogger" else ():
        if node.get(key) != "":
            raise ConfigError(
                f"logger.{name}.{key} is {shown(node.get(key))}; accepted: '', because metrics.csv is in the "
                "run folder itself"
            )


def _class_of(node: Any) -> str:
    return str(node.get("_target_")).rpartition(".")[2] if isinstance(node, Mapping) else ""
