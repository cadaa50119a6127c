# Everything a developer or an operator does with this repository. `make` alone lists it.

PYTHON      ?= python3
VENV        := .venv
BIN         := $(VENV)/bin
PIP         := $(BIN)/python -m pip --disable-pip-version-check
CONFIG      ?= config
DATA        ?= data
ARGS        ?=
# How many tests run side by side: one more than there are cores, because a third of the time they wait for processes and
# sockets. 0 is one after another, in the order of the files.
JOBS        ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
OPA_VERSION := 1.18.2
# The library that `docker compose` is made of, with its own command: it reads the compose file without an engine.
COMPOSE_VERSION := 2.16.2
COMPOSE_CONFIG := .tools/bin/compose-config
PIP_TOOLS   := pip-tools==7.6.2

# Locks may be compiled under the oldest supported Python only: what it needs, newer ones need too.
LOCK_PYTHON ?= python3.11
LOCK_DIR    := build/lock

# The pinned OPA in .tools, else any 1.x on the PATH, else empty.
OPA = $(shell \
	if .tools/bin/opa version 2>/dev/null | grep -qx 'Version: *$(OPA_VERSION)'; then echo $(abspath .tools/bin/opa); \
	elif opa version 2>/dev/null | grep -q '^Version: *1\.'; then command -v opa; fi)

# Prometheus' own checker and Alertmanager's (Debian: prometheus, prometheus-alertmanager), where they are on the PATH.
ALERT_TOOLS = $(shell command -v promtool >/dev/null && command -v amtool >/dev/null && echo yes)
ALERT_FILES := infrastructure/prometheus

# A shell that keeps Python from caching bytecode would have every process of the tests compile all that it imports, and
# every worker rewrite every test: a third of the time of a run.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## List these commands
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use
.PHONY: run setup demo venues
run: $(VENV)/.run-stamp ## Start the gateway in SHADOW on 127.0.0.1:8000 (installs what it needs; ARGS="--port 9000")
	$(BIN)/gateway serve --config $(CONFIG) --data $(DATA) $(ARGS)

venues: $(VENV)/.venues-stamp ## Install the client libraries of real venues (Interactive Brokers, Binance ...)

demo: $(VENV)/.run-stamp ## Watch a strategy trade through the gateway in SHADOW
	$(BIN)/gateway demo $(ARGS)

##@ Develop
setup: $(VENV)/.setup-stamp ## Create .venv with everything, development tools included

test: setup opa compose ## Run all tests (ARGS="-k name" narrows)
	$(if $(OPA),GATEWAY_OPA=$(OPA)) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

matrix: setup ## Every misbehaviour of a venue at every moment of an order's life, as a table (ARGS="binance --at replace")
	$(BIN)/python -m tests.venues.contract.matrix $(ARGS)

SECONDS ?= 1800
soak: setup ## Gateways trade at venues that break, and are killed now and then (SECONDS=60 ARGS="binance --seed 7")
	$(BIN)/python -m tests.venues.contract.soak --seconds $(SECONDS) $(ARGS)

bench: setup ## Measure latency and throughput
	$(BIN)/python -m tests.bench $(ARGS)

page-bench: setup ## Measure the page in Chromium: first paint, heap after an hour of a busy day
	$(BIN)/python -m tests.bench page $(ARGS)

.PHONY: rollouts
rollouts: setup ## 10,000 simulated rollouts of each kind of venue, and 10,000 random lives of one
	$(BIN)/python -m tests.rollouts.simulation $(ARGS)
	$(BIN)/python -m tests.rollouts.coherence $(ARGS)

##@ Check
.PHONY: test matrix soak bench page-bench check lint type arch policy alerts
check: lint type arch policy alerts ## All checks below: exactly what CI runs besides the tests

lint: setup ## ruff
	$(BIN)/ruff check

type: setup ## mypy, strict
	$(BIN)/mypy

arch: setup ## Import contracts: floors, purity, independence, no rings
	$(BIN)/lint-imports

policy: opa ## Policies: opa check --strict, opa fmt, opa test
	@if [ -n "$(OPA)" ]; then set -ex; \
	  "$(OPA)" check --strict policies/; \
	  "$(OPA)" fmt --list --fail policies/; \
	  "$(OPA)" test --timeout 60s policies/; \
	fi

alerts: ## Alert rules: promtool check and test, amtool check-config
	@if [ -n "$(ALERT_TOOLS)" ]; then set -ex; \
	  promtool check config --syntax-only $(ALERT_FILES)/prometheus.yml; \
	  promtool check rules $(ALERT_FILES)/rules/*.yml; \
	  promtool test rules $(ALERT_FILES)/tests/*.yml; \
	  amtool check-config infrastructure/alertmanager/alertmanager.yml; \
	else \
	  echo "****************************************************************************" >&2; \
	  echo "*** ALERT CHECKS ARE SKIPPED: there is no \`promtool\` or no \`amtool\` on the PATH" >&2; \
	  echo "*** (Debian and Ubuntu: apt-get install prometheus prometheus-alertmanager)" >&2; \
	  echo "****************************************************************************" >&2; \
	  [ "$${CI:-}" != true ] || { echo "CI=true: nothing may be skipped." >&2; exit 1; }; \
	fi

##@ Maintain
.PHONY: opa compose lock clean
compose: ## Find `docker compose`, or build what reads a compose file into .tools/bin (needs Go; seconds, once)
	@if docker compose version >/dev/null 2>&1 || [ -x $(COMPOSE_CONFIG) ] || ! command -v go >/dev/null; then exit 0; fi; \
	echo "Building compose-go $(COMPOSE_VERSION) into .tools/bin ..."; \
	mkdir -p .tools/bin/built && GOBIN="$(abspath .tools/bin/built)" \
	  go install github.com/compose-spec/compose-go/v2/cmd@v$(COMPOSE_VERSION) && \
	  mv .tools/bin/built/cmd $(COMPOSE_CONFIG) || echo "compose-go could not be built: the test of the compose file is skipped" >&2; \
	rm -rf .tools/bin/built

opa: ## Find OPA, or build the pinned version into .tools/bin (needs Go; minutes, once)
	@if [ -n "$(OPA)" ]; then exit 0; fi; \
	if command -v go >/dev/null; then \
	  echo "Building OPA $(OPA_VERSION) into .tools/bin: takes some minutes, once ..."; \
	  mkdir -p .tools/bin; \
	  GOBIN="$(abspath .tools/bin)" go install github.com/open-policy-agent/opa@v$(OPA_VERSION) && exit 0; \
	  why="building it with $$(go version | cut -d' ' -f3) failed (it needs Go 1.25 or newer and the network)"; \
	else \
	  why="there is no \`opa\` 1.x on the PATH or in .tools/bin, and no Go to build it with"; \
	fi; \
	echo "****************************************************************************" >&2; \
	echo "*** OPA CHECKS ARE SKIPPED: $$why" >&2; \
	echo "****************************************************************************" >&2; \
	[ "$${CI:-}" != true ] || { echo "CI=true: nothing may be skipped." >&2; exit 1; }

lock: ## Re-pin dependencies after an edit of pyproject.toml (UPGRADE=1: take the newest of all)
	@$(LOCK_PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "Locks are compiled under Python 3.11, the oldest supported: make lock LOCK_PYTHON=/path/to/python3.11" >&2; exit 1; }
	rm -rf $(LOCK_DIR) && mkdir -p $(LOCK_DIR)
	$(LOCK_PYTHON) -m venv $(LOCK_DIR)/venv
	$(LOCK_DIR)/venv/bin/python -m pip install --quiet '$(PIP_TOOLS)'
	$(if $(UPGRADE),,cat requirements*.lock 2>/dev/null | sed -n 's/ *\\$$//; /^[a-z0-9].*==/p' | sort -u > $(LOCK_DIR)/all.txt)
	$(COMPILE) --extra venues --extra dev --extra build -o $(LOCK_DIR)/all.txt pyproject.toml
	$(COMPILE_PINNED) --extra build -o requirements-run.lock.new pyproject.toml
	$(COMPILE_PINNED) --extra build --extra venues -o requirements-venues.lock.new pyproject.toml
	$(COMPILE_PINNED) --extra build --extra dev --extra venues -o requirements.lock.new pyproject.toml
	for lock in requirements requirements-run requirements-venues; do \
	  sed '/^ *# *-c /d' $$lock.lock.new > $$lock.lock && rm $$lock.lock.new; done

# Nothing of this machine's pip settings may reach the resolution or the files.
COMPILE = env -u PIP_FIND_LINKS CUSTOM_COMPILE_COMMAND="make lock" $(LOCK_DIR)/venv/bin/pip-compile --quiet \
	--strip-extras --allow-unsafe --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host
# One version of each package in all locks: the largest set decides.
COMPILE_PINNED = $(COMPILE) --generate-hashes -c $(LOCK_DIR)/all.txt

clean: ## Remove .venv, caches and build output (keeps data/ and .tools/)
	rm -rf $(VENV) build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find gateway tests -name __pycache__ -type d -prune -exec rm -rf {} +

# --- how .venv comes to be ----------------------------------------------------------------------
# Two stamps over one environment: `run` installs only what running needs; `setup` adds the rest.
# Each re-installs only when its lock or pyproject.toml changed. Bytecode is left to the first import (a third faster).

$(VENV)/.setup-stamp: requirements.lock pyproject.toml | $(BIN)/python
	$(call install,requirements.lock)
	@touch $(VENV)/.run-stamp $(VENV)/.venues-stamp $@

$(VENV)/.venues-stamp: requirements-venues.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-venues.lock)
	@touch $(VENV)/.run-stamp $@

$(VENV)/.run-stamp: requirements-run.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-run.lock)
	@touch $@

define install
@echo "Installing $(1) into $(VENV) ..."
@$(PIP) install --quiet --no-compile --require-hashes -r $(1)
@$(PIP) install --quiet --no-deps --no-build-isolation -e .
endef

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no '$(PYTHON)' here. Name a Python 3.11 or newer: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "The gateway needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { \
	  echo "'$(PYTHON) -m venv' failed: on Debian and Ubuntu, install the package python3-venv." >&2; rm -rf $(VENV); exit 1; }
