"""A worker outlives the signals of its group, and no parent."""

import os
import subprocess
import sys
import time
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from signal import SIGINT, SIGTERM, SIGUSR1, SIGUSR2

from cl_lightning.interruption import end_with_parent, outlive_signals

IN_TIME = 5.0


def be_a_worker(ready: Connection, let_go: Connection) -> None:
    outlive_signals()
    end_with_parent(let_go)
    ready.send("ready")
    time.sleep(600)


def test_a_worker_outlives_all_signals_until_it_is_let_go() -> None:
    (ready, told), (letting, let_go) = Pipe(), Pipe()
    worker = get_context("fork").Process(target=be_a_worker, args=(told, letting), daemon=True)
    worker.start()
    assert ready.recv() == "ready"
    for number in 2 * (SIGUSR1, SIGUSR2, SIGTERM, SIGINT):
        os.kill(worker.pid or 0, number)
        time.sleep(0.05)
    assert worker.is_alive()
    let_go.send("end")
    worker.join(IN_TIME)
    assert worker.exitcode == 1  # stuck in its sleep


PARENT = """
import os, signal, sys, threading, time
from multiprocessing import Pipe, get_context
from tests.interruption.test_workers import be_a_worker

def start():
    (ready, told), (letting, let_go) = Pipe(), Pipe()
    for context in ("fork", "spawn", "fork"):
        worker = get_context(context).Process(target=be_a_worker, args=(told, letting), daemon=True)
        worker.start()
        ready.recv()
        print(worker.pid)
    kept.append(let_go)

if __name__ == "__main__":
    kept = []
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    time.sleep(0.5)  # the thread has ended, and the workers live
    print("ready", flush=True)
    exec(sys.argv[1])
    time.sleep(600)
"""
WAYS = (
    "os.kill(os.getpid(), signal.SIGKILL)",
    "os._exit(3)",
    "os.execv('/bin/true', ['true'])",
    "os.abort()",
)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_way_out_of_the_parent_ends_workers_that_a_thread_has_started() -> None:
    parents = [
        subprocess.Popen(
            [sys.executable, "-c", PARENT, way],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for way in WAYS
    ]
    for way, parent in zip(WAYS, parents, strict=True):
        assert parent.stdout is not None
        *workers, ready = (parent.stdout.readline().strip() for _ in range(4))
        assert ready == "ready"
        parent.wait(60)
        until = time.monotonic() + IN_TIME
        while (left := [pid for pid in workers if lives(int(pid))]) and time.monotonic() < until:
            time.sleep(0.05)
        assert not left, way
        parent.stdout.close()
