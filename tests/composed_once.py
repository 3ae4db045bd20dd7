"""Configs for images of a command line, composed once for the same words, which takes long."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from cl_lightning.runs import given_images

_compose = cache(given_images._composed)


@contextmanager
def composed_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(given_images, "_composed", lambda words: copy.deepcopy(_compose(tuple(words))))
        yield
