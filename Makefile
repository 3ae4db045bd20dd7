# Each target does its own set-up, in .venv/.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n logical --dist loadgroup --no-loadscope-reorder

# Of bench-gpu: the folder of cifar-10-batches-py/.
CIFAR ?= data
# Of bench and bench-gpu: which parts; none for all.
PARTS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow bench bench-gpu check format docs clean

help: ## list these targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed ## make .venv/ with the package and what its tests need

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "cl_lightning needs Python 3.11 or newer: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

demo: install ## train SimCLR and MoCo v2 on scattered digits and compare them, about five minutes on two cores
	$(BIN)/python -m cl_lightning.demo

test: check ## check, then all tests but the slow and the GPU ones
	$(PYTEST) -m 'not slow and not slurm and not gpu'

test-slow: install ## what takes long: the demonstration and the CIFAR-10 recipes, real SLURM
	$(PYTEST) -m '(slow or slurm) and not gpu'

# The peers go into an environment of their own, which sees the packages of .venv/: no test meets them.
BENCH := .venv-bench/bin/python
PACKAGES := 'import sysconfig; print(sysconfig.get_path("purelib"))'

.venv-bench/installed: .venv/installed
	$(BIN)/python -m venv --without-pip .venv-bench
	$(BIN)/python -c $(PACKAGES) > $$($(BENCH) -c $(PACKAGES))/venv.pth
	$(BIN)/pip --python $(BENCH) install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

bench: .venv-bench/installed ## views, losses, start and memory beside lightly and kornia, 20 minutes; PARTS="views loss" for some
	$(BENCH) -m tests.benchmarks $(PARTS)

bench-gpu: .venv-bench/installed ## all that needs a GPU: tests, baseline, records; CIFAR=DIR, PARTS="tests ceilings" for some
	$(BENCH) -m tests.benchmarks.gpu --cifar $(CIFAR) $(PARTS)

check: install ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## rewrite the files in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install ## write the tables of METHODS.md from conf/, and of docs/speed.md from results/bench.json
	$(BIN)/python docs/methods_tables.py
	$(BIN)/python -m docs.speed_tables

clean: ## remove the environment and caches, never runs
	rm -rf .venv .venv-bench .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
