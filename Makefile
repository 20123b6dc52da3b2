# The same as `python3 tools/dev.py ...`, for those who like make.
PYTHON ?= python3

.PHONY: help demo test old-trio docs setup format wheel clean

help:
	@$(PYTHON) tools/dev.py --help

demo test docs setup:
	$(PYTHON) tools/dev.py $@ $(ARGS)

# make old-trio MMCV=path/to/mmcv-2.1.0-*.whl
old-trio:
	$(PYTHON) tools/dev.py old-trio $(if $(MMCV),--mmcv $(MMCV)) $(ARGS)

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

wheel:
	$(PYTHON) -m pip wheel --no-deps --wheel-dir dist .

clean:
	rm -rf build dist site *.egg-info .coverage htmlcov .pytest_cache .ruff_cache .mypy_cache
