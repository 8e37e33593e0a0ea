# What a newcomer needs: make demo, make test. Everything is set up in .venv first, and only when it changed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
ATHERIS := $(VENV)/atheris
FUZZ_SECONDS ?= 30

.DEFAULT_GOAL := help
.PHONY: help install compile demo test test-system lint bench peers fuzz docs lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(STAMP) compile  ## set up .venv with everything pinned by digest

compile: $(STAMP)  ## compile the pickle engine, if there is a C compiler
	@$(BIN)/python tools/compile.py

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "weighlock needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) compile  ## pull, inspect, approve, release and serve a real model, then run the drills
	$(BIN)/python examples/demo.py

test: lint compile  ## lint, types, layers and the quick tests
	$(BIN)/python -m pytest -n auto -m "not system" --disable-socket --allow-unix-socket --allow-hosts=127.0.0.1,127.0.0.2,::1

test-system: $(STAMP) compile  ## the tests that need system components (they say so when they skip)
	$(BIN)/python -m pytest -m system

lint: $(STAMP)  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/render_docs.py --check

bench: $(STAMP) compile  ## measure, as ratios in one run
	$(BIN)/python benchmarks/run.py

peers: $(STAMP)  ## install other inspectors for benchmarks/inspect_peers.py
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip install --quiet --require-hashes --requirement requirements/peers.txt

lock:  ## pin the requirements again (needs uv)
	for name in runtime dev interop models peers s3 atheris; do uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate requirements/$$name.in -o requirements/$$name.txt; done
	uv pip compile --quiet --python-platform linux --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate requirements/torch.in -o requirements/torch.txt

docs: $(STAMP)  ## render commands, error codes and rules into docs
	$(BIN)/python tools/render_docs.py

fuzz: $(STAMP) compile  ## property tests with many more examples, then atheris for FUZZ_SECONDS a format
	$(BIN)/python -m pytest tests/fuzz --hypothesis-profile=fuzz
	@$(MAKE) --no-print-directory $(ATHERIS)/.installed || { echo "atheris cannot be installed here: no parser was fuzzed by coverage" >&2; exit 0; }; \
	test -f $(ATHERIS)/.installed || exit 0; \
	failed=; for name in $$($(ATHERIS)/bin/python tests/fuzz/atheris_inspection.py); do \
		mkdir -p $(ATHERIS)/kept/$$name $(ATHERIS)/found; \
		$(ATHERIS)/bin/python -X weighlock_interpreted tests/fuzz/atheris_inspection.py $$name -max_total_time=$(FUZZ_SECONDS) \
			-artifact_prefix=$(ATHERIS)/found/$$name- $(ATHERIS)/kept/$$name >$(ATHERIS)/found/$$name.log 2>&1 \
			&& echo "$$name: $$(grep -a '^Done' $(ATHERIS)/found/$$name.log)" || { echo "$$name: see $(ATHERIS)/found/$$name.log" >&2; failed=1; }; \
	done; test -z "$$failed"

$(ATHERIS)/.installed: requirements/atheris.txt
	$(PYTHON) -m venv $(ATHERIS)
	$(ATHERIS)/bin/python -m pip install --quiet --require-hashes --requirement requirements/atheris.txt
	@touch $@

clean:  ## remove .venv and caches
	rm -rf $(VENV) .demo build dist src/weighlock/inspection/pickle/compiled .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
