# Two commands matter: `make run` and `make test`. `make` alone lists them all.
PYTHON ?= python3
EXAMPLE ?= max-digits
PORT ?= 3233
FOLDER := examples/$(EXAMPLE)
SAMPLES := $(FOLDER)/samples
URL = http://localhost:$(PORT)/api/v1/web/guest/default/$(EXAMPLE)
VENV := .venv
BIN := $(VENV)/bin
PIP := -m pip install --quiet --disable-pip-version-check

# Files of tests at a time, in their order: by default those with the fewest tests come last, and
# among them are those that take the longest.
FILES ?= 2
AT_ONCE = -n $(FILES) --dist loadfile --no-loadscope-reorder
COVERAGE := $(BIN)/coverage
LINES := --rcfile=tests/adapter/coverage.ini
test-lines test-again: export COVERAGE_FILE = $(CURDIR)/.coverage

# In servers/asgi.py alone, which an older Python never loads.
SINCE_37 := --exclude contextvars --exclude asyncio.get_running_loop

.DEFAULT_GOAL := help
.PHONY: help run test test-all test-again test-lines test-others test-pythons test-examples test-servers lint docs bench clean example adapter-image acceptance

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: example $(VENV)/.gateway .envs/$(EXAMPLE)/.ready ## the local platform with an example model: make run EXAMPLE=max-digits PORT=3233
	@printf '\nOnce it runs, in another terminal, in this folder:\n\n  %s\n\n' "$$(sed -n '/^ *curl /{s/^ *//; s#@#@$(SAMPLES)/#; s#\$$URL#$(URL)#; p; q;}' $(FOLDER)/README.md)"
	@exec $(BIN)/python -m gateway --port $(PORT) --python .envs/$(EXAMPLE)/bin/python $(FOLDER)

test: $(VENV)/.ready ## install what the tests need and run all but the slow, some 5 minutes: make test TESTS=tests/gateway
	$(BIN)/python -m pytest $(or $(TESTS),-m "not slow" $(AT_ONCE))

test-all: test-others test-pythons test-lines ## all tests, also what takes long: some 25 minutes

test-again: TESTS := --last-failed --last-failed-no-failures none
test-again: FILES := 0
test-again: AGAIN := yes
test-again: test-others test-pythons test-lines ## those that failed in test-all, one at a time

test-lines: $(VENV)/.ready ## the adapter's tests, and that they run each line and branch of it
	@$(if $(AGAIN),:,$(COVERAGE) erase $(LINES))
	$(COVERAGE) run $(LINES) -m pytest -o cache_dir=.pytest_cache/lines -m "everywhere and not timed" $(AT_ONCE) $(TESTS) tests/adapter
	$(COVERAGE) combine --append --quiet $(LINES)
	$(COVERAGE) report $(LINES)

test-others: $(VENV)/.ready ## all other tests: of the gateway, images, examples, pages
	$(BIN)/python -m pytest -o cache_dir=.pytest_cache/others -m "not everywhere or timed" $(AT_ONCE) $(TESTS)

test-pythons: $(VENV)/.ready ## the adapter's tests on Python 3.6 to 3.13, with what the MAX images hold
	@$(BIN)/python -m tests.adapter.on_each_python $(TESTS)

test-examples: $(VENV)/.ready ## every example, some 5 minutes; writes tests/examples/RESULTS.md
	EXAMPLES_RESULTS=tests/examples/RESULTS.md $(BIN)/python -m pytest tests/examples
	@$(BIN)/python -m docs.generate

test-servers: $(VENV)/.ready ## every server of tests/servers against itself; writes tests/servers/RESULTS.md (some 3 GB of packages)
	SERVERS=all SERVERS_RESULTS=tests/servers/RESULTS.md $(BIN)/python -m pytest tests/servers
	@$(BIN)/python -m docs.generate

acceptance: ## the examples on any OpenWhisk: make acceptance APIHOST=https://... AUTH=uuid:key REGISTRY=...
	@AUTH="$(AUTH)" $(PYTHON) -m acceptance --apihost "$(APIHOST)" --registry "$(REGISTRY)" $(if $(EXAMPLES),--examples $(EXAMPLES)) $(OPTIONS)

lint: $(VENV)/.ready ## style, types, and that the adapter stays within Python 3.6
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict gateway images layer.py
	$(BIN)/mypy --strict openwhisk.py openwhisk_adapter
	$(BIN)/mypy --strict acceptance --exclude acceptance/probe
	$(BIN)/vermin --quiet --no-tips --violations -t=3.6- $(SINCE_37) openwhisk.py openwhisk_adapter

docs: $(VENV)/.ready ## the pages as a website, in site/
	$(BIN)/python -m docs.site

bench: $(VENV)/.ready .envs/max-digits/.ready ## compare with the model's own server, with standalone's figures, with docker build: some 25 minutes
	$(BIN)/python -m benchmarks

adapter-image: ## an image with the adapter alone, for COPY --from in a Dockerfile of one's own
	@$(PYTHON) -m images adapter

clean: ## remove all that make and the tests have made
	rm -rf $(VENV) .envs .pytest_cache .ruff_cache .hypothesis .coverage*

example:
	@test -f $(FOLDER)/requirements.txt || { echo "There is no example '$(EXAMPLE)': it is one of $(patsubst examples/%/requirements.txt,%,$(wildcard examples/*/requirements.txt)); examples/compose is started as its README says" >&2; exit 2; }

# What is marked as made was made to its end: Ctrl-C may leave a Python without a whole pip.
$(VENV)/.made:
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv --clear $(VENV) || $(call fail,$(PYTHON) couldn't make $(VENV): Python 3.9 or newer with venv was expected (on Debian the package python3-venv))
	@touch $@

$(VENV)/.gateway: requirements/gateway.txt $(VENV)/.made
	@echo "Installing what the gateway needs"
	$(call install,$(BIN)/python,requirements/gateway.txt)
	@touch $@

$(VENV)/.ready: $(wildcard requirements/*.txt) $(VENV)/.made
	@echo "Installing what the tests need: about a minute"
	$(call install,$(BIN)/python,requirements/test.txt)
	@touch $@ $(VENV)/.gateway

.envs/%/.ready: examples/%/requirements.txt
	@test ! -e examples/$*/check.sh || sh examples/$*/check.sh
	@echo "Installing what examples/$* needs: a minute, more for large packages"
	@$$(cat examples/$*/venv 2>/dev/null || echo $(PYTHON) -m venv) --clear .envs/$*
	$(call install,.envs/$*/bin/python,$<)
	@touch $@

fail = { echo "$(1)" >&2; exit 1; }
install = @$(1) $(PIP) -r $(2) || $(call fail,pip couldn't install $(2): is there a network? (HTTPS_PROXY names a proxy; PIP_INDEX_URL a mirror))
