METHOD  ?=
DATA    ?= hmm
SEED    ?= 0
BUDGET  ?= quick
DEVICES ?= auto
FORCE   ?=
# A folder of data sets beside the checkout is read where there is one; without, data are downloaded.
DATA_DIR ?= $(wildcard ../shared/data/$(DATA))

STAMP := .venv/.installed
RUN   := .venv/bin/python -m
FOUND  = $(firstword $(foreach python,python3.11 python3.12 python3.13 python3,$(shell \
	$(python) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $(python))))
PYTHON ?= $(FOUND)

.DEFAULT_GOAL := help
.PHONY: help setup bench test lint smoke tables

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with the pinned dependencies; the other targets call it
$(STAMP): pyproject.toml constraints.txt
	@python="$(PYTHON)"; \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	|| { echo "setup: Python 3.11 or newer with its venv module is needed$${python:+, and $$python is not}; name one with PYTHON=/path/to/python3" >&2; exit 1; }; \
	command -v $(CXX) >/dev/null \
	|| { echo "setup: a C++ compiler is needed to build kenlm, and $(CXX) was not found" >&2; exit 1; }; \
	test -x .venv/bin/python || "$$python" -m venv .venv
	@echo "setup: installing into .venv; kenlm is compiled, so this takes some minutes"
	.venv/bin/pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

bench: ## make bench METHOD=nagan [DATA=hmm SEED=0 BUDGET=quick DEVICES=auto DATA_DIR= FORCE=1]: train, test, print the row
	@test -n "$(METHOD)" || { echo "bench: METHOD is missing, for example: make bench METHOD=nagan" >&2; exit 2; }
	@$(MAKE) --no-print-directory $(STAMP)
	@$(RUN) textgan_bench bench $(METHOD) --data $(DATA) --seed $(SEED) --budget $(BUDGET) \
		--devices $(DEVICES) $(if $(DATA_DIR),--data_dir $(DATA_DIR)) $(if $(FORCE),--force)

smoke: METHOD := $(or $(METHOD),nagan)
smoke: $(STAMP) ## make smoke [METHOD=nagan DATA=hmm]: the whole of bench in a minute, writing no record
	@$(RUN) textgan_bench bench $(METHOD) --data $(DATA) --seed $(SEED) --budget smoke \
		--devices $(DEVICES) $(if $(DATA_DIR),--data_dir $(DATA_DIR)) --force

test: $(STAMP) ## run the default tests; make test ARGS='-m slow' selects others
	@$(RUN) pytest $(ARGS)

lint: $(STAMP) ## check style, format and types
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

tables: $(STAMP) ## render leaderboard/tables from the records
	@$(RUN) textgan_bench.leaderboard
