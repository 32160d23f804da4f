# Two commands do everything: `make serve` and `make test`. All set up .venv first,
# and again only when pyproject.toml or constraints.txt changed.
PYTHON ?= python3
BIN := .venv/bin
export NO_MKDOCS_2_WARNING := 1

.PHONY: serve test build offline install cpu clean

serve: .venv/installed
	$(BIN)/mkdocs serve --no-strict

test: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pytest --numprocesses auto --dist loadfile

build: .venv/installed
	$(BIN)/mkdocs build

# the site for a reader without a network: unpack, open index.html
offline: .venv/installed
	SITE_URL= OFFLINE=true $(BIN)/mkdocs build --site-dir site-offline
	rm -f chain-rule-offline.zip
	$(BIN)/python -m zipfile -c chain-rule-offline.zip site-offline
	@du -sh site-offline chain-rule-offline.zip

install: .venv/installed

# Once, before the others, on Linux without a GPU, where the usual torch brings gigabytes of
# CUDA: `make cpu TORCH_INDEX=…` with the CPU index that PyTorch's installation page names.
cpu:
	@test -n "$(TORCH_INDEX)" || { echo "expected TORCH_INDEX=the address of PyTorch's index for the CPU"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps --index-url "$(TORCH_INDEX)" torch

clean:
	rm -rf .cache site site-offline chain-rule-offline.zip .site*.new

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"expected Python 3.11 or newer, got {sys.version.split()[0]}: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[docs,test]"
	touch $@
