# Two commands do everything: `make serve` and `make test`. All set up .venv first,
# and again only when pyproject.toml or constraints.txt changed.
PYTHON ?= python3
BIN := .venv/bin
export NO_MKDOCS_2_WARNING := 1

.PHONY: serve test build offline clean

serve: .venv/installed
	$(BIN)/mkdocs serve --no-strict

test: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pytest

build: .venv/installed
	$(BIN)/mkdocs build

# the site for a reader without a network: unpack, open index.html
offline: .venv/installed
	SITE_URL= OFFLINE=true $(BIN)/mkdocs build --site-dir site-offline
	rm -f chain-rule-offline.zip
	$(BIN)/python -m zipfile -c chain-rule-offline.zip site-offline
	@du -sh site-offline chain-rule-offline.zip

clean:
	rm -rf .cache site site-offline chain-rule-offline.zip .site*.new

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"expected Python 3.11 or newer, got {sys.version.split()[0]}: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[docs,test]"
	touch $@
