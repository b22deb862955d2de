# `make demo` and `make test` need nothing but Python 3.11+: they make .venv and install into it.
PYTHON ?= python3
BIN := .venv/bin
UV = $(shell command -v uv || echo $(BIN)/uv)
# further groups, such as GROUPS="--group studio"
GROUPS ?=
ARGS ?=

# a test waits about a quarter of its time, most of it for its server to stop
WORKERS = $(shell $(BIN)/python -c "import os; print(os.cpu_count() + 1)")

PAGE = $(if $(wildcard app/web/dist/index.html),--page app/web/dist)

.PHONY: demo web test pages proofs check bench setup clean

demo: setup
	@$(BIN)/copilot-core demo $(PAGE) $(ARGS)

# The sample CRM with CopilotKit, which `make demo` then serves at /app/.
web:
	cd app/web && npm ci --no-audit --no-fund && npm run build

test: setup
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(ARGS)

# What needs more than Python: pages in Chromium, the LangGraph development server.
pages: setup
	$(BIN)/pytest -n auto --dist loadgroup -m "browser or studio" $(ARGS)

# What takes long: kill -9, restarts, properties, scores, clients in Node.
proofs: setup
	$(BIN)/pytest -n auto --dist loadgroup -m proof $(ARGS)

# Style, types and architecture.
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/python benchmarks/relay.py $(ARGS)

setup:
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "copilot_core needs Python 3.11 or newer")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x "$(UV)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(UV) sync --quiet --inexact --frozen $(GROUPS)

clean:
	rm -rf .venv
