# Two commands for a fresh machine with Python 3.11, make and git: `make demo` and `make test`.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
FILM   ?=

.PHONY: demo test long lint types bench clean

demo: $(VENV)/.installed
	@$(BIN)/cxr-agent demo $(if $(FILM),"$(FILM)")

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# The long tests at their full size, one after the other; what they did is in docs/long_runs.log,
# docs/fuzzing.log and docs/bad_input.log.
long: $(VENV)/.installed-dev
	CXR_AGENT_LONG=1 $(BIN)/python -m pytest -m long -p tests.long_log

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.installed-dev
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The constraints file pins every library.
$(VENV)/.installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

# What is tested is what the lock has, file for file: no library comes in by its version alone.
$(VENV)/.installed-dev: $(BIN)/python pyproject.toml requirements.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.installed
	$(BIN)/python .ci/fhir_schema.py $(VENV)/fhir.schema.json
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
