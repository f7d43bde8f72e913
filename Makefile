# Everything from nothing but make, python3 (3.11 to 3.13) and pip. `make` alone lists the targets.
#
#   make test ARGS="-k scrub"      hands arguments to pytest
#   make test JOBS=1               one file after the other
#   make .venv/.ok PYTHON=python3.13
#   make .venv/.ok UV=no           installs with pip alone

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
UV ?= yes
ARGS ?=
JOBS ?= 3
VENV := .venv
LABEL_STUDIO := .venv-label-studio
BIN := $(VENV)/bin
ROOMS := annotation connectors demo flows schema transforms warehouse

# Outside the checkout, and where the tests look: 670 MB that `make clean` should not cost.
CONFIDE_BLUESKY_NETWORK ?= $${XDG_CACHE_HOME:-$$HOME/.cache}/confide/bluesky-network

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-zA-Z0-9_.%/-]+:.*## ' $(MAKEFILE_LIST) \
	  | awk -F ':.*## ' '{printf "  make %-24s %s\n", $$1, $$2}'

# ---------------------------------------------------------------- the two virtual environments
# uv only makes it quicker: whatever it cannot do (not installable here, a refused certificate)
# pip then does from the same lock, every file checked against its hash.

.venv/.ok: pyproject.toml requirements.lock .ci/venv ## the pipeline's environment
	UV=$(UV) .ci/venv $(PYTHON) $(VENV) requirements.lock
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

.venv-label-studio/.ok: label-studio/requirements.lock .ci/venv ## Label Studio's own environment
	UV=$(UV) .ci/venv $(PYTHON) $(LABEL_STUDIO) label-studio/requirements.lock
	@touch $@

# ---------------------------------------------------------------- run

.PHONY: demo
demo: .venv/.ok .venv-label-studio/.ok ## the whole way of a post, on an invented community
	@$(BIN)/confide demo $(ARGS)

# ---------------------------------------------------------------- test

# Much of the time is waiting for servers, so two cores have work for three; a file's tests share
# their servers and stay in one process.
# The order is tests/conftest.py's: the longest files first, so that no process ends up alone.
PARALLEL := --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

# What DuckDB's version can touch; the rest of the suite would only repeat itself.
WAREHOUSE_TESTS := $(wildcard tests/test_warehouse*.py tests/test_verdict*.py)

.PHONY: test long soak test-duckdb2
test: .venv/.ok .venv-label-studio/.ok ## every promise at its reduced size
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

long: .venv/.ok .venv-label-studio/.ok ## every promise at the full size an issue names
	@$(BIN)/python -m pytest -m long --timeout 3600 $(ARGS)
	@CONFIDE_SOAK_MINUTES=60 $(MAKE) soak

soak: .venv/.ok .venv-label-studio/.ok ## ten minutes (CONFIDE_SOAK_MINUTES) of a study disturbed
	@$(BIN)/python -m pytest -m soak -s $(ARGS)

test-duckdb2: .venv/.ok .venv/duckdb2/.ok ## the warehouse's tests on DuckDB 2
	@$(if $(WAREHOUSE_TESTS),,$(error test-duckdb2: there is no tests/test_warehouse*.py))
	@export PYTHONPATH=$(CURDIR)/$(VENV)/duckdb2; \
	  $(BIN)/python -c 'import duckdb; assert duckdb.__version__ >= "2", duckdb.__version__'; \
	  $(BIN)/python -m pytest $(PARALLEL) $(WAREHOUSE_TESTS) $(ARGS)

.venv/duckdb2/.ok: .ci/duckdb2.lock | .venv/.ok
	@rm -rf $(@D)
	@$(BIN)/python -m pip install -q --no-deps --require-hashes --target $(@D) -r .ci/duckdb2.lock
	@touch $@

# ---------------------------------------------------------------- check

.PHONY: check lint-python lint-types lint-imports lint-sql lint-docs lint-hosts
check: lint-python lint-types lint-imports lint-sql lint-docs lint-hosts ## all of the following

lint-python: .venv/.ok ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

lint-types: .venv/.ok ## mypy --strict on every room
	@$(BIN)/mypy

lint-imports: .venv/.ok ## which room may import which, and which package only where
	@$(BIN)/lint-imports

lint-sql: .venv/.ok ## sqlfluff on every .sql file
	@$(BIN)/sqlfluff lint --disable-progress-bar -q $(ROOMS) tests

lint-docs: .venv/.ok ## generated pages are fresh
	@$(BIN)/python -m flows.documents --check

lint-hosts: ## no tracked file names a package registry or a path of this machine
	@.ci/no-hosts

# ---------------------------------------------------------------- maintain

.PHONY: docs format lock
docs: .venv/.ok ## write the generated pages
	@$(BIN)/python -m flows.documents

format: .venv/.ok ## let ruff and sqlfluff mend what they can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/sqlfluff fix --disable-progress-bar -q $(ROOMS) tests

# Universal: one lock for Linux and macOS, 3.11 to 3.13. Without --upgrade it keeps what it can.
COMPILE = UV_SYSTEM_CERTS=1 $(BIN)/uv pip compile -q --universal --python-version 3.11 \
  --generate-hashes --no-strip-extras --no-annotate --no-header --no-emit-index-url \
  --no-emit-find-links $(ARGS)

lock: ## compile the locks again (ARGS=--upgrade takes newer versions)
	@test -x $(BIN)/uv || $(MAKE) .venv/.ok
	$(COMPILE) --group dev pyproject.toml -o requirements.lock
	$(COMPILE) label-studio/requirements.in -o label-studio/requirements.lock
	echo 'duckdb>=2,<3' | $(COMPILE) - -o .ci/duckdb2.lock

.PHONY: system bluesky-network clean
system: ## Debian packages that some tests need (root)
	@.ci/system

bluesky-network: ## install the real Bluesky servers that some tests start
	@bash tests/bluesky_network/install.sh "$(CONFIDE_BLUESKY_NETWORK)"

clean: ## remove both environments and everything built
	rm -rf $(VENV) $(LABEL_STUDIO) build dist artifacts .mypy_cache .ruff_cache .pytest_cache \
	  .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
