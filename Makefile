# The front door: `make up` runs the platform on this machine, `make test` runs everything that CI runs.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Everything that this repository installs, by hash; the mark is written last, so a half-made environment is made again.
READY  := $(VENV)/ready
REHEARSAL := $(BIN)/python -m rehearsal

HTTP_PORT  ?=
HTTPS_PORT ?=
N ?= 1000
A ?= staging
B ?= production

.DEFAULT_GOAL := help
.PHONY: help up down status traffic shell doctor clean tools test format lint types unit lock golden config-diff demo bench bench-releases

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "$(PYTHON) is missing or older than 3.11: install Python 3.11 or newer, or name one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 3; }
	@echo "Preparing the Python environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "$(PYTHON) could not make $(VENV) (see above); often its venv module is missing (Debian: apt-get install python3-venv)" >&2; exit 3; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

up: $(READY) ## bring the platform up on this machine and send traffic through it
	@$(REHEARSAL) up $(if $(HTTP_PORT),--http-port $(HTTP_PORT)) $(if $(HTTPS_PORT),--https-port $(HTTPS_PORT))

down: $(READY) ## stop the platform; its state is kept
	@$(REHEARSAL) down

status: $(READY) ## what runs, and since when
	@$(REHEARSAL) status

traffic: $(READY) ## send N requests through the gateway, show how they were split, keep the figures as JSON
	@$(REHEARSAL) traffic --requests $(N) --file .rehearsal/traffic.json

shell: $(READY) ## a shell in which pulumi and kubectl speak to this platform
	@$(REHEARSAL) shell

doctor: $(READY) ## what this machine has, and what would be built
	@$(REHEARSAL) doctor

tools: $(READY) ## build or find the toolchain, and nothing else
	@$(REHEARSAL) tools

clean: $(READY) ## stop the platform and forget its state and the Python environment
	@$(REHEARSAL) clean
	@rm -rf $(VENV)

config-diff: $(READY) ## in what the configurations of two stacks differ: A=staging B=production
	@$(BIN)/python -m config_diff $(A) $(B)

demo: $(READY) ## a release, a fault, a way back and a death of the tool, on the running platform with real traffic
	@$(REHEARSAL) demo

bench: $(READY) ## figures of the running platform, each beside a peer
	@$(BIN)/python -m benchmarks.platform

bench-releases: $(READY) ## how fast releases are taken back, beside peers
	@$(BIN)/python -m benchmarks.releases

test: format lint types tools unit ## everything that CI runs

format: $(READY)
	@$(BIN)/ruff format --check .

lint: $(READY)
	@$(BIN)/ruff check .

types: $(READY)
	@$(BIN)/mypy

# Two at a time: most tests wait for processes of their own. Those that bring the whole platform up come last, by themselves, and
# those of releases on a platform of their own.
unit: $(READY)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not endtoend"
	@$(BIN)/python -m pytest -m endtoend --ignore-glob='*/test_release*' tests/endtoend
	@$(BIN)/python -m pytest tests/endtoend/test_release*.py

golden: $(READY) ## write the golden files anew; read the difference before you commit it
	@$(BIN)/python -m pytest --snapshot-update tests/golden tests/release/report

lock: $(READY) ## choose versions anew and write requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --all-extras pyproject.toml -o requirements.txt
