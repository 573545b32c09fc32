# The front door. Each target does the set-up that it needs, once; a second run is quick.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON := .venv/bin/python
.PHONY: help setup build dev demo test test-all bench lint format docs lock clean

help: ## show these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: # system packages, .venv, DuckDB's library; skipped where up to date
	@tools/setup

build: setup
	@cmake --preset release --log-level=WARNING >/dev/null && cmake --build --preset release

dev: build ## build, and install millpond into .venv
	@tools/install_dev release

demo: dev ## take real data through the whole of Millpond (under a minute)
	@.venv/bin/millpond demo

test: setup ## build and run what every change must pass
	@$(PYTHON) tools/run_tests

test-all: setup ## also sanitizers, fuzzing, slow tests, torch and tensorflow
	@$(PYTHON) tools/run_tests --all

bench: dev ## measure against the peers; writes bench/out
	@$(PYTHON) -m bench

lint: setup ## format, lint and type checks of all languages
	@cmake --preset release --log-level=WARNING >/dev/null
	@$(PYTHON) tools/lint

format: setup ## let the formatters rewrite the sources
	@$(PYTHON) tools/lint --fast --fix

docs: setup ## check the documentation's links and examples
	@$(PYTHON) tools/check_docs

lock: ## resolve requirements/*.in into hashed requirements/*.txt
	@tools/lock

clean: ## remove what was built; keeps .venv and the downloads
	rm -rf build dist bench/out .mypy_cache .ruff_cache .pytest_cache
