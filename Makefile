# `make demo` shows the whole thing, `make test` proves it; both set up their own environment first.
#   PYTHON=python3.12   the interpreter to use (otherwise the newest of 3.14 to 3.11 that is found)
#   PORT=8000           where `make demo` serves
#   SERVE=0             `make demo` ends after the report
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test check sanitize bench-accuracy bench-speed bench-growth bench-serve bench-events bench-overload bench-compress bench-onboarding bench-plan bench-reranking constraints clean

VENV ?= .venv
PORT ?= 8000
SERVE ?= 1
BIN := $(VENV)/bin
SUPPORTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$p -c "$(SUPPORTED)" >/dev/null 2>&1 && { echo $$p; break; }; done)
BUILT_FROM := pyproject.toml constraints.txt CMakeLists.txt $(wildcard src/serendip/kernels/*.[ch]pp)

help:
	@echo "make demo             set up, run the main job on real data, report, serve (SERVE=0: end after the report)"
	@echo "make test             set up, run every test"
	@echo "make check            format, lint, types, import rows, docs in step"
	@echo "make sanitize         the kernel tests with addresses and undefined behaviour checked (needs GCC)"
	@echo "make bench-accuracy   our numbers beside the published ones (needs SERENDIP_DATA)"
	@echo "make bench-speed      times beside other libraries, and beside the machine's limits (needs SERENDIP_DATA)"
	@echo "make bench-growth     how time and memory grow with interactions and factors (hours; MINUTES=60 a part)"
	@echo "make bench-compress   compressed models beside the exact ones (needs SERENDIP_DATA)"
	@echo "make bench-onboarding what questions to newcomers bring (needs SERENDIP_DATA)"
	@echo "make bench-plan       what serendip plan predicted, and what it came to (needs SERENDIP_DATA)"
	@echo "make bench-reranking  what re-ranking costs in accuracy and brings in diversity (needs SERENDIP_DATA)"
	@echo "make bench-serve      requests a second and latency of the server"
	@echo "make bench-events     events recorded a second, beside the disk's own rate"
	@echo "make bench-overload   slates in time at ten times the load that the server can take (needs SERENDIP_DATA)"
	@echo "make clean            remove the environment and what was built"

$(BIN)/python:
	@$(if $(PYTHON),$(PYTHON),false) -c "$(SUPPORTED)" 2>/dev/null || { \
		echo "Serendip needs Python 3.11 to 3.14 (with venv) and found $(if $(PYTHON),$(PYTHON): $$($(PYTHON) --version 2>&1),none); install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# uv where it can be had (a few times faster), else pip; both take the same package links from the environment.
define install
	@echo "installing serendip$(1) into $(VENV)"
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true
	@links="$${UV_FIND_LINKS:-$$(echo $${PIP_FIND_LINKS:-} | tr ' ' ',')}"; \
	UV_FIND_LINKS="$$links" $(BIN)/uv pip install --quiet --python $(BIN)/python --reinstall-package serendip -c constraints.txt -e '.$(1)' || { \
		echo "uv did not manage; trying pip"; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.$(1)'; }
	@touch $@
endef

$(VENV)/.installed: $(BUILT_FROM) | $(BIN)/python
	$(call install)

$(VENV)/.installed-dev: $(BUILT_FROM) | $(BIN)/python
	$(call install,[dev])
	@touch $(VENV)/.installed

# The libraries that speed is measured beside.
$(VENV)/.installed-bench: $(BUILT_FROM) | $(BIN)/python
	$(call install,[dev,bench])
	@touch $(VENV)/.installed $(VENV)/.installed-dev

demo: $(VENV)/.installed
	@$(BIN)/serendip demo --port $(PORT) $(if $(filter 0 no false,$(SERVE)),--no-serve)

# The tests start a real browser, database, cache and proxy: Debian's, fetched where we may install packages.
PARTS := chromium:chromium redis-server:redis-server nginx:nginx-light psql:postgresql
test: $(VENV)/.installed-dev
	@missing=; for part in $(PARTS); do command -v $${part%%:*} >/dev/null || missing="$$missing $${part##*:}"; done; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || missing="$$missing postgresql"; \
	[ -z "$$missing" ] || [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null || { \
		echo "installing for the tests:$$missing"; export DEBIAN_FRONTEND=noninteractive; \
		{ apt-get install -y -q --no-install-recommends $$missing || { apt-get update -q && \
		apt-get install -y -q --no-install-recommends $$missing; }; } >/dev/null 2>&1; } || \
		echo "$$missing could not be installed: the tests that need it will say that they are skipped"
	@$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy --strict
	@$(BIN)/lint-imports
	@[ ! -d tests/docs ] || $(BIN)/python -m pytest -q tests/docs

sanitize: $(VENV)/.installed-dev
	@PYTHON=$(BIN)/python .ci/sanitize

bench-accuracy bench-serve bench-events bench-overload bench-compress bench-plan bench-onboarding bench-reranking: bench-%: $(VENV)/.installed-dev
	@$(BIN)/python benchmarks/$*.py

bench-speed: $(VENV)/.installed-bench
	@$(BIN)/python benchmarks/speed.py

bench-growth: $(VENV)/.installed-dev
	@$(BIN)/python benchmarks/growth.py $(if $(MINUTES),--minutes $(MINUTES))

# Fresh versions for every supported Python; no index and no host is written down.
constraints: | $(BIN)/python
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
		--no-annotate --extra bench --extra dev --custom-compile-command "make constraints" --upgrade -o constraints.txt pyproject.toml
	@# one version of torch that installers find as a CPU build; what only its CUDA build needs is not ours
	@sed -i -E '/^(nvidia-|cuda-|triton)/d; s/^torch==.*/torch==2.13.0/' constraints.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
