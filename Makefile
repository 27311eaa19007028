# make demo and make test work from an empty clone: each makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test engines soak bench lint format wheel clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# The stamp is written last, so an install that was cut off is done again.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"posebeam needs Python 3.11 or newer, this is {sys.version.split()[0]}; try make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

test: .venv/installed  ## the tests, without network or GPU
	$(BIN)/python -m pytest -n 2 --dist loadgroup

# Java, Maven and Go, where they are there, bring Spark, Flink and Prism; tests/engines skips what is not.
engines: .venv/installed  ## fetch the engines that make test then runs builds on: Spark, Flink, Prism
	$(BIN)/python tests/engines/fetch.py

# The same tests as tests/soak in make test, at the sizes of tests/soak/conftest.py, and the networks too dear for it. A
# quarter of an hour. Change no code meanwhile: processes that start later would run another.
soak: .venv/installed  ## the eleven checks of what it survives at full size, with figures; the dearest networks
	$(BIN)/python -m pytest tests/soak tests/models --soak --soak-json soak.json --timeout 3600

# make bench CLIPS=FOLDER takes videos of yours, laid out as <label>/<clip>; BENCH passes flags and rows on:
# make bench BENCH='decode chain --rounds 3'. The first run makes environments for the rivals below .bench.
CLIPS ?= tests/media/actions
bench: .venv/installed  ## speed and memory side by side with what people would use instead; about an hour
	$(BIN)/python tests/bench/run.py $(BENCH) --clips $(CLIPS)

# The videos are excerpts of a few seconds: two classes, ten clips. What counts is that every step runs.
demo: .venv/installed  ## the main job on shipped videos: build, train, evaluate, overlay
	$(BIN)/posebeam run tests/media/actions demo --epochs 10
	$(BIN)/posebeam check demo/data
	@echo 'The score is of two test clips: it means nothing but that the whole way works. Now take your own videos.'

# An editable install of a package map is invisible to mypy and import-linter: they get a tree of links.
.lint/posebeam: .venv/installed
	rm -rf .lint && mkdir -p .lint/posebeam
	for room in transforms models pipelines workflows; do ln -s ../../$$room .lint/posebeam/$$room; done
	ln -s ../../workflows/api/__init__.py ../../workflows/api/py.typed .lint/posebeam/

lint: .lint/posebeam  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .lint/posebeam
	PYTHONPATH=.lint $(BIN)/lint-imports --no-cache

format: .venv/installed  ## put the code into ruff's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove everything that make made
	rm -rf .venv .lint .bench .engines build dist demo *.egg-info
