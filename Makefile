# The front door. Each target does the set-up that it needs, once; a second run is quick.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON := .venv/bin/python
FUZZ_MINUTES ?= 10
FUZZ_TARGETS ?=
.PHONY: help setup build dev demo test test-all fuzz bench lint format docs lock clean

help: ## show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

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

test-all: setup ## also clang-tidy, slow tests, sanitizers, fuzzing, torch and tensorflow
	@$(PYTHON) tools/run_tests --all

fuzz: setup ## fuzz every parser, FUZZ_MINUTES=10 each; FUZZ_TARGETS=csv_fuzz for one
	@tools/setup fuzz
	@cmake --preset fuzz --log-level=WARNING >/dev/null && cmake --build --preset fuzz
	@$(PYTHON) tools/fuzz --minutes $(FUZZ_MINUTES) $(FUZZ_TARGETS)

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
