"""A run that is killed at many random moments against the same run left in peace.

    python -m tests.benchmarks.soak 50

SIGKILL, SIGTERM, Ctrl-C, SIGUSR1 and SIGUSR2 in random order, each at a random moment of a start: in its
imports, its set-up, a step, a save or an evaluation. Prints what each start ended with, and where the two
runs differ in a bit.
"""

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.cli.command import SCRIPT, environment
from tests.resume.compare import differences, ended_with
from tests.resume.runs import METHODS, SMALL, leftovers, run_folder, write_photos

EPOCHS = 500  # enough for a start more than the kills
RUN = (
    *(o for o in SMALL if not o.startswith("trainer.max_epochs")),
    *METHODS["moco_v2"],
    *(f"trainer.max_epochs={EPOCHS}", "trainer.check_val_every_n_epoch=2", "data.num_workers=1"),
    "callbacks.checkpoint.every_n_steps=2",
)
KINDS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


def start(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("w") as out:
        return subprocess.Popen([*SCRIPT, *RUN], cwd=folder, env=environment(), stdout=out, stderr=out)


def main() -> None:
    kills = int(sys.argv[1])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell's background would leave ignored
    chance = random.Random(0)
    with tempfile.TemporaryDirectory() as temporary:
        peace, war, log = (Path(temporary) / name for name in ("peace", "war", "log"))
        write_photos(peace)
        write_photos(war)
        begun = time.monotonic()
        assert start(peace, log).wait() == 0, log.read_text()
        whole = time.monotonic() - begun
        print(f"undisturbed: {whole:.0f} s", flush=True)
        # Most of a short start is imports: moments are drawn over these and a little more.
        longest = min(whole / 2, 22.0)
        wrong = 0
        for number in range(kills):
            process, kind, delay = start(war, log), chance.choice(KINDS), chance.uniform(0.3, longest)
            time.sleep(delay)
            process.send_signal(kind)
            code = process.wait()
            expected = (-kind, 128 + kind)
            wrong += code not in expected
            last = (log.read_text().strip().splitlines() or [""])[-1]
            print(
                f"{number + 1:3} {kind.name:8} after {delay:4.1f} s: code {code:4}  {last[:90]}", flush=True
            )
        assert start(war, log).wait() == 0, log.read_text()
        found = differences(ended_with(run_folder(peace)), ended_with(run_folder(war)))
        print(f"{kills} kills, {wrong} other exit codes, left over: {leftovers(war)}, differences: {found}")


if __name__ == "__main__":
    main()
