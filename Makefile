# Set up, test, show. Everything made here lies in .venv and build.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
UV     := UV_FIND_LINKS="$${UV_FIND_LINKS:-$${PIP_FIND_LINKS:-}}" $(VENV)/bin/uv pip install \
          --quiet --python $(PY) --compile-bytecode
READY  := $(VENV)/.ready

.DELETE_ON_ERROR:
.PHONY: help install test lint demo man clean

help:
	@echo 'make install   build .venv with the tools and all they need'
	@echo 'make demo      audio -> units -> motifs -> vocoder -> audio -> report   [AUDIO=FOLDER]'
	@echo 'make test      lint and run every test'
	@echo 'make man       write OPTIONS of the man pages anew'
	@echo 'make clean     remove what was built'

install: $(READY)

# The wheels of torch on the package index bring CUDA, and torchaudio's links against it. Where no GPU is
# seen a CPU torch is welcome (if the machine has one at hand), but beside it torchaudio's extension cannot
# be loaded; all we use of torchaudio is Python, so its extension is set aside.
$(READY): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo 'make: Python 3.10 or newer is needed: make PYTHON=python3.12' >&2; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || \
	    { rm -rf $(VENV); echo 'make: no venv module (Debian: apt install python3-venv)' >&2; exit 1; }
	@echo 'setting up $(VENV) ...'
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@if nvidia-smi -L 2>/dev/null | grep -q GPU; then $(UV) torch torchaudio; \
	 else $(UV) torch==2.13.0 && $(UV) --no-deps torchaudio==2.11.0; fi
	@$(UV) --editable '.[eval,vad,train,test]'
	@$(UV) pesq || echo 'make: PESQ needs a C compiler; left out' >&2
	@$(PY) -c 'import torch; raise SystemExit(torch.version.cuda is not None)' && \
	    rm -f $(VENV)/lib/python3.*/site-packages/torchaudio/lib/*.so || true
	@touch $@

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

test: lint
	$(PY) -m pytest

man: $(READY)
	$(PY) man/generate.py man/su-*.1

demo: $(READY)
	@PATH="$(abspath $(VENV))/bin:$$PATH" $(MAKE) --no-print-directory -f demo.mk AUDIO='$(AUDIO)'

clean:
	rm -rf build dist *.egg-info $(VENV)
