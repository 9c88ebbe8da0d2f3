METHOD  ?=
DATA    ?= hmm
SEED    ?= 0
BUDGET  ?= quick
DEVICES ?= auto
FORCE   ?=
EXTRAS  ?=
SET     ?=
RECORD  ?=
TENSORBOARD ?=
DATA_DIR ?=
TOKENISED ?=
ARGS     ?=
INSIDE   ?=
METHODS  ?=
NAME     ?=
COLUMNS  ?=
FORMAT   ?= md
SEEDS    ?= 0
CLUSTER  ?= local
PARTITION ?=
PER_DEVICE ?= 1
HOURS    ?= 24
RETRIES  ?= 2
SBATCH   ?=
DATASETS ?= $(wildcard ../shared/data)
LMPLZ    ?= build/kenlm/bin/lmplz

# Threads wait for each other asleep, as other programs may use the processors, too: openmp.py.
ifeq ($(GOMP_SPINCOUNT)$(OMP_WAIT_POLICY),)
export GOMP_SPINCOUNT := 6000
endif

RUN   := .venv/bin/python -m
STAMP := .venv/.installed

# Its argument, if that is a Python that can make .venv and compile kenlm; empty otherwise.
suits  = $(shell $(or $(1),false) -c 'import ensurepip, os, sys, sysconfig, venv; \
	headers = os.path.join(sysconfig.get_path("include"), "Python.h"); \
	sys.exit(sys.version_info < (3, 11) or not os.path.exists(headers))' 2>/dev/null && echo $(1))
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(call suits,$(name))))

# Its argument as one word of the shell, whatever blanks and quotes it holds.
quoted   = '$(subst ','\'',$(1))'
place    = $(if $(DATA_DIR),--data_dir $(call quoted,$(DATA_DIR))) $(if $(TOKENISED),--tokenised)
settings = --data $(call quoted,$(DATA)) $(place) --seed $(SEED) --devices $(call quoted,$(DEVICES))

# Shells put the width of the terminal into the environment under this name.
columns  = $(if $(filter command,$(firstword $(origin COLUMNS))),$(COLUMNS))

# A misspelt variable would be passed over in silence, and the default run in its place.
given     = $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
VARIABLES := $(shell sed -n 's/^\([A-Z_]*\) *?=.*/\1/p' $(firstword $(MAKEFILE_LIST))) CXX
# Those of a grid or a table mean nothing to other targets, nor those of one run to a grid.
OF_GRID   := METHODS SEEDS CLUSTER PARTITION PER_DEVICE HOURS RETRIES SBATCH
OF_TABLE  := NAME METHODS COLUMNS FORMAT
own       := $(firstword $(filter grid table,$(MAKECMDGOALS)))
VARIABLES := $(if $(filter grid,$(own)),$(OF_GRID) DATA BUDGET PYTHON CXX,$(if $(filter table,$(own)),\
	$(OF_TABLE) PYTHON CXX,$(filter-out $(OF_GRID) $(OF_TABLE),$(VARIABLES))))
strange   := $(firstword $(filter-out $(VARIABLES),$(given)))
meant     = $(shell $(or $(PYTHON),false) -c 'import sys; from textgan_bench.errors import meant; \
	print(meant(sys.argv[1], sys.argv[2:]))' $(call quoted,$(strange)) $(VARIABLES) 2>/dev/null)
$(if $(strange),$(error $(strange) is not a variable of $(if $(own),make $(own),this Makefile)$(meant): $(VARIABLES); \
	one of the environment comes before make))

.DEFAULT_GOAL := help
.PHONY: help setup bench grid table data smoke sweep test lint speed tables site figures

help: ## list the targets
	@awk -F ': .*## ' '/^[a-z]+: .*## / {printf "%-8s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## make .venv with the pinned dependencies; the other targets call it when it is stale

$(STAMP): pyproject.toml constraints.txt
	$(if $(call suits,$(PYTHON)),,$(error Python 3.11 or newer with venv and C headers is needed, \
		$(or $(PYTHON),python3) is not; name one with PYTHON=/path/to/python3))
	$(if $(shell command -v $(CXX) 2>/dev/null),,$(error A C++ compiler is needed to build kenlm \
		and $(CXX) is not found; name one with CXX=/path/to/c++))
	@echo "Installing into .venv: downloads, then kenlm is compiled; some minutes the first time"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	$(RUN) pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

bench: $(if $(METHOD),$(STAMP)) ## train, test and print the row: METHOD=nagan [DATA=hmm SEED=0 or SEED='0 1 2' BUDGET=quick DEVICES=auto DATA_DIR=... TOKENISED=1 FORCE=1 EXTRAS=nearest SET='model.init_args.generator_lr=1e-4' RECORD=1 TENSORBOARD=1]
	$(if $(METHOD),,$(error METHOD is missing, for example: make bench METHOD=nagan))
	@$(RUN) textgan_bench bench $(call quoted,$(METHOD)) $(settings) \
		--budget $(call quoted,$(BUDGET)) $(if $(FORCE),--force) $(if $(EXTRAS),--extras $(EXTRAS)) \
		$(if $(SET),--set $(foreach change,$(SET),$(call quoted,$(change)))) $(if $(RECORD),--record) \
		$(if $(TENSORBOARD),--tensorboard)

grid: $(if $(METHODS),$(STAMP)) ## bench for all rows without a record, side by side: METHODS='nagan mle' [DATA='hmm coco' SEEDS='0 1 2' BUDGET=quick PER_DEVICE=1 RETRIES=2; CLUSTER=slurm PARTITION=... HOURS=24 SBATCH='gpus-per-node=1 mem=16G']
	$(if $(METHODS),,$(error METHODS is missing, for example: make grid METHODS='nagan mle'))
	@$(RUN) textgan_bench grid $(METHODS) --data $(foreach name,$(DATA),$(call quoted,$(name))) \
		--seeds $(SEEDS) --budget $(call quoted,$(BUDGET)) --cluster $(call quoted,$(CLUSTER)) \
		$(if $(PARTITION),--partition $(call quoted,$(PARTITION))) --per_device $(PER_DEVICE) \
		--hours $(HOURS) --retries $(RETRIES) \
		$(if $(SBATCH),--sbatch $(foreach option,$(SBATCH),$(call quoted,$(option))))

table: $(if $(NAME),$(STAMP)) ## a paper's table, our scores below its own: NAME=nagan-table2 [METHODS='mle nagan' COLUMNS='COCO SNLI-FED' FORMAT=md, csv or tex]
	$(if $(NAME),,$(error NAME is missing, for example: make table NAME=nagan-table2))
	@$(RUN) textgan_bench table $(call quoted,$(NAME)) --format $(call quoted,$(FORMAT)) \
		$(if $(METHODS),--methods $(METHODS)) \
		$(if $(columns),--columns $(foreach column,$(columns),$(call quoted,$(column))))

data: $(STAMP) ## download and encode a data set before it is needed: DATA=snli [DATA_DIR=...], or DATA=all
	@$(RUN) textgan_bench data $(call quoted,$(DATA)) $(place)

smoke: $(STAMP) ## a minute of everything bench does, without a record: [METHOD=nagan DATA=hmm]
	@$(RUN) textgan_bench bench $(call quoted,$(or $(METHOD),nagan)) $(settings) \
		--budget smoke --force

sweep: $(if $(METHOD),$(STAMP)) ## score a trained run along its knob and draw the curves of its table: METHOD=nagan [DATA=hmm SEED=0 BUDGET=quick]
	$(if $(METHOD),,$(error METHOD is missing, for example: make sweep METHOD=nagan))
	@$(RUN) textgan_bench sweep $(foreach seed,$(SEED),\
		$(call quoted,runs/$(DATA)/$(METHOD)/$(BUDGET)-seed$(seed)))

# A process a processor. Each costs seconds of imports, so that more than eight gain nothing.
test: $(STAMP) ## the default tests, as many at once as there are processors: [ARGS='-m slow']
	@OMP_NUM_THREADS=1 $(RUN) pytest -n auto --maxprocesses 8 --dist worksteal $(ARGS)

lint: $(STAMP) ## style, format and types
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy

speed: .venv/.speed ## measure every claim on speed into benchmarks/speed/results.md and history.csv: [DATASETS=folder LMPLZ=file]
	@LMPLZ=$(call quoted,$(LMPLZ)) OMP_NUM_THREADS=1 $(RUN) benchmarks.speed \
		$(if $(DATASETS),--data_dir $(call quoted,$(DATASETS)))

.venv/.speed: $(STAMP)
	$(RUN) pip install --disable-pip-version-check --constraint constraints.txt --editable '.[speed]'
	@test -x $(call quoted,$(LMPLZ)) || benchmarks/speed/build_lmplz.sh .venv/bin/python || \
		echo "lmplz was not built (is Boost there?): it will be missing in the table"
	@touch $@

tables: $(STAMP) ## render leaderboard/tables and the tables within other pages from the records, docs/api.md from the code
	@$(RUN) textgan_bench.leaderboard
	@$(RUN) textgan_bench.leaderboard.schema
	@$(RUN) benchmarks.figures.pages
	@$(RUN) benchmarks.figures.api

site: $(STAMP) ## write leaderboard/site/index.html, a page of all records, curves and samples for a browser
	@$(RUN) textgan_bench.leaderboard.site

figures: $(STAMP) ## write the tables within pages, draw docs/figures, those of the papers from the runs there are: [BUDGET=quick SEED=0], or a look inside one run, of NAGAN or of a decipherment: INSIDE=runs/coco/nagan/quick-seed0
	$(if $(INSIDE),,@$(RUN) benchmarks.figures.pages)
	@$(RUN) benchmarks.figures --budget $(call quoted,$(BUDGET)) --seed $(firstword $(SEED)) \
		$(if $(INSIDE),--inside $(call quoted,$(INSIDE)))
