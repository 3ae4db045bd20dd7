"""Ways to see that nothing goes into the network."""

import ctypes
import errno
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

CLONE_NEWNET = 0x40000000  # of Linux's sched.h
# What Python tells of before it does it; `args` begin with a socket in some of them.
WITH_ADDRESS = ("socket.connect", "socket.sendto", "socket.sendmsg")
OTHERS = (
    *("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"),
    *("urllib.Request", "http.client.connect", "ftplib.connect", "smtplib.connect"),
)
STARTED = "subprocess.Popen"  # a program that could send something, unseen
SEEN = Path("seen.jsonl")


def leave_network() -> None:
    """Put this process where there is no network, not even its own machine's.

    Raises:
        PermissionError: this user may not.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise PermissionError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 9)) == errno.ENETUNREACH


def watch_network() -> None:
    """Write into `seen.jsonl` each try to reach another machine, and each program that is started."""
    SEEN.touch()
    sys.addaudithook(_saw)


def _saw(event: str, args: tuple[Any, ...]) -> None:
    if event in WITH_ADDRESS and not isinstance(args[1], tuple):
        return  # a name on this machine
    if event in WITH_ADDRESS or event in OTHERS:
        _write("network", event, str(args[-1]))
    elif event == STARTED:
        _write("program", os.path.basename(args[0]), " ".join(map(str, args[1])))


def _write(*words: str) -> None:
    with SEEN.open("a") as file:
        file.write(json.dumps(words) + "\n")
