# `make help` lists the targets.
PYTHON ?= python3
# Another interpreter, given as PYTHON=python3.13, has its own environment beside .venv, unless VENV is given too.
VENV ?= .venv$(if $(filter command environment,$(firstword $(origin PYTHON))),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin

# One thread a test process: on two cores, two processes of two threads each are slower.
FAST_ENV := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MPLBACKEND=Agg
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-two-stage test test-all check docs clean

help:  ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

setup:  ## make or update .venv with the pinned packages
	@PYTHON='$(PYTHON)' VENV='$(VENV)' tools/setup_env.sh

demo: setup  ## generate data, train, evaluate, draw: from 9 minutes on two cores
	@$(BIN)/python tools/demo.py

demo-two-stage: setup  ## train a detector too, and compare AP with its boxes to AP with true ones
	@$(BIN)/python tools/demo_two_stage.py

test: setup  ## run the quick tests
	$(FAST_ENV) $(PYTEST) -m 'not slow' -n 2 --timeout 300 --durations 10

test-all: test  ## run the slow tests too, one at a time
	MPLBACKEND=Agg $(PYTEST) -m slow -n 0 --timeout 1800 --durations 10

check: setup  ## check lint, format, types and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

docs:  ## build the documents as a site in site/, with links checked
	@test -x .venv-docs/bin/mkdocs || $(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install -qq --disable-pip-version-check -r docs/requirements.txt
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build -q

clean:  ## remove caches and .venv; keep data and results
	rm -rf $(VENV) .venv-docs site build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
