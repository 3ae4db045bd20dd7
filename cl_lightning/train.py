"""cl-train: train a contrastive method by config."""

import os
import sys
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from cl_lightning.runs.conf_folder import conf_folder

FULL_ERROR = "HYDRA_FULL_ERROR"
WANTS_TRACEBACK = os.environ.get(FULL_ERROR) == "1"
# Gloo's words where another process has gone.
LEFT_ALONE = ("Connection closed by peer", "Connection reset by peer")


class JobFailedError(Exception):
    """A job of a sweep whose error the terminal has shown."""


def train(config: dict[str, Any]) -> dict[str, Any]:
    """Train what a resolved config describes, in its run folder, and return its summary.

    A finished run is read, not trained again.

    Raises:
        ConfigError: before anything is written.
    """
    from cl_lightning.blueprints import ConfigError
    from cl_lightning.runs import RunFolder, check_keys, ending

    check_keys(config)
    folder = RunFolder.of(config)
    finished = folder.summary()
    if finished is not None:
        print(ending.finished(folder, finished))
        return finished

    # Heavy imports wait until there is something to train: --help and completion need none.
    from cl_lightning.runs import checks
    from cl_lightning.runs.assemble import assemble_data, assemble_method, assemble_trainer
    from cl_lightning.runs.cpu import quicken_cpu
    from cl_lightning.runs.loggers import assemble_loggers, recorded
    from cl_lightning.runs.pictures import write_pictures
    from cl_lightning.runs.quiet import quiet
    from cl_lightning.runs.rehearsal import rehearse
    from cl_lightning.runs.summary import summarise

    checks.check_trainer(config["trainer"])
    quiet()
    quicken_cpu()
    method, data = assemble_method(config), assemble_data(config)
    trainer, loggers = assemble_trainer(config, folder), assemble_loggers(config, folder)
    checks.check_sizes(config, data, trainer)
    rehearse(method, data, *checks.steps(data, trainer))
    if trainer.is_global_zero:
        folder.create(config)
        print(f"{folder.path}: {config['method']['name']} on {config['data']['name']}", flush=True)
    try:
        with recorded(trainer, loggers, config):
            trainer.fit(method, datamodule=data)
    except SystemExit:  # Lightning's answer to Ctrl-C
        if trainer.is_global_zero and trainer.interrupted:
            print(f"cl-train: {ending.interrupted(folder, trainer)}", file=sys.stderr)
        raise
    except ConfigError:  # of a logger: refused before the first step
        if trainer.is_global_zero and trainer.global_step == 0:
            folder.discard()
        raise

    summary = summarise(config, trainer)
    if trainer.is_global_zero:
        folder.write_json("summary.json", summary)
        write_pictures(folder, trainer)
        print(ending.trained(folder, summary))
    return summary


@hydra.main(version_base="1.3", config_path=conf_folder(), config_name="train")
def run(cfg: Any) -> float | None:
    """One job of Hydra: returns the kNN accuracy."""
    os.environ[FULL_ERROR] = "1" if WANTS_TRACEBACK else "0"  # for the processes that a run starts
    try:
        config = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
        return train(config)["knn_top1"]  # type: ignore[arg-type]
    except Exception as error:
        if HydraConfig.get().mode is not RunMode.MULTIRUN:
            show(error)
            sys.exit(1)
        # Hydra goes on with the other jobs, and would show the first error only.
        show(error, f" (job {' '.join(HydraConfig.get().overrides.task)})")
        raise JobFailedError from error
    finally:
        os.environ[FULL_ERROR] = "1"


def show(error: Exception, job: str = "") -> None:
    """Tell the user in one line what is wrong with the config; a traceback where that is not the cause."""
    from traceback import print_exception

    from cl_lightning.runs.messages import explain

    message = explain(error)
    if any(words in str(error) for words in LEFT_ALONE):
        message = "another process of this run ended early; its own message says why, or it was killed"
    if message is None or WANTS_TRACEBACK:
        print_exception(error)
    else:
        print(f"cl-train: {' '.join(message.split())}{job}", file=sys.stderr)


def main() -> None:
    """The command cl-train."""
    os.environ[FULL_ERROR] = "1"  # Hydra hands its errors over as they are
    try:
        run()
        sys.stdout.flush()
    except BrokenPipeError:  # `cl-train --help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except JobFailedError:
        print("cl-train: not every job of the sweep ended, see above", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        show(error)
        sys.exit(1)


if __name__ == "__main__":
    main()
