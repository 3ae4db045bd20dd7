"""The rights of a user to whom permissions of files apply, also where root runs the tests."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

VERSION = 0x20080522  # of the kernel's structures for capabilities: two of each set of 32 bits
PAST_PERMISSIONS = 0b11111  # CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID


class Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class Sets(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


@contextmanager
def as_any_user() -> Iterator[None]:
    """Inside, this thread passes by no permission; it is skipped where root can't give that up."""
    if os.geteuid() != 0:
        yield
        return
    system, header, sets = ctypes.CDLL(None), Header(VERSION, 0), (Sets * 2)()
    if system.capget(ctypes.byref(header), sets):
        pytest.skip("this root can't tell its rights")
    before, sets[0].effective = sets[0].effective, sets[0].effective & ~PAST_PERMISSIONS
    if system.capset(ctypes.byref(header), sets):
        pytest.skip("this root can't give rights up")
    try:
        yield
    finally:
        sets[0].effective = before
        system.capset(ctypes.byref(header), sets)
