PYTHON ?= python3
VENV := .venv/bin/python

.PHONY: reproduce test lint docs lock images

# The post's figures, Cloud's six bars and the report, in out/.
reproduce: .venv
	.venv/bin/sottovoce reproduce

# One process a core, up to four; tests/conftest.py says which tests stay together.
test: .venv
	$(VENV) -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

lint: .venv
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m pyright

# The site, in out/site. Its figures come from networks that train for a moment: compiling them well would take longer.
docs: .venv
	JAX_DISABLE_MOST_OPTIMIZATIONS=1 $(VENV) docs/gallery.py docs/gallery
	$(VENV) -m sphinx --builder html --fail-on-warning --keep-going --quiet docs out/site

# The lock holds the build backend too, so that nothing is fetched beyond it.
.venv: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(VENV) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(VENV) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv

# Renews the lock file; needs uv.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --no-emit-find-links --no-header --quiet --output-file requirements.lock

# The pictures in README.md.
images: reproduce
	cp out/figures/bars.png docs/images/bars.png
