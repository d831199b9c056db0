# normviz: every target sets up what it needs in .venv, and not again until its versions change.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
DATA   ?= data
RUN    ?= runs/published
JOBS   ?= 2
SEEDS  ?= 1
CASES  ?= 10000
WORKERS ?= 2
KILLS  ?= 20

# The page's linter and the rules of accessibility come by npm; where that is missing, without them.
PAGE_TOOLS := tests/workbook/page/node_modules/.installed
BIOME      := tests/workbook/page/node_modules/.bin/biome

# What holds without torch.
CORE_TESTS := normviz/norms normviz/reference normviz/tensors normviz/errors.py tests/test_files.py tests/tensors tests/cli/test_users_text.py

.DEFAULT_GOAL := help
.PHONY: models help demo workbook previews train cluster-demo test core-test fuzz soak bench lint data report clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/training workbook ## workbook, a brief training on the bundled digits, a report
	$(BIN)/python -m training run bn gn ln gbn --data sample --epochs 3 --jobs $(JOBS) --out runs/demo --resume
	$(BIN)/python -m training report runs/demo
	@echo "Open workbooks/normalization.xlsx and runs/demo/report.html"

workbook: $(VENV)/core ## the books of workbooks/: .xlsx, and the same as pages for the browser
	$(BIN)/normviz workbook -o workbooks/normalization.xlsx
	$(BIN)/normviz workbook -o workbooks/normalization.html
	$(BIN)/normviz workbook --shape 2,5,8 -o workbooks/tokens.xlsx
	$(BIN)/normviz workbook --shape 2,5,8 -o workbooks/tokens.html

previews: $(VENV)/training ## a picture of each sheet, in workbooks/previews (LibreOffice, poppler)
	$(BIN)/normviz workbook -o workbooks/normalization.xlsx --previews
	$(BIN)/normviz workbook --shape 2,5,8 -o workbooks/tokens.xlsx --previews
	$(BIN)/python -c "from PIL import Image; \
	  Image.open('workbooks/previews/normalization-playground.png').crop((40, 40, 1035, 545)).save('workbooks/previews/playground.png')"

train: $(VENV)/training ## every trial of `list` on full MNIST, resumable (DATA=, RUN=, JOBS=, SEEDS=)
	$(BIN)/python -m training run --data $(DATA) --out $(RUN) --jobs $(JOBS) --seeds $(SEEDS) --resume
	$(BIN)/python -m training report $(RUN)

cluster-demo: $(VENV)/development ## a Dask cluster on this machine, a worker killed on the way
	$(BIN)/python -m training.cli.cluster_demo

test: $(VENV)/development $(PAGE_TOOLS) ## all tests, two at a time (WORKERS=)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

core-test: $(VENV)/core ## the core, without torch (PYTHON=, VENV= for another version)
	$(PIP) pytest hypothesis
	$(BIN)/python -m pytest -q $(CORE_TESTS)

models: $(VENV)/development ## which layers of timm and transformers are recognized: normviz/README.md
	$(BIN)/python -W ignore -m tests.models.test_zoo

fuzz: $(VENV)/development ## 10,000 command lines, tensors and damaged files (CASES=)
	FUZZ_CASES=$(CASES) $(BIN)/python -m pytest -q tests/cli/test_fuzz.py \
	  tests/training/cli/test_fuzz.py tests/tensors/test_strangers.py

soak: $(VENV)/development ## a training killed twenty times must end with the same bits (KILLS=)
	$(BIN)/python -m tests.soak $(KILLS)

bench: $(VENV)/development ## speed, as ratios within one run
	$(BIN)/python -m tests.benchmarks

lint: $(VENV)/development $(PAGE_TOOLS) ## ruff and mypy; the page's script, where npm is there
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@if [ -x $(BIOME) ]; then $(BIOME) check; else echo "no npm: the page's script is not linted"; fi

data: $(VENV)/training ## full MNIST into DATA
	$(BIN)/python -m training data --out $(DATA)

report: $(VENV)/training ## the report of RUN
	$(BIN)/python -m training report $(RUN)

clean: ## remove .venv and caches; runs and data stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are files, so that a target sets up its part once; a larger part contains the smaller.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/core: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -e .
	@touch $@

# torch and torchvision go together: they are asked for in one command.
$(VENV)/training: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) torch torchvision
	$(PIP) -e '.[training]'
	@touch $@ $(VENV)/core

$(VENV)/development: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) torch torchvision
	$(PIP) -e '.[development]'
	@touch $@ $(VENV)/training $(VENV)/core

$(PAGE_TOOLS): tests/workbook/page/package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --prefix $(<D); else mkdir -p $(@D); fi
	@touch $@
