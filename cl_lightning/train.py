"""cl-train: train a contrastive method by config."""

import sys
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from cl_lightning.runs.conf_folder import conf_folder


def train(config: dict[str, Any]) -> dict[str, Any]:
    """Train what a resolved config describes, in its run folder, and return its summary.

    A finished run is read, not trained again.

    Raises:
        ConfigError: before anything is written.
    """
    # Heavy imports wait until there is something to train: --help and completion need none.
    import torch

    from cl_lightning.runs import RunFolder, checks
    from cl_lightning.runs.assemble import assemble_data, assemble_method, assemble_trainer
    from cl_lightning.runs.pictures import write_pictures
    from cl_lightning.runs.quiet import quiet
    from cl_lightning.runs.summary import summarise

    folder = RunFolder.of(config)
    finished = folder.summary()
    if finished is not None:
        print(f"{folder.path} is finished: kNN accuracy {finished['knn_top1']}")
        return finished

    checks.check_trainer(config["trainer"])
    quiet()
    torch.set_flush_denormal(True)  # CPUs compute with numbers below 1e-38 a hundred times slower
    method, data = assemble_method(config), assemble_data(config)
    trainer = assemble_trainer(config, folder)
    checks.check_sizes(config, data, trainer)
    if trainer.is_global_zero:
        folder.create(config)
        print(f"{folder.path}: {config['method']['name']} on {config['data']['name']}")
    trainer.fit(method, datamodule=data)

    summary = summarise(config, trainer)
    if trainer.is_global_zero:
        folder.write_json("summary.json", summary)
        write_pictures(folder, trainer)
    return summary


@hydra.main(version_base="1.3", config_path=conf_folder(), config_name="train")
def run(cfg: DictConfig) -> float | None:
    """One job of Hydra: returns the kNN accuracy."""
    from cl_lightning.runs.build import ConfigError

    try:
        config = OmegaConf.to_container(cfg, resolve=True)
        return train(config)["knn_top1"]  # type: ignore[arg-type]
    except ConfigError as error:
        if HydraConfig.get().mode is RunMode.MULTIRUN:
            raise  # Hydra goes on with the other jobs and reports at the end
        sys.exit(f"cl-train: {error}")


def main() -> None:
    """The command cl-train."""
    run()


if __name__ == "__main__":
    main()
