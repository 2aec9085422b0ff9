# What a developer runs. Every target first sees to it that .venv is there and up to date; a finished .venv is reused.
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/installed
LOG := $(VENV)/install.log
ENV := OMP_NUM_THREADS=1

PAGE := axe-core@4.14.1 typescript@7.0.2

.PHONY: demo test slow page ray gates check docs bench clean

demo: $(DONE)      ## a study on built-in data, start to end
	@$(BIN)/askance demo

test: $(DONE)      ## every quick test, doctests included
	@$(ENV) $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow"

slow: $(DONE)      ## the tests that take long
	@$(ENV) $(BIN)/python -m pytest -q -n 2 --dist loadfile -m slow || test $$? -eq 5  # 5: none is marked slow

page: $(DONE)      ## what the tests of the page need beside Chromium; they are left out without
	@npm install --prefix $(VENV)/page --no-audit --no-fund --silent $(PAGE)

ray: $(DONE)       ## what the tests of clusters need; they are left out without
	@$(BIN)/python -m pip install -q 'ray==$(shell sed -n 's/^ray==//p' constraints.txt)' -c constraints.txt

gates: $(DONE)     ## the numbers this project promises
	@$(BIN)/python -m benchmarks.gates

check: $(DONE)     ## style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: $(DONE)      ## write the generated pages anew
	@$(BIN)/python -m benchmarks.docs

bench: $(DONE)     ## speed of selection
	@$(BIN)/python -m benchmarks.selection

clean:
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

# The last act writes the stamp, so an install that was interrupted is started over; one that is only older than the
# files it was made from is brought up to date in place. torch goes first and by its exact version, because a range
# could choose a build for GPUs, which is gigabytes.
$(DONE): pyproject.toml constraints.txt
	@test -e $@ || rm -rf $(VENV); rm -f $@; \
	if ! test -x $(BIN)/python; then \
	  for python in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	    $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && break; \
	    python=; \
	  done; \
	  if test -z "$$python"; then \
	    echo "askance needs Python 3.11, 3.12 or 3.13, and none is on the PATH. Install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
	    exit 1; \
	  fi; \
	  echo "Building $(VENV) with $$($$python --version): about 2 minutes, only this first time (details in $(LOG))."; \
	  mkdir $(VENV); $$python -m venv $(VENV) >$(LOG) 2>&1; \
	else \
	  echo "Bringing $(VENV) up to date (details in $(LOG))."; \
	fi \
	&& $(BIN)/python -m pip install "$$(grep '^torch==' constraints.txt)" -c constraints.txt >>$(LOG) 2>&1 \
	&& $(BIN)/python -m pip install -e '.[dev]' -c constraints.txt >>$(LOG) 2>&1 \
	&& touch $@ \
	|| { tail -n 15 $(LOG); echo "$(VENV) could not be built; the lines above are the end of $(LOG). Mend that and run make again." >&2; exit 1; }
