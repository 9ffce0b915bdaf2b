# Everything a newcomer or a CI machine runs. Each target makes .venv first, from nothing, once.
PYTHON ?= python3

BIN := .venv/bin
STAMP := .venv/installed
# Tiny matrices gain nothing from threads, and lose much where other work shares the cores.
PYTHON1 := OMP_NUM_THREADS=1 $(BIN)/python
PYTEST := $(PYTHON1) -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test check bench nightly clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

# auto_LiRPA's own metadata refuses every torch of this decade, hence --no-deps; it is optional, hence the "||".
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,auto-lirpa,scip]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps auto_LiRPA \
		|| echo "auto_LiRPA could not be installed: the method auto-lirpa is not available, everything else is."
	touch $@

demo: $(STAMP) ## train a small digits classifier, save it, certify the saved file
	$(PYTHON1) -m certify demo

test: $(STAMP) ## the whole test suite, on up to four cores
	$(PYTEST) -n auto --maxprocesses 4 --dist worksteal

check: $(STAMP) ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(STAMP) ## speed, as ratios against auto_LiRPA on this machine
	$(BIN)/python -m benchmarks run speed

nightly: $(STAMP) ## the suite with 10,000 random cases a property, long fuzz runs included
	$(PYTEST) --hypothesis-profile=nightly -m "" --timeout=14400

clean: ## remove what the targets made, .venv included
	rm -rf .venv build dist *.egg-info runs/demo .pytest_cache .ruff_cache .hypothesis .import_linter_cache
