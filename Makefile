# Every command of a working day. `make help` lists them; docs/development.md explains them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help setup peers quickstart test chaos lint types contracts check

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The pins were tried together on 3.11, so it is asked first. `make setup PYTHON=...` overrides the search.
PYTHON ?=
CANDIDATES := $(or $(PYTHON),python3.11 python3 python3.12 python3.13)
# `make test STRICT=1`: a skipped test (gpu aside) fails. `make test ARGS="-m 'not slow'"`: passed to pytest.
STRICT ?=
ARGS ?=
# Test modules that run at once; `make test WORKERS=0` runs all in one process, for a debugger.
WORKERS ?= 2

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

setup: ## make .venv with the pinned dependencies; does nothing when pyproject.toml has not changed
	@wanted=$$(cksum < pyproject.toml)
	if [[ -f $(STAMP) && $$(< $(STAMP)) == "$$wanted" ]]; then exit 0; fi
	fits() { "$$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }
	if ! fits $(BIN)/python; then
	  python=
	  for candidate in $(CANDIDATES); do
	    if fits "$$candidate"; then python=$$candidate; break; fi
	  done
	  if [[ -z $$python ]]; then
	    echo "after-ray needs Python 3.11, 3.12 or 3.13; tried: $(CANDIDATES)." \
	         "Name one with 'make setup PYTHON=/path/to/python3.11'." >&2
	    exit 1
	  fi
	  "$$python" -m venv --clear $(VENV)
	fi
	echo "installing the pinned dependencies into $(VENV) (once, a few minutes) ..."
	log=$$(mktemp)
	if ! $(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]' > "$$log" 2>&1; then
	  cat "$$log" >&2
	  rm -f "$$log"
	  exit 1
	fi
	rm -f "$$log"
	echo "$$wanted" > $(STAMP)

PEERS := benchmarks/.peers
peers: setup ## the libraries that benchmarks of selection are measured against, in a folder of their own
	@wanted=$$(cksum < benchmarks/peers.txt)
	if [[ -f $(PEERS)/.installed && $$(< $(PEERS)/.installed) == "$$wanted" ]]; then exit 0; fi
	echo "installing the peers of the benchmarks into $(PEERS) ..."
	rm -rf $(PEERS)
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --target $(PEERS) -r benchmarks/peers.txt
	rm -rf $(PEERS)/tests # one of them installs its tests under this name, which is ours
	echo "$$wanted" > $(PEERS)/.installed

quickstart: setup ## run the small study; a second call computes nothing again
	@$(BIN)/after-ray run sweeps/quickstart.yaml --store quickstart-store

test: setup ## run the tests; what this machine lacks is skipped by name (STRICT=1: fails)
	@AFTER_RAY_STRICT=$(STRICT) $(BIN)/pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder --max-worker-restart=0 $(ARGS)

chaos: setup ## the whole fault matrix through a real Ray, and every other test that kills processes (root)
	@AFTER_RAY_FAULTS=all $(BIN)/pytest -m chaos $(ARGS)

lint: setup ## ruff: rules and format
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## mypy
	@$(BIN)/mypy

contracts: setup ## import-linter: imports go down the floors and rooms only
	@$(BIN)/lint-imports

check: lint types contracts test ## everything but the quickstart
