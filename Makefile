# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
PIP = .venv/bin/python -m pip --disable-pip-version-check

.PHONY: demo test wheel wheel-permissive clean

demo: .venv/.runs
	.venv/bin/forecast demo -o out/demo

test: .venv/.tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/pyright
	.venv/bin/python -m pytest -n 2 --dist loadfile

wheel: .venv/.tests
	.venv/bin/python -m build --wheel --no-isolation --outdir dist

# Without weights that learnt from non-commercial data; the cards decide (hatch_build.py).
wheel-permissive: .venv/.tests
	FORECAST_WEIGHTS=permissive .venv/bin/python -m build --wheel --no-isolation --outdir dist/permissive

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "found `$(PYTHON) --version`, needed 3.11 or newer: make PYTHON=python3.12 demo"; exit 2; }
	@$(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "$(PYTHON) cannot make a virtual environment: apt install python3-venv"; exit 2; }
	$(PIP) install --quiet -c constraints.txt pip

.venv/.runs: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install --quiet -c constraints.txt -e '.[live]'
	@touch $@

.venv/.tests: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) install --quiet -c constraints.txt -e . --group dev
	@touch $@ .venv/.runs

clean:
	rm -rf .venv out build dist
