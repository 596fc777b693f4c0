# Two commands: make demo, make test. The others are for who works on Muster.
PYTHON ?= python3
RUN := .venv/bin/
TESTS ?= tests
ARGS ?=
.DEFAULT_GOAL := help
.PHONY: help demo test test-all bench lint format lock

help:
	@echo 'make demo               try it: a lab with real servers, a chat to click in; ARGS="--auto" plays the people, too'
	@echo 'make test               everything that CI runs'
	@echo 'make test-all           the full counts'
	@echo 'make bench              measurements, and bench.json'

.venv/.demo: requirements-demo.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { echo 'Muster needs Python 3.11 or newer: make PYTHON=python3.11 …' >&2; exit 1; }
	@command -v git >/dev/null || { echo 'Muster needs git: apt-get install git' >&2; exit 1; }
	@mkdir -p .venv; exec 9>.venv/.lock; flock 9 2>/dev/null; \
	if test $@ -nt requirements-demo.txt && test $@ -nt pyproject.toml; then exit 0; fi; \
	test -x .venv/bin/python || $(PYTHON) -m venv .venv || { echo 'Python has no venv module: apt-get install python3-venv' >&2; exit 1; }; \
	echo 'Bringing what Muster needs into .venv; this takes a minute, the first time only …' >&2; \
	$(RUN)pip install --quiet --disable-pip-version-check --require-hashes -r requirements-demo.txt && \
	$(RUN)pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . && \
	touch $@

.venv/.test: .venv/.demo requirements-test.txt
	@$(RUN)pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.txt
	@touch $@

demo: .venv/.demo
	@$(RUN)muster demo $(ARGS)

lint: .venv/.test
	@$(RUN)ruff check .
	@$(RUN)ruff format --check .
	@$(RUN)mypy
	@$(RUN)lint-imports

test: lint
	@$(RUN)python -m tests.browser
	@$(RUN)pytest -n 2 --dist loadfile $(TESTS) $(ARGS)

test-all: lint
	@$(RUN)python -m tests.browser
	@MUSTER_FULL=1 $(RUN)pytest -n 2 --dist loadfile -m '' $(TESTS) $(ARGS)

bench: .venv/.test
	@$(RUN)python -m tests.bench $(ARGS)

format: .venv/.test
	@$(RUN)ruff check --fix .
	@$(RUN)ruff format .

LOCK := $(RUN)uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock:
	@$(RUN)pip install --quiet uv
	@echo 'flit_core>=3.12,<4' > .venv/build.in
	@$(LOCK) $(ARGS) pyproject.toml .venv/build.in -o requirements.txt
	@$(LOCK) $(ARGS) pyproject.toml .venv/build.in --extra demo -o requirements-demo.txt
	@$(LOCK) $(ARGS) pyproject.toml .venv/build.in --extra test -o requirements-test.txt
