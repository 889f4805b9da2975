# Everything a fresh clone needs: Python 3.10 or later, git and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-slow reader clean

demo: $(VENV)/.installed
	@echo "==> text2json demo"
	@$(BIN)/text2json demo

test: $(VENV)/.installed-dev
	@echo "==> style, types and layers"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@echo "==> tests"
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest -q -m "not slow"

test-slow: $(VENV)/.installed-slow
	@echo "==> slow tests"
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest -q -m slow --durations=10

reader: $(VENV)/.installed
	@echo "==> training reader-llama; it goes on where it stopped"
	@$(BIN)/python -m text2json.baselines.readers.train reader-llama --work runs/reader-llama

# The CPU build of torch is asked for first where there is no NVIDIA GPU: a plain requirement may bring gigabytes of CUDA.
$(VENV)/.installed: pyproject.toml
	@echo "==> virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@command -v nvidia-smi >/dev/null || { echo "==> torch for the CPU"; $(BIN)/python -m pip install -q torch==2.13.0; }
	@echo "==> text2json with its baselines"
	@$(BIN)/python -m pip install -q -e ".[baselines]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "==> tools for the tests"
	@$(BIN)/python -m pip install -q -e ".[baselines,dev]"
	@touch $@

$(VENV)/.installed-slow: $(VENV)/.installed-dev
	@echo "==> what only the slow tests need"
	@$(BIN)/python -m pip install -q -e ".[baselines,dev,slow]"
	@touch $@

clean:
	rm -rf $(VENV) build dist runs *.egg-info
