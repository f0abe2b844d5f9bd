# make lab        a virtual environment, the package, JupyterLab at chapter 00
# make test       everything that must hold: style, types, layers, unit tests, notebooks, browser
# make notebooks  run all notebooks and write them in their canonical form
# make book       the chapters, the glossary and a reference as pages: open _book/index.html
# make install    only what `make lab` needs; a second call of anything is quick (stamp files)
#
# PYTHON=python3.12   another interpreter (3.11 or newer)
# TORCH=cpu           the small CPU-only torch, from its vendor's own index
# LAB_ARGS="…"        passed to JupyterLab, e.g. LAB_ARGS="--no-browser --port 8899"

PYTHON ?= python3
VENV ?= .venv
TORCH ?= default
LAB_ARGS ?=
TORCH_CPU_INDEX ?= https://download.pytorch.org/whl/cpu

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip --disable-pip-version-check
FIRST := notebooks/00_start_here.ipynb
TSC := npm exec --yes --package=typescript@5.9.3 -- tsc
PYTEST := $(BIN)/python -m pytest
# One thread per worker: two workers on two cores, and the same sums on every machine.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help install lab test style types layers unit fuzz faults nbval browser notebooks check-notebooks book elsewhere models clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,5p;7,9p' Makefile | sed 's/^# //'

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"mmalign_nb needs Python 3.11 or newer, this is {v[0]}.{v[1]}: say for example PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q "pip>=24"
	@touch $@

# The three torch packages of the tested set are always named together: mixed builds do not import. What they need
# comes with the next step, from the usual index; --force-reinstall, so that another build of this version is replaced.
$(VENV)/.torch-$(TORCH): $(VENV)/.made constraints.txt
ifeq ($(TORCH),cpu)
	$(PIP) install -q -c constraints.txt --index-url $(TORCH_CPU_INDEX) --force-reinstall --no-deps torch torchvision torchaudio
else
	$(PIP) install -q -c constraints.txt torch torchvision torchaudio
endif
	@rm -f $(VENV)/.torch-* && touch $@

$(VENV)/.installed: $(VENV)/.torch-$(TORCH) pyproject.toml constraints.txt
	$(PIP) install -q -c constraints.txt -e ".[video]"
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -q -c constraints.txt -e ".[test,video,pretrained,encoders]"
	@touch $@

install: $(VENV)/.installed

lab: install
	$(BIN)/jupyter lab --ServerApp.root_dir=. $(LAB_ARGS) $(FIRST)

test: style types layers nbval unit browser

style: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@if $(TSC) --version >/dev/null 2>&1; then $(TSC) -p jsconfig.json; else echo "no TypeScript (npm, or its registry): the types of the panels' JavaScript are not checked"; fi

types: $(VENV)/.installed-test
	$(BIN)/mypy

layers: $(VENV)/.installed-test
	$(BIN)/lint-imports

unit: $(VENV)/.installed-test
	$(ONE_THREAD) $(PYTEST) -n 2 --dist loadfile

# Twenty thousand hostile inputs over every public function, and a thousand hostile folders; some minutes.
fuzz: $(VENV)/.installed-test
	$(ONE_THREAD) $(BIN)/python tests/properties/test_hostile.py 20000
	$(ONE_THREAD) $(BIN)/python tests/properties/test_hostile_folders.py 1000

# Killed servers, workers and jobs; some minutes. The Milvus server has an environment of its own, and is skipped, saying so,
# where it cannot be had.
faults: $(VENV)/.installed-test .milvus/.made
	$(ONE_THREAD) PYTHONPATH=tests:tests/faults/slow $(PYTEST) -o addopts="-ra --strict-markers" tests/faults/slow

.milvus/.made:
	$(PYTHON) -m venv .milvus
	.milvus/bin/python -m pip --disable-pip-version-check install -q "milvus==2.3.5" || echo "no Milvus server for this system"
	@touch $@

# Every cell against what is stored, and once more from the last to the first; before the unit tests, since the book takes
# its panels from this run.
nbval: $(VENV)/.installed-test
	$(ONE_THREAD) $(PYTEST) -o addopts="" -o filterwarnings=default -n 2 --dist loadfile -p tests.notebooks.again --nbval \
	  --nbval-current-env --nbval-cell-timeout=120 --nbval-sanitize-with tests/notebooks/sanitize.cfg notebooks

browser: $(VENV)/.installed-test
	$(ONE_THREAD) $(PYTEST) -o addopts="-ra" -n 2 --dist worksteal tests/browser

notebooks: $(VENV)/.installed-test
	$(BIN)/python tools/notebooks.py

check-notebooks: $(VENV)/.installed-test
	$(BIN)/python tools/notebooks.py --check

# Offline, and the same bytes every time.
book: $(VENV)/.installed-test
	$(BIN)/python -m book

# The notebooks' numbers as processors of other kinds would compute them; some minutes.
elsewhere: $(VENV)/.installed-test
	$(BIN)/python tools/elsewhere.py

# A quarter of an hour on two cores; writes data/models and its report.
models: $(VENV)/.installed-test
	$(BIN)/python tools/train_models.py all

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis artefacts _book _live .milvus
