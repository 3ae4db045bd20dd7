"""Promises of cl_lightning, one a test."""

from beartype import BeartypeConf, beartype

# What checks the package's annotations in tests: a whole number is a float, as for Python's type checkers.
typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))
