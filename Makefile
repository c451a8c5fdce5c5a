# Everything a user or a contributor does is one target here; CI runs the same ones.
PYTHON ?= python3
VENV := .venv
UV := .uv/bin/uv
BIN := $(VENV)/bin
PYTEST_WORKERS ?= 3
PAYLOADS ?= 10000

export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

# -- set-up: uv from its own small environment, then everything from the hashed lock files --------

$(UV): requirements-bootstrap.lock
	@$(PYTHON) tools/bootstrap.py .uv requirements-bootstrap.lock

$(BIN)/python: | $(UV)
	@$(UV) venv --quiet --python $(PYTHON) $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Farthing runs on ..."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --offline --editable .
	@touch $@

# The two lock files agree on every version that they share, so the order does not matter.
$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing what the tests need ..."
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements-dev.lock
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## Install into .venv and build the dbt manifest
	@$(BIN)/python -m dagster_project.lib.manifest

.PHONY: install-dev
install-dev: $(VENV)/.installed-dev install

# -- what users do ---------------------------------------------------------------------------------

.PHONY: run
run: install ## Set up and run the demo: a made-up household through the whole pipeline
	@$(BIN)/farthing demo

.PHONY: up
up: install ## Serve the Dagster UI on http://127.0.0.1:3000 and run the schedules
	@$(BIN)/farthing up

# -- what contributors and CI do -------------------------------------------------------------------

.PHONY: test
test: install-dev ## Set up and run the tests
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS)

.PHONY: lint
lint: install-dev ## Check format, lint, types, imports, SQL, dbt project and migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_project/models dbt_project/macros
	$(BIN)/python tools/check_dbt.py
	$(BIN)/python tools/check_migrations.py
	$(BIN)/python tools/reference.py --check
	$(BIN)/python tools/bank_page.py --check
	$(BIN)/python tools/sandbox_page.py --check

.PHONY: docs
docs: install-dev ## Write the reference of the postgres package and the pages about banks and the sandbox
	$(BIN)/python tools/reference.py
	$(BIN)/python tools/bank_page.py
	$(BIN)/python tools/sandbox_page.py

.PHONY: coverage
coverage: install-dev ## Say how much of the postgres package its tests reach, by branch
	$(BIN)/python -m coverage run -m pytest -q tests/postgres tests/ingestion tests/farthing
	$(BIN)/python -m coverage report

.PHONY: mutation
mutation: install-dev ## Plant faults one at a time, and count those that the tests notice
	$(BIN)/python tools/mutation.py $(MUTANTS)

.PHONY: reliability
reliability: install-dev ## Read ten thousand broken rows and as many made-up banks, and compare the ledger with the truth
	FARTHING_PAYLOADS=$(PAYLOADS) $(BIN)/python -m pytest -q -n0 -rP tests/ingestion/test_payloads.py
	$(BIN)/python -m benchmarks.reliability $(WORLDS)

.PHONY: broker-history
broker-history: install-dev ## Read a broker's history of 20,000 items whose pages fail at random, and compare it with the truth
	$(BIN)/python -m benchmarks.broker_history $(ITEMS)

.PHONY: broker-worlds
broker-worlds: install-dev ## Read hundreds of made-up accounts at a broker, and compare the ledger with the truth
	$(BIN)/python -m benchmarks.broker_worlds $(WORLDS)

.PHONY: recurring-sequences
recurring-sequences: install-dev ## Change ledgers at random, analyse what changed, and compare with full runs
	$(BIN)/python -m benchmarks.recurring_sequences $(SEQUENCES)

.PHONY: format
format: install-dev ## Put code and SQL into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix dbt_project/models dbt_project/macros

.PHONY: bench
bench: install-dev ## Measure, as ratios within one run
	$(BIN)/python -m benchmarks.bulk_write
	$(BIN)/python -m benchmarks.splits
	$(BIN)/python -m benchmarks.tag_rules
	$(BIN)/python -m benchmarks.transfers
	$(BIN)/python -m benchmarks.replay
	$(BIN)/python -m benchmarks.recurring_speed

.PHONY: lock
lock: $(UV) ## Resolve the dependencies anew into the lock files
	$(UV) pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --extra dev pyproject.toml --output-file requirements-dev.lock
	$(UV) pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --constraint requirements-dev.lock pyproject.toml --output-file requirements.lock

.PHONY: clean
clean: ## Stop what runs, and remove everything but the sources and .farthing/
	@if [ -x $(BIN)/farthing ]; then $(BIN)/farthing down; fi
	rm -rf $(VENV) .uv dbt_project/target dbt_project/logs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache mutants
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
