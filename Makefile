# Everything a fresh clone needs: Python 3.10 or later, git and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test test-slow test-releases reader findings clean

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

# The cache under early releases of transformers, each laid before the environment's own, with a Hub client of its time.
RELEASES ?= 5.0.0
test-releases: $(VENV)/.installed-dev
	@for release in $(RELEASES); do \
	  case $$release in 4.*) hub="huggingface_hub>=0.34,<1.0";; *) hub="huggingface_hub>=1.3,<2";; esac; \
	  echo "==> the cache under transformers $$release"; \
	  $(BIN)/python -m pip install -q --no-deps --upgrade --target build/transformers-$$release \
	    "transformers==$$release" "tokenizers>=0.22,<0.23" "$$hub" httpx httpcore || exit 1; \
	  PYTHONPATH=build/transformers-$$release OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest -q -W default -m "not slow" \
	    tests/baselines/test_cache.py tests/baselines/test_generate.py tests/baselines/test_every_strategy.py \
	    tests/baselines/test_host.py tests/baselines/test_solver.py tests/baselines/strategies || exit 1; \
	done

READER ?= reader-llama
reader: $(VENV)/.installed
	@echo "==> training $(READER); it goes on where it stopped"
	@$(BIN)/python -m text2json.baselines.readers.train $(READER) --work runs/$(READER)

# The tables below docs/findings, measured anew on the bundled readers; one that was stopped goes on.
SWEEPS ?= rank landmarks decomposition traffic budget intensity length tasks
READERS ?= reader-llama reader-qwen3
findings: $(VENV)/.installed-dev
	@for reader in $(READERS); do for sweep in $(SWEEPS); do \
	  from=runs/findings/$$reader/$$sweep to=docs/findings/$$reader/$$sweep; \
	  $(BIN)/text2json sweep $$sweep --models $$reader --out $$from || exit 1; \
	  mkdir -p $$to/pictures && cp $$from/report.md $$to/README.md && cp $$from/pictures/*.png $$to/pictures/ || exit 1; \
	done; done

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
