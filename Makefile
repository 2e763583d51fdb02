# `make plan` and `make test` set up what they lack: a virtual environment with the locked packages.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: plan test lint unit bench bench-quick docs lock clean

plan: $(STAMP)
	$(BIN)/planagent plan --workspace .

test: lint unit

lint: $(STAMP)
	$(BIN)/ruff check planagent tests bench
	$(BIN)/ruff format --check planagent tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(STAMP)
	$(BIN)/pytest -n auto

bench: $(STAMP)
	$(BIN)/python -m bench

bench-quick: $(STAMP)
	$(BIN)/python -m bench quick

docs: $(STAMP)
	$(BIN)/python -m sphinx -W --keep-going --nitpicky -q docs docs/_build

$(STAMP): pyproject.toml requirements-dev.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

# Pins every package with its hashes, for all platforms; run after a change of the dependencies.
lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --extra local --extra mcp --extra watch --extra otel --extra fleet pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --extra local --extra mcp --extra watch --extra otel --extra fleet --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
