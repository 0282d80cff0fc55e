# One command each for what people and CI do here. `make` alone tells them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help
help: ## tell what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) ## make the virtual environment, and install what it needs

# Made anew when the dependencies change. On Debian and Ubuntu missing system packages are installed first.
$(READY): pyproject.toml .ci/packages
	@.ci/packages base
	@python="$$(.ci/packages python)"; test -x $(BIN)/python || "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

.PHONY: demo
demo: setup ## show the whole way on a small kernel repository, in demo/
	@.ci/packages kernel
	@.ci/packages guest
	@$(BIN)/cosport demo demo/

.PHONY: parts
parts: setup
	@.ci/packages guest
	@.ci/packages test
	@.ci/packages kernel
	@.ci/packages gerrit $(VENV)/gerrit

.PHONY: test
test: parts ## run all tests (a tenth of each long campaign)
	@$(BIN)/python -m pytest -n auto $(ARGS)

.PHONY: check
check: setup ## lint, format, types, import layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: setup ## format the code and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: bench
bench: parts ## measure speed and memory (on real histories too: COSPORT_BENCH_LINUX, _QEMU, _RDMA)
	@$(BIN)/python -m tests.bench $(ARGS)

.PHONY: soak
soak: parts ## run the long campaigns whole
	@COSPORT_SOAK=1 $(BIN)/python -m pytest -n auto -m soak $(ARGS)

.PHONY: dist
dist: setup ## build the wheel and the sdist
	@$(BIN)/python -m build

.PHONY: clean
clean: ## remove what make made
	@rm -rf $(VENV) dist build demo .mypy_cache .ruff_cache .import_linter_cache .hypothesis
