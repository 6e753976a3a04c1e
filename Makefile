# Rekindle's verbs. `make demo` and `make test` are all a fresh machine needs (Python >= 3.11, make).
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
DEMO_SECONDS ?=
CATALOG ?=

help: ## Show the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | awk -F'\t' '{printf "  make %-15s %s\n", $$1, $$2}'

.venv/run: requirements/run.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Node is for checking the tag and for the browser tests only; without it they are left out and say so.
NODE_READY := $(shell node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null && echo yes)
BROWSER_TOOLS := $(if $(NODE_READY),tools/browser/node_modules/.ready)
ORACLES := $(if $(NODE_READY),tools/fuzz/node_modules/.ready)
FUZZ_COUNT ?= 1000000
SOAK_MINUTES ?= 10

tools/browser/node_modules/.ready: tools/browser/package.json tools/browser/package-lock.json
	cd tools/browser && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

tools/fuzz/node_modules/.ready: tools/fuzz/package.json tools/fuzz/package-lock.json
	cd tools/fuzz && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: .venv/run ## Start everything with simulated shoppers (DEMO_SECONDS=30 ends by itself; CATALOG=FILE uses your feed)
	$(BIN)/rekindle demo $(if $(DEMO_SECONDS),--seconds $(DEMO_SECONDS)) $(if $(CATALOG),--catalog $(CATALOG))

test: .venv/run $(BROWSER_TOOLS) $(ORACLES) ## Run the tests (browser tests need Node >= 20)
	$(BIN)/python -m pytest -n auto --dist loadgroup

explore: .venv/run ## Run the property tests with examples that nobody has seen (`make test` always takes the same)
	$(BIN)/python -m pytest -q -n auto --dist loadgroup -m "hypothesis and not cluster" --hypothesis-profile explore

torture: .venv/run ## Break it on purpose: 4000 crash images, 200 kill cycles (CYCLES=, SEED=; report in build/torture)
	REKINDLE_CRASH_IMAGES=4000 $(BIN)/python -m pytest -q tests/engines/log/test_crash_images.py
	rm -rf build/torture
	$(BIN)/rekindle torture --cycles $(or $(CYCLES),200) --seed $(or $(SEED),1) --folder build/torture

torture-kafka: .venv/run ## The same on three Kafka brokers and PostgreSQL, which are killed too: 200 cycles (CYCLES=, SEED=; Java, Maven)
	rm -rf build/torture-kafka
	$(BIN)/python -m tools.torture --cycles $(or $(CYCLES),200) --seed $(or $(SEED),1) --folder build/torture-kafka

# The rooms that keep state; the others do not notice which database there is.
STATE_TESTS := tests/engines/test_database.py tests/engines/test_log_view.py tests/audiences tests/profiles \
	tests/egress/test_lane.py tests/egress/test_sharing.py tests/egress/test_asking.py tests/egress/test_decisions.py tests/egress/test_removal.py \
	tests/egress/test_credentials.py tests/egress/test_renewal.py tests/egress/test_isolation.py tests/egress/test_replacing.py \
	tests/egress/test_audience_lane.py tests/egress/test_audience_decisions.py tests/engines/test_lease.py tests/privacy \
	tests/workspace/test_versions.py tests/feeds/push/test_engine.py tests/feeds/push/test_meta.py

test-cluster: .venv/run ## Run the log on Kafka, the state on PostgreSQL, and cluster mode (needs Java and Maven)
	REKINDLE_TEST_DATABASE=postgresql $(BIN)/python -m pytest -q -n auto $(STATE_TESTS)
	$(BIN)/python -m pytest -q -m cluster tests/engines/log tests/cluster
	$(MAKE) --no-print-directory torture-kafka CYCLES=6

lint: .venv/run $(BROWSER_TOOLS) ## Check format, style, types, import contracts and the tag's size
	$(BIN)/ruff format --check src tests tools
	$(BIN)/ruff check src tests tools
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.tag_size
	$(if $(NODE_READY),cd tools/browser && npm run --silent check,@echo "lint: no Node >= 20, so the tag's types were not checked")

bench: .venv/run ## Measure; prints ratios within one run (docs/benchmarks.md)
	$(BIN)/python -m tools.bench

bench-privacy: .venv/run $(ORACLES) ## Measure consent strings, decisions, seals, the ledger and the redaction
	$(BIN)/python -m tools.bench privacy

bench-gateway: .venv/run ## Measure the gateway against others on one core (walkerOS needs Node)
	$(BIN)/python -m tools.bench gateway

bench-egress: .venv/run ## Measure the way out to a simulated platform: events a core, requests, isolation, restart
	$(BIN)/python -m tools.bench egress

bench-cluster: .venv/run ## Measure two gateways and two workers on Kafka, and a broker that dies under load (Java, Maven)
	$(BIN)/python -m tools.bench cluster

soak: .venv/run ## Run gateway and worker with every destination down, then catch up (SOAK_MINUTES=10)
	$(BIN)/python -m tools.soak --minutes $(SOAK_MINUTES)

fuzz-gateway: .venv/run ## Send a million broken bodies through the decoder and the door, then as many guided by coverage (atheris)
	$(BIN)/python -m tools.fuzz.gateway --count $(FUZZ_COUNT)
	@if $(BIN)/python -c 'import atheris' 2>/dev/null; then $(BIN)/python -m tools.fuzz.guided --runs $(FUZZ_COUNT); \
		else echo "fuzz: the part guided by coverage was skipped: there is no atheris here (pip install --group fuzz)"; fi

fuzz: .venv/run $(ORACLES) ## Read a million generated and broken consent strings beside the reference packages (needs Node >= 20)
	$(BIN)/python -m tools.fuzz --count $(FUZZ_COUNT)

bench-feeds: .venv/run ## Measure the feed engine against lxml, Node and PHP (ITEMS=100000 for a tenth)
	$(BIN)/python -m tools.bench feeds $(if $(ITEMS),--items $(ITEMS))

bench-push: .venv/run ## Measure one price from the shop's webhook to the platform, at 100,000 items
	$(BIN)/python -m tools.bench push

docs: .venv/run ## Write the generated parts of docs/ again
	$(BIN)/python -m tools.docs

bench-quality: .venv/run ## Measure quality reports of feeds and their pages, time and memory (ITEMS=100000 for a tenth)
	$(BIN)/python -m tools.bench quality $(if $(ITEMS),--items $(ITEMS))

.PHONY: help demo test explore lint bench bench-feeds bench-push bench-quality bench-privacy bench-gateway bench-egress soak fuzz fuzz-gateway docs torture torture-kafka bench-cluster test-cluster
