"""The demonstration: both methods on scattered digits, beside the pixels and the untrained network."""

import sys
import time

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from cl_lightning.blueprints import ConfigError
from cl_lightning.runs import RunFolder, conf_folder
from cl_lightning.runs.evaluations import evaluate_runs
from cl_lightning.train import train

EXPERIMENTS = ("simclr_scattered_digits", "moco_v2_scattered_digits")


def main() -> None:
    """The command of `make demo`."""
    try:
        demonstrate()
    except ConfigError as error:  # an interrupted demonstration, for one
        sys.exit(f"demo: {error}")


def demonstrate() -> None:
    """Train, compare, and say where everything lies."""
    folders = []
    for experiment in EXPERIMENTS:
        with initialize_config_dir(conf_folder(), version_base="1.3"):
            cfg = compose("train", overrides=[f"experiment={experiment}"])
        config = OmegaConf.to_container(cfg, resolve=True)
        start = time.monotonic()
        train(config)  # type: ignore[arg-type]
        print(f"{time.monotonic() - start:.0f} s\n")
        folders.append(RunFolder.of(config))  # type: ignore[arg-type]

    runs = [str(folder.path) for folder in folders]
    evaluations = evaluate_runs(runs, "query", labels=(1, 10), draws=10, baselines=True)
    print(f"Scattered digits: accuracy on the test digits\n\n{evaluations.table}")
    evaluations.write()
    print()
    for folder in folders:
        print(f"{folder.path}/")
        print("".join(f"  plots/{picture.name}\n" for picture in sorted(folder.plots.glob("*.png"))), end="")


if __name__ == "__main__":
    main()
