"""A job in a process of its own: what reaches it, what is kept of it, and what is left."""

import json
import os
import time
from pathlib import Path

import pytest

from cl_lightning.commands.messages import ENDED_EARLY
from cl_lightning.runs import run_hash
from cl_lightning.sweeps import Job
from cl_lightning.sweeps.job_process import Command
from tests.sweeps.programs import in_place_of_cl_train, job, lives, wait_until

# What Hydra hands to a job, in the place of training.
SHOW = """
import json
import hydra
from omegaconf import OmegaConf

@hydra.main(version_base="1.3")
def show(cfg):
    print(json.dumps(OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)))

show()
"""
ODD = {
    "interpolation": "${not.a.key}",
    "in foreign words": "größe ${seed} 学 🙂",
    "behind a backslash": r"\${seed} \\${seed} \n",
    "in two lines": 'a: "b" # ${c}\n\td',
    "long": " ".join(["'word'", "${seed}"] * 40),
    "texts like other things": ["1e-5", "1_000", "null", "yes", "0x1f", "12:30:00", "2026-01-01", "", " "],
    "numbers": [1e-5, 1e300, 5e-324, 0.1, -0.0, 0, 10**30, float("inf")],
    "others": [None, True, False, [], {}, [[]]],
    "???x": {"${key}": 1, 3: "three"},
}
ENDINGS = {
    "well": ("finish()", None),
    "a wrong config": (
        "print('epoch 1/3'); print('cl-train: seed is -1; accepted: more', file=sys.stderr); sys.exit(1)",
        "seed is -1; accepted: more",
    ),
    "a traceback": ("raise ZeroDivisionError('no number')", "ZeroDivisionError: no number"),
    "a signal": (
        "os.kill(os.getpid(), signal.SIGKILL)",
        "ended by SIGKILL; the system's log may say why",
    ),
    "in silence": ("sys.exit(3)", "exit code 3"),
    "by another process of the run": (
        "folder.path.mkdir(parents=True)\n"
        "folder.error.write_text('Traceback\\n  File x\\nValueError: this is no photo\\n')\n"
        f"print('Traceback\\nRuntimeError: {'x' * 8}\\ncl-train: {ENDED_EARLY}', file=sys.stderr)\n"
        "sys.exit(1)",
        "ValueError: this is no photo",
    ),
}


def ended(command: Command) -> None:
    wait_until(command.ended)


def run(job: Job, log: Path | None = None, **environment: str) -> Command:
    command = Command(job.config, log, environment)
    ended(command)
    return command


def test_the_config_arrives_as_it_was_composed(monkeypatch: pytest.MonkeyPatch) -> None:
    in_place_of_cl_train(monkeypatch, SHOW, start="")
    one, log = job(), Path("log")
    one.config["views"]["odd"] = json.loads(json.dumps(ODD))  # its keys are texts then
    assert run(one, log).error(one.folder) is None, log.read_text()
    arrived = json.loads(log.read_text())
    assert arrived["views"]["odd"] == one.config["views"]["odd"]
    assert arrived == one.config
    assert run_hash(arrived) == run_hash(one.config)


def test_a_job_is_no_task_of_slurm_and_has_the_variables_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_place_of_cl_train(monkeypatch, "print(json.dumps(dict(os.environ)))")
    for name in ("SLURM_JOB_ID", "SLURM_PROCID", "SUBMITIT_EXECUTOR", "MASTER_PORT", "MINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # as within cl-train
    run(job(), Path("log"), MASTER_PORT="2")
    variables = json.loads(Path("log").read_text())
    assert [name for name in variables if name.startswith(("SLURM", "SUBMITIT"))] == []
    assert (variables["MASTER_PORT"], variables["MINE"]) == ("2", "1")
    assert variables["HYDRA_FULL_ERROR"] == "0"


def test_a_log_is_added_to(monkeypatch: pytest.MonkeyPatch) -> None:
    in_place_of_cl_train(monkeypatch, "print('out', flush=True); print('err', file=sys.stderr)")
    for _ in range(2):
        run(job(), Path("logs/log"))
    assert Path("logs/log").read_text() == "out\nerr\nout\nerr\n"


@pytest.mark.parametrize("log", [None, Path("log")])
@pytest.mark.parametrize("ending", ENDINGS)
def test_one_line_tells_how_a_job_ended(
    ending: str, log: Path | None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    body, reason = ENDINGS[ending]
    in_place_of_cl_train(monkeypatch, body)
    one = job()
    told = run(one, log).error(one.folder)
    assert told == (reason if log is None or reason is None else f"{reason} ({log})")
    if log is None and "stderr" in body:
        assert "cl-train: " in capfd.readouterr().err


def test_the_reason_is_known_as_soon_as_the_job_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    in_place_of_cl_train(
        monkeypatch, "sys.stderr.write('word\\n' * 2000 + 'cl-train: the last\\n'); os._exit(1)"
    )
    monkeypatch.setattr("sys.stderr", Slow())
    one = job()
    command = Command(one.config, None, {})
    while not command.ended():
        time.sleep(0.01)
    assert command.error(one.folder) == "the last"


class Slow:
    """A terminal that takes its time."""

    def write(self, text: str) -> None:
        time.sleep(1e-4)

    def flush(self) -> None:
        pass


def test_what_a_job_leaves_behind_is_ended(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    in_place_of_cl_train(
        monkeypatch,
        "child = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL)\nnote('pid', str(child.pid))",
    )
    run(job(), Path("log"))
    left = int(Path("pid").read_text())
    wait_until(lambda: not lives(left), seconds=3)
    assert os.listdir(temporary) == []


def test_a_job_that_is_killed_leaves_nothing(monkeypatch: pytest.MonkeyPatch, temporary: Path) -> None:
    in_place_of_cl_train(
        monkeypatch,
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nchild = subprocess.Popen(['sleep', '60'])\n"
        "note('pids', f'{os.getpid()} {child.pid}')\ntime.sleep(60)",
    )
    command = Command(job().config, Path("log"), {})
    wait_until(lambda: Path("pids").is_file() and Path("pids").read_text().endswith("\n"))
    pids = [int(pid) for pid in Path("pids").read_text().split()]
    command.stop()
    assert not command.ended()
    command.kill()
    wait_until(lambda: not any(map(lives, pids)), seconds=3)
    assert os.listdir(temporary) == []


def test_a_log_that_can_not_be_written_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, temporary: Path
) -> None:
    in_place_of_cl_train(monkeypatch, "finish()")
    Path("file").write_text("")
    with pytest.raises(OSError, match="file"):
        Command(job().config, Path("file/log"), {})
    assert os.listdir(temporary) == []
