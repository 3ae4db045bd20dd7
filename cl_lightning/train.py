"""cl-train: train a contrastive method by config."""

import os
import sys
from contextlib import nullcontext
from signal import SIGINT, SIGTERM
from typing import Any

from cl_lightning.interruption import REQUEUEING, StoppedAtOnce, open_streams, requeue, stopping_at_once
from cl_lightning.interruption.command import NUMBERS


def train(config: dict[str, Any]) -> dict[str, Any]:
    """Train the run of a resolved config in its run folder, and return its summary.

    A finished run is not trained again: its summary is read. An interrupted run continues from its last
    checkpoint. With `trainer.fast_dev_run` nothing is read or written, and the summary is empty.

    Raises:
        ConfigError: the config can't be run (nothing is written then); another process trains this run; its
            checkpoint is broken.
        StopRun, OutOfTime: after a signal or the time limit, see `cl_lightning.callbacks.Preemption`.
    """
    from cl_lightning.blueprints import ConfigError
    from cl_lightning.commands.heavy_imports import heavy_imports
    from cl_lightning.runs import RunFolder, check_keys, ending
    from cl_lightning.runs.checking.warm_up import check_warm_up
    from cl_lightning.runs.contents import with_contents
    from cl_lightning.runs.identity import has_fixed_content

    check_keys(config)
    config = with_contents(config)
    if config["trainer"].get("fast_dev_run"):
        with heavy_imports():
            from cl_lightning.runs.dry_run import dry_run

        dry_run(config)
        return {}
    folder = RunFolder.of(config)
    finished = folder.summary()
    if finished is not None and has_fixed_content(config):
        check_warm_up(folder, config, finished)
        print(ending.finished(folder, finished))
        return finished

    # Heavy imports come only when there is something to train: --help and completion need none.
    with heavy_imports():
        from cl_lightning.commands.messages import is_left_alone
        from cl_lightning.reports.one_run import attempt_run_report
        from cl_lightning.runs.checking import sizes
        from cl_lightning.runs.circumstances import circumstances
        from cl_lightning.runs.extending import extension
        from cl_lightning.runs.finished import FinishedRuns
        from cl_lightning.runs.folder import PARENT
        from cl_lightning.runs.loggers import assemble_loggers, recorded
        from cl_lightning.runs.longer import how_to_go_on
        from cl_lightning.runs.own_images import record
        from cl_lightning.runs.own_images.broken_files import broken_files_in, keep_broken, keep_places
        from cl_lightning.runs.pictures import write_pictures
        from cl_lightning.runs.preparing import prepared
        from cl_lightning.runs.same_run import begun
        from cl_lightning.runs.starting import continued, started, steps_done
        from cl_lightning.runs.summary import summarise

    folder = begun(config, folder)
    finished = folder.summary()
    if finished is not None:
        check_warm_up(folder, config, finished)
        FinishedRuns().check(folder, config)
        print(ending.finished(folder, finished))
        return finished
    method, data, trainer = prepared(config, folder)
    extended = extension(config, folder, method, data, trainer)
    method.extends = extended is not None
    by = circumstances()
    first = trainer.is_global_zero
    with folder.locked() if first else nullcontext():
        if first:
            record.keep(folder, config, data)
        resumed = folder.prepare(config) if first else folder.checkpoint.is_file()
        step = steps_done(folder) if resumed and first else 0  # only the first process needs it
        if extended is not None and first:
            folder.write_json(PARENT, extended.told)
            keep_places(folder, extended.broken)
        loggers = assemble_loggers(config, folder, None if folder.is_new else step)
        if first:
            longer = how_to_go_on(folder, config, method.schedule, sizes.steps(data, trainer))
            told = continued(folder, step) if resumed else started(folder, config, extended, longer)
            print(told, flush=True)
        try:
            with recorded(trainer, loggers, config):
                trainer.fit(
                    method,
                    datamodule=data,
                    ckpt_path=folder.checkpoint if resumed else extended and extended.file,
                    weights_only=True,
                )
        except SystemExit as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # Lightning turns it into exit code 1
                raise StoppedAtOnce(SIGINT) from None
            if isinstance(error, StoppedAtOnce) and trainer.strategy.launcher is not None:
                trainer.strategy.launcher.kill(SIGTERM)  # the other processes got no signal
            raise
        except ConfigError:  # a logger was refused before the first step
            if first and not resumed and trainer.global_step == 0:
                folder.discard()
            raise
        except Exception as error:
            keep_broken(folder, data, broken_files_in(error))
            if not is_left_alone(error):
                folder.write_error()
            raise

        summary = summarise(config, trainer) | {"parent": folder.parent()} | by
        if first:
            write_pictures(folder, trainer)
            attempt_run_report(folder, summary)
            folder.write_json("summary.json", summary)  # last, because it marks the run as finished
            print(ending.trained(folder, summary))
    return summary


def job(cfg: Any) -> float | None:
    """One job of Hydra: returns the metric that `run.metric` names."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf

    from cl_lightning.commands import resolved
    from cl_lightning.commands.messages import FULL_ERROR, show, wants_traceback
    from cl_lightning.runs.checking.data_keys import check_effect
    from cl_lightning.runs.checking.single_run import check_single

    os.environ[FULL_ERROR] = "1" if wants_traceback() else "0"  # for the processes that the run starts
    try:
        if HydraConfig.get().mode is RunMode.RUN:
            check_single(HydraConfig.get().runtime.choices)
            typed: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
            check_effect(cfg, typed)
        config = resolved(cfg)
        return train(config).get(config["run"]["metric"])
    except Exception as error:
        if HydraConfig.get().mode is RunMode.MULTIRUN:
            raise  # the launcher continues with the other jobs
        show(error)
        sys.exit(1)
    finally:
        os.environ[FULL_ERROR] = "1"


def main() -> None:
    """The command cl-train."""
    open_streams()
    with stopping_at_once(tell):
        run()


def run() -> None:
    """Pass the command line to Hydra, and print what is wrong."""
    import hydra

    from cl_lightning.commands import conf_folder
    from cl_lightning.commands.messages import FULL_ERROR, show
    from cl_lightning.sweeps import JobsFailedError

    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"  # makes Hydra raise its errors unchanged
    try:
        hydra.main(version_base="1.3", config_path=conf_folder(), config_name="train")(job)()
    except JobsFailedError:
        sys.exit(1)
    except Exception as error:
        show(error)
        sys.exit(1)
    finally:  # a program that calls main() may start other processes
        if before is None:
            os.environ.pop(FULL_ERROR, None)
        else:
            os.environ[FULL_ERROR] = before


def tell(stop: StoppedAtOnce) -> None:
    """Print that a signal ended the command when there was nothing to save."""
    if any(os.environ.get(name, "0") != "0" for name in NUMBERS):
        return
    requeued = requeue() if stop.signal in REQUEUEING else None
    what = f"{stop.signal.name}: ended at once; the same command goes on from the last checkpoint, if any"
    print(f"cl-train: {what}{f'; {requeued}' if requeued else ''}", file=sys.stderr)


if __name__ == "__main__":
    main()
