"""This process as one of Windows or macOS, as far as our own code looks.

What Python for Linux has and Python for these has not is gone before our code is imported. torch and the rest
stay those of Linux. So this shows what our code does without or refuses, not that it works there.
"""

import multiprocessing
import os
import platform
import signal
import socket
import sys

from lightning.pytorch.trainer.connectors import signal_connector

from tests import warm

LACKS = {
    os: (
        *("fork", "getpgid", "getuid", "killpg", "posix_fallocate", "sched_getaffinity", "setsid"),
        *("set_blocking", "statvfs", "sysconf", "sysconf_names", "uname", "O_DIRECTORY"),
    ),
    signal: ("SIGUSR1", "SIGUSR2", "SIGKILL", "SIGBUS", "SIGHUP", "SIGCHLD", "SIGALRM", "setitimer"),
    socket: ("AF_UNIX", "send_fds", "recv_fds"),
}
NO_MODULES = ("fcntl", "grp", "pwd", "resource", "termios", "tty")
SIGNALS = ("SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM")


def become_windows() -> None:
    """For all modules of ours that are imported from now on."""
    _forget_ours()
    for name in NO_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # cannot be imported
    for module, names in LACKS.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    there = {signal.Signals[name] for name in SIGNALS}
    signal.valid_signals = lambda: there
    signal_connector._IS_WINDOWS = True  # Lightning has asked when it was imported


def become_macos() -> None:
    """For all modules of ours that are imported from now on; workers are processes that import anew."""
    _forget_ours()
    for name in ("sched_getaffinity", "posix_fallocate"):
        delattr(os, name)
    platform.libc_ver = lambda *_, **__: ("", "")
    multiprocessing.set_start_method("spawn", force=True)


def _forget_ours() -> None:
    for name in [name for name in sys.modules if name.startswith(warm.PACKAGES)]:
        del sys.modules[name]
