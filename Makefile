# hedgehog: `make` lists what can be made.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.installed

# What `make infra-up BROKERS=3` starts is known by its data afterwards.
ifdef BROKERS
export HEDGEHOG_BROKERS := $(BROKERS)
endif

.PHONY: help setup lock infra-up infra-down infra-status infra-logs infra-clean demo test lint bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: $(STAMP) ## make .venv with the locked dependencies and the hedgehog command

$(STAMP): infra/requirements.lock pyproject.toml
	@$(PYTHON) infra/supported.py
	@echo "hedgehog: installing the locked dependencies into $(VENV) (once; about a minute)"
	@$(PYTHON) -m venv $(VENV) || { echo "hedgehog: $(PYTHON) cannot make a virtual environment (Debian: apt install python3-venv)" >&2; exit 1; }
	@$(RUN)/pip install --quiet --disable-pip-version-check --require-hashes -r infra/requirements.lock
	@$(RUN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . \
	  > $(VENV)/install.log 2>&1 || { cat $(VENV)/install.log >&2; exit 1; }
	@touch $@
	@echo "hedgehog: installed; the command is $(RUN)/hedgehog"

lock: setup ## renew infra/requirements.lock from pyproject.toml
	@$(RUN)/pip install --quiet uv
	@$(RUN)/uv pip compile pyproject.toml --extra dev --upgrade --universal --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file infra/requirements.lock

infra-up: setup ## start the stack (broker, registry, Connect, PostgreSQL) and wait until it is ready (BROKERS=3)
	@$(RUN)/python -m infra up
	@$(RUN)/python -m connectors provision

infra-down: setup ## stop the stack; the data stay
	@$(RUN)/python -m infra down

infra-status: setup ## show the parts of the stack; fails unless all are up
	@$(RUN)/python -m infra status

infra-logs: setup ## show the end of the servers' logs
	@$(RUN)/python -m infra logs

infra-clean: setup ## stop the stack and remove all its data
	@$(RUN)/python -m infra down
	@$(RUN)/python -m infra clean --yes

.PHONY: jars-lock
jars-lock: setup ## renew infra/jars.lock (needs Maven)
	@$(RUN)/python -m infra lock

demo: setup ## trade for a minute through the whole pipeline, then check everything (TRADES=FILE: a recorded day; KEEP=1)
	@$(RUN)/python -m streams.demo $(if $(TRADES),--trades "$(TRADES)") $(if $(KEEP),--keep)

# Those that take longest first, so that both processes end at the same time.
ALL_TESTS := tests/faults tests/e2e tests/simulation tests/property tests/unit
PYTEST := $(RUN)/python -m pytest --durations=10 -n 2 --dist loadfile --no-loadscope-reorder

test: setup ## run the tests, those on the real stack on stacks of their own (TESTS=PATHS: only these); about 15 minutes
	@echo "hedgehog: testing; two stacks of its own are started beside yours, the first one ever downloads some 380 MB"
	@$(PYTEST) $(if $(TESTS),$(TESTS),-m "not long" $(ALL_TESTS)) || { \
	  echo "hedgehog: tests failed; look into one with: $(RUN)/python -m pytest -x --keep-stack PATH" >&2; exit 1; }
	@echo "hedgehog: all tests passed; next: make demo"

.PHONY: test-long
test-long: setup ## run the tests that `make test` leaves out, as they take long: faults, odd machines, upgrades; 40 minutes
	@$(PYTEST) -m long $(ALL_TESTS) || { \
	  echo "hedgehog: tests failed; look into one with: $(RUN)/python -m pytest -x --keep-stack PATH" >&2; exit 1; }
	@echo "hedgehog: all long tests passed"

.PHONY: simulate
SEEDS ?= 1000
simulate: setup ## run SEEDS seeded simulations of workers, faults and a market, in memory
	@$(RUN)/python -m tests.simulation --seeds $(SEEDS)

.PHONY: faults soak
SEED ?= 1
FAULTS ?= 1000
MINUTES ?= 90
faults: setup ## break every part of a running pipeline in turn, heal it, and check everything (CASES=NAMES, SEED=N)
	@$(RUN)/python -m tests.faults.harness $(CASES) --seed $(SEED)

soak: setup ## FAULTS faults drawn by SEED, within MINUTES, under load; everything is checked now and then
	@$(RUN)/python -m tests.faults.harness --soak $(FAULTS) --minutes $(MINUTES) --seed $(SEED)

.PHONY: mutants
mutants: setup ## break the sources on purpose, one small breakage at a time: each has to be noticed by a test
	@$(RUN)/python -m tests.mutants

AUDIT_STAMP := .venv-audit/.installed

lint: setup $(AUDIT_STAMP) ## check style, format, types, and the dependencies for known vulnerabilities
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/mypy
	@$(RUN)/python -m infra.vulnerabilities .venv-audit/bin/pip-audit infra/requirements.lock
	@echo "hedgehog: style, format and types are fine; next: make test"

$(AUDIT_STAMP): infra/requirements-audit.lock
	@echo "hedgehog: installing pip-audit into .venv-audit (once)"
	@$(PYTHON) -m venv .venv-audit
	@.venv-audit/bin/pip install --quiet --disable-pip-version-check --require-hashes -r infra/requirements-audit.lock
	@touch $@

BENCH_STAMP := .venv-bench/.installed

bench: setup $(BENCH_STAMP) ## measure against stock Faust and Quix Streams on a stack of its own; about 20 minutes
	@$(RUN)/python -m tests.bench

$(BENCH_STAMP): infra/requirements-bench.lock
	@echo "hedgehog: installing Quix Streams for comparison into .venv-bench (once)"
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/pip install --quiet --disable-pip-version-check --require-hashes -r infra/requirements-bench.lock
	@touch $@
