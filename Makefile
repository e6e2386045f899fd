# Every command works on a machine that has Python 3.11, git and make; each sets up what it needs first.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
TESTS  ?= tests
# Most of a test is waiting, so that two workers a core keep both cores busy.
WORKERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help install demo screenshots bench test lint format check lock clean

help: ## Say what each command does.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-11s %s\n", $$1, $$2}'

install: $(STAMP) ## Make .venv with exactly what the lock names.

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Runrate needs Python 3.11 or newer. Say which one with: make install PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (about a minute the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install ## Start Runrate beside a local Slack and print the address.
	@$(BIN)/runrate demo

# Files are compiled once and kept, whatever the environment says of bytecode: not by each worker anew, and by each process
# that a test starts. At first that is a third of a minute's work, which both cores share.
test: export PYTHONDONTWRITEBYTECODE =
test: install ## Run every test, on SQLite and on PostgreSQL.
	@find $(TESTS) -name 'test_*.py' 2>/dev/null | xargs -r -P 2 -n 130 $(BIN)/python -m pytest --collect-only -qq > /dev/null || true
	@# Some tests wait for things to happen within seconds. One that fails beside the others is tried once more alone.
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS) || { [ $$? = 1 ] && echo "Trying alone what failed:" && \
	  $(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(TESTS); }

screenshots: install ## Take the pictures in docs/images anew (needs Chromium).
	@$(BIN)/python -m tests.browser.screenshots

bench: install ## Measure on a quiet machine, and write docs/benchmarks.md (some twenty minutes).
	@$(BIN)/runrate bench --write

lint: install ## Check format, style, types, import contracts and migrations.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/runrate db check

format: install ## Bring the code into its format.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: lint test ## Everything that CI runs.

lock: ## Renew requirements.lock (needs uv).
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --upgrade --quiet --output-file requirements.lock

clean: ## Remove what was installed and built.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
