# Two commands matter: `make demo` and `make test`. Everything they need they install, once, into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
ARGS ?=
ROOMS := cairn collector annotate_app dataset_builder train label_store consensus imaging shards migrations
export CAIRN_WORKSPACE :=

.PHONY: help demo test test-all lint types floors unit browser pins clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.demo ## The whole chain on this machine, then the path of a report (ARGS=--quick for a minute)
	@$(BIN)/cairn demo $(ARGS)

test: $(VENV)/.test lint types floors browser unit ## Every check: lint, types, floors, unit, PostgreSQL, browser

test-all: $(VENV)/.test lint types floors browser ## Every check and the slow sweeps too
	@echo "== tests, slow ones too"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: $(VENV)/.test
	@echo "== 1/5 lint"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.test
	@echo "== 2/5 types (about a minute the first time)"
	@$(BIN)/mypy

floors: $(VENV)/.test
	@echo "== 3/5 floors: a room imports only from lower floors"
	@$(BIN)/lint-imports

browser: $(VENV)/.test ## A Chromium and a WordNet for the tests that need them
	@echo "== 4/5 browser"
	@.ci/browser
	@.ci/wordnet

unit: $(VENV)/.test
	@echo "== 5/5 tests on $(WORKERS) processes (about ten minutes on two cores; the bar shows what is left)"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow" $(ARGS)

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Cairn needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1)"; \
		     echo "hint: make PYTHON=/path/to/python3.11 …"; exit 2; }
	@echo "== making $(VENV)"
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "error: $(PYTHON) cannot make a virtual environment"; \
		     echo "hint: on Debian and Ubuntu, apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/uv
	@echo "== installing what the demo needs (once; half a minute with a fast network, 6 GB with torch)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[all]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/uv
	@echo "== installing what the tests need (once; half a minute with a fast network, 6 GB with torch)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/.demo

pins: $(BIN)/uv ## Take the newest versions of everything into constraints.txt
	@$(BIN)/uv pip compile pyproject.toml --extra test --universal --python-version 3.11 --upgrade --quiet \
		--no-header --no-annotate -o constraints.txt > /dev/null

clean: ## Forget the environment and the demo's workspace
	rm -rf $(VENV) demo-workspace .mypy_cache .ruff_cache .pytest_cache
