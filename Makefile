# Two commands do everything: `make run` and `make test`. `make help` lists the rest.
#
# There is one release build (run, bench, soak) and one debug build (test): no target builds a configuration in a second way, because
# a clean build takes minutes (two copies of BoringSSL come with the dependencies).

SHELL := /bin/bash
.DEFAULT_GOAL := help

RELEASE := .build/release
VENV := .venv/.stamp

REQUESTS ?= 1000000
RESTARTS ?= 100
STORE ?= sqlite
# Of measurements, and of crashes.
CRASH_ROUNDS := $(or $(ROUNDS),50)
ROUNDS ?= 5
ROUND_SECONDS ?= 3
MINUTES ?= 10

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: release ## Build and start Roost on this machine (ROOST_PORT, ROOST_DATA_DIR; STORE=postgres); Ctrl-C stops it
ifeq ($(STORE),postgres)
	@deploy/install-packages postgres
	@exec deploy/with-private-postgres "$${ROOST_DATA_DIR:-.roost}" $(RELEASE)/roost dev
else
	@exec $(RELEASE)/roost dev
endif

.PHONY: test
test: debug $(VENV) ## Build and run all tests
	@echo "Testing"
	@tests/run .build/debug/roostPackageTests.xctest "$(XUNIT)" "$(FILTER)"

.PHONY: client
client: $(VENV) ## Install the official Python MCP client into .venv

.PHONY: lint
lint: ## Check formatting, and that modules import each other only in the order of shared/order.txt
	@swift format lint -s -p -r Package.swift services shared tests
	@swift package describe --type json > .build/describe.json
	@python3 tests/lint/import_order.py .build/describe.json shared/order.txt

.PHONY: format
format: ## Format all Swift sources in place
	@swift format -i -p -r Package.swift services shared tests

.PHONY: bench
bench: release $(VENV) ## Measure, each figure beside its yardstick (ROUNDS, ROUND_SECONDS, ONLY=group,group; docs/benchmarks.md)
	@deploy/install-packages bench postgres
	@.venv/bin/python tests/benchmarks/bench.py --build $(RELEASE) --rounds $(ROUNDS) --seconds $(ROUND_SECONDS) $(if $(ONLY),--only $(ONLY))

.PHONY: soak-channel
soak-channel: release ## A million requests through the channel over a hundred restarts (REQUESTS, RESTARTS)
	@$(RELEASE)/channel-soak --requests $(REQUESTS) --restarts $(RESTARTS)

.PHONY: crash-test
crash-test: release ## Kill services and PostgreSQL under write load; all that was acknowledged is there (ROUNDS of each kind)
	@deploy/install-packages test
	@python3 tests/load/crash-test/run.py --build $(RELEASE) --rounds $(CRASH_ROUNDS)

.PHONY: chaos
chaos: release $(VENV) ## Kill, stop, cut off and replace everything under a hundred clients (MINUTES, SEED, BREAK=fencing; needs root)
	@deploy/install-packages test chaos
	@.venv/bin/python tests/load/chaos/run.py --build $(RELEASE) --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(BREAK),--break $(BREAK))

.PHONY: containers
containers: release $(VENV) ## Build the image and try deploy/compose.yaml on a Docker engine of its own (needs root)
	@tests/containers/run || [ $$? = 77 ]

.PHONY: release
release:
	@deploy/install-packages build run
	@echo "Building (release); the first time takes several minutes"
	@swift build -c release --quiet

.PHONY: debug
debug:
	@deploy/install-packages build run test
	@echo "Building (debug); the first time takes several minutes"
	@swift build --build-tests --quiet

# Python programs of the tests and benchmarks: the official MCP client, pinned.
$(VENV): tests/requirements.txt
	@deploy/install-packages test
	@echo "Installing Python packages into .venv"
	@python3 -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@
