# make run     a company to try at http://127.0.0.1:8069
# make test    everything is checked and tested
# make check   the checks alone: style, types, who may import whom, words
# make faults  things are broken on purpose for 20 minutes: SHORT=1 nine, FULL=1 ninety; PARTS="kills soak", SEED=1
# make translations   collects the texts of screens into the catalogues of each language
# make pictures    takes the pictures of docs/clerk.md from the running product; needs Chromium

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable

# The suite starts the command many times: what Python compiled is kept, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check faults pictures translations
.DELETE_ON_ERROR:

run: .venv/installed
	@$(BIN)/erp init --demo
	@exec $(BIN)/erp serve --worker

test: check
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder

check: .venv/installed-test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.support.words

faults: .venv/installed-test
	$(BIN)/python -m tests.faults $(PARTS) --size $(if $(FULL),full,$(if $(SHORT),short,usual)) $(if $(SEED),--seed $(SEED))

pictures: .venv/installed-test
	$(BIN)/python -m tests.support.pictures

translations: .venv/installed-test
	$(BIN)/python -m erp.catalogues

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	@echo "Installing into .venv ..."
	@$(PYTHON) -m venv .venv

.venv/installed: setup.cfg pyproject.toml constraints.txt | .venv/bin/python
	@$(INSTALL) .
	@touch $@

.venv/installed-test: setup.cfg pyproject.toml constraints.txt | .venv/bin/python
	$(INSTALL) '.[test]'
	@touch .venv/installed $@
