# The only commands a newcomer needs. `make` lists them.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
export PORT

.PHONY: help demo serve stack test faults bench check lock vendor clean
.DEFAULT_GOAL := help

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.runtime ## Fill a small office under var/ and serve it (PORT=8123)
	@exec $(BIN)/python manage.py demo --serve

serve: .venv/.runtime ## Serve what is under var/; an empty folder opens the first-run page
	@exec $(BIN)/python manage.py serve

stack: .venv/.dev ## Two nodes behind nginx, PostgreSQL, Redis and Celery on this machine, with the demo office (PORT=8123)
	@exec $(BIN)/python -m tools.stack

test: .venv/.dev ## Run every test on SQLite, then on PostgreSQL and Redis
	@$(BIN)/python -m tests

faults: .venv/.dev ## Attack the record 10,000 times, kill its writer 300 times, and break delivery for some hours
	@ONRECORD_FAULTS_MUTATIONS=10000 ONRECORD_FAULTS_ALONE=5000 ONRECORD_FAULTS_CLEAN=200 ONRECORD_FAULTS_FILES=50 \
		ONRECORD_FAULTS_PACKAGES=700 ONRECORD_FAULTS_KILLS=25 ONRECORD_FAULTS_LONG=1 $(BIN)/python -m tests -rP tests/faults/tampering \
		tests/faults/test_failpoints.py tests/faults/test_disposal_kills.py tests/faults/test_rotation_kills.py tests/faults/delivery \
		tests/security/test_ended_meanwhile.py

bench: .venv/.dev ## Measure the record (NAME=append, BACKEND=sqlite) or delivery beside its peers (NAME=realtime, QUICK=1); JSON lines
	@$(BIN)/python -m bench $(NAME) $(if $(BACKEND),--backend $(BACKEND)) $(if $(ENTRIES),--entries $(ENTRIES)) \
		$(if $(COPIES),--copies $(COPIES)) $(if $(MEMBERS),--members $(MEMBERS)) $(if $(SERVER),--server $(SERVER)) \
		$(if $(filter undefined,$(origin PEERS)),,--peers "$(PEERS)") $(if $(QUICK),--quick)

check: .venv/.dev node_modules/.package-lock.json ## Lint, types, import contracts, migrations, deployment, templates, guards
	@$(BIN)/python tools/check.py

lock: .venv/.runtime ## Resolve pyproject.toml into the two lock files again
	@sh tools/lock.sh

vendor: ## Bundle the third-party JavaScript into static/vendor/ again (needs Node and npm)
	@npm ci --ignore-scripts && npm run --silent vendor

clean: ## Remove the virtual environment and the caches; var/ stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache node_modules

.venv/.runtime: requirements.lock tools/venv.sh
	@PYTHON="$(PYTHON)" sh tools/venv.sh requirements.lock $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@PYTHON="$(PYTHON)" sh tools/venv.sh requirements-dev.lock $@

# Only the checks of our JavaScript need it; without npm they are left out, and `make check` says so.
node_modules/.package-lock.json: package-lock.json
	@if command -v npm >/dev/null; then npm ci --ignore-scripts --silent; fi
