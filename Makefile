# Install, test and demonstrate the tools. All output goes to .venv and build.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
UV     := UV_FIND_LINKS="$${UV_FIND_LINKS:-$${PIP_FIND_LINKS:-}}" $(VENV)/bin/uv pip install \
          --quiet --python $(PY) --compile-bytecode
READY  := $(VENV)/.ready
export PATH := $(abspath $(VENV))/bin:$(PATH)

.DELETE_ON_ERROR:
.PHONY: help install test chromium parallel spm slurm lint demo man pictures clean

help:
	@echo 'make install    install the tools and everything they need in .venv'
	@echo 'make demo       try the whole pipeline on 97 minutes of speech (about 8 minutes)'
	@echo '                on your own recordings: make demo AUDIO=FOLDER'
	@echo 'make test       run the linter and all tests'
	@echo '                only some tests: make test TESTS="tests/tools/test_bpe.py ..."'
	@echo 'make lint       run the linter'
	@echo 'make man        update OPTIONS of the man pages, and the shell completions'
	@echo 'make pictures   after the demo: update the pictures in the README'
	@echo 'make small      retrain the encoder of su-encode -m small (hours): OPEN_SPEECH="FOLDER ..."'
	@echo 'make clean      delete .venv and build'

install: $(READY)

# The same version of torch for all. With a GPU, uv takes the build that fits its driver. Without a GPU, a build for
# the CPU is enough: if PIP_FIND_LINKS names a folder that has one, it is installed, otherwise the larger one for CUDA.
TORCH  := torch==2.13.0
$(READY): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo 'make: Python 3.10 or newer is required; for example: make PYTHON=python3.12' >&2; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || \
	    { rm -rf $(VENV); echo 'make: Python has no venv module; on Debian: apt install python3-venv' >&2; exit 1; }
	@echo 'Installing the tools in $(VENV) ...'
	@$(PY) -m pip install -qq --disable-pip-version-check uv
	@if nvidia-smi -L 2>/dev/null | grep -q GPU; then $(UV) --torch-backend=auto $(TORCH) || $(UV) $(TORCH); \
	 else $(UV) $(TORCH); fi
	@$(UV) --editable '.[eval,vad,train,test]'
	@$(UV) pesq 2>$(VENV)/pesq.log || echo 'make: PESQ was not installed (it needs a C compiler); see $(VENV)/pesq.log' >&2
	@mkdir -p $(VENV)/share/bash-completion $(VENV)/share/zsh $(VENV)/share/fish
	@cp -r man/completion/bash/. $(VENV)/share/bash-completion/completions
	@cp -r man/completion/zsh/. $(VENV)/share/zsh/site-functions
	@cp -r man/completion/fish/. $(VENV)/share/fish/vendor_completions.d
	@touch $@

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

test: lint chromium parallel spm slurm
	$(PY) -m pytest -n 2 --dist loadfile $(TESTS)

# Some tests use system packages. Install them if we are root; otherwise report which tests are left out.
# $(call apt,COMMAND,PACKAGE,CONSEQUENCE,OPTIONS OF APT)
apt = @command -v $(1) >/dev/null || \
    { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo 'Installing $(2) ...' && \
      export DEBIAN_FRONTEND=noninteractive && \
      { apt-get install -y -q $(4) $(2) || { apt-get update -q && apt-get install -y -q $(4) $(2); }; } >/dev/null 2>&1; } || \
    echo 'make: $(1) is not installed: $(3)' >&2

chromium:
	$(call apt,chromium,chromium,the tests read the HTML pages but do not open them)

parallel:
	$(call apt,parallel,parallel,its example in su-tools(7) is not tested)

spm:
	$(call apt,spm_encode,sentencepiece,su-bpe models are not tested with it)

# Debian has slurmd in /usr/sbin, which is not on every PATH.
slurm: export PATH := $(PATH):/usr/sbin
slurm:
	$(call apt,slurmd,slurm-wlm munge,docs/corpus.slurm is not tested,--no-install-recommends)

man: $(READY)
	$(PY) man/generate.py man/su-*.1
	$(PY) man/completion.py man/completion

# Screenshots of the demo's pages for the README
pictures: $(READY) chromium
	$(PY) docs/pictures.py build/demo

clean:
	rm -rf build dist *.egg-info $(VENV)

# The demo runs the whole pipeline on real speech: by default Debian's festvox-ru, one Russian speaker with
# phone labels. Each file is made once, so a second run makes only the missing ones.

B      := build/demo
CORPUS := build/festvox-ru
VOICE  := $(CORPUS)/usr/share/festival/voices/russian/msu_ru_nsh_clunits
AUDIO  ?=
ifneq ($(AUDIO),)
quote   = '$(subst ','\'',$(1))'
B      := build/demo-$(shell printf %s $(call quote,$(abspath $(AUDIO))) | cksum | cut -d ' ' -f 1)
endif

# Limits that keep the demo below ten minutes on two cores
RECORDINGS := 1000
SEGMENTS   := 1000
HOURS      := 0.08
MODEL      := small

demo: $(B)/motifs.jsonl $(B)/units-scores.jsonl $(B)/report.html
	@$(PY) docs/demo.py $(B)

$(CORPUS)/.unpacked: | $(READY)
	@mkdir -p $(CORPUS)
	@echo 'Downloading 97 minutes of Russian speech (festvox-ru, 179 MB) ...'
	@cd $(CORPUS) && if ! apt-get -q download festvox-ru >apt.log 2>&1; then \
	    mkdir -p lists/partial cache/archives/partial; \
	    own="-o Dir::State::Lists=$$PWD/lists -o Dir::Cache=$$PWD/cache"; \
	    { apt-get -q $$own update && apt-get -q $$own download festvox-ru; } >>apt.log 2>&1; \
	  fi; \
	  ls festvox-ru_*.deb >/dev/null 2>&1 && dpkg -x festvox-ru_*.deb . || { \
	    echo 'make: apt cannot download festvox-ru here; use your own recordings instead: make demo AUDIO=FOLDER' >&2; \
	    exit 1; }
	@rm -f $(CORPUS)/festvox-ru_*.deb
	@touch $@

# File names end in NUL, because they may contain spaces, quotes, emoji and newlines.
ifeq ($(AUDIO),)
$(B)/files: $(CORPUS)/.unpacked
	@mkdir -p $(B)
	@printf '%s\0' $(VOICE)/wav/*.wav | head -z -n $(RECORDINGS) >$@
else
SOUNDS = find -L "$$AUDIO" -type f \( -iname '*.wav' -o -iname '*.flac' -o -iname '*.mp3' -o -iname '*.ogg' \
    -o -iname '*.opus' -o -iname '*.m4a' \)

# List the recordings with their sizes and times. If the list changes, everything is made again.
$(B)/sources: FORCE | $(READY)
	@mkdir -p $(B)
	@$(SOUNDS) -printf '%p %s %T@\0' | sort -z >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

.PHONY: FORCE
FORCE:

$(B)/files: $(B)/sources
	@$(SOUNDS) -print0 | sort -z | head -z -n $(RECORDINGS) >$@
	@test -s $@ || { echo "make: no recordings found in $$AUDIO" >&2; exit 1; }
endif
export AUDIO

$(B)/segments.jsonl: $(B)/files
	@echo 'Cutting the recordings at their pauses (su-segment) ...'
	@xargs -0 su-segment <$< >$@.all
	@head -n $(SEGMENTS) $@.all >$@
	@rm $@.all

$(B)/pitch.jsonl: $(B)/segments.jsonl
	@echo 'Measuring the pitch (su-pitch) ...'
	@su-pitch -o $@ $<

$(B)/features: $(B)/pitch.jsonl
	@echo 'Computing 50 feature frames per second (su-encode) ...'
	@su-encode -m $(MODEL) -o $@ $<

$(B)/codebook.npz: $(B)/features
	@echo 'Grouping the frames into 100 sound classes (su-cluster) ...'
	@su-cluster -k 100 -o $@ $< >$(B)/codebook.json

$(B)/units.jsonl: $(B)/features $(B)/codebook.npz
	@echo 'Writing the recordings as units (su-quantize) ...'
	@su-quantize --smooth-rate 20 -c $(B)/codebook.npz -o $@ $<

$(B)/bpe.model: $(B)/units.jsonl
	@echo 'Learning which units form longer pieces (su-bpe train) ...'
	@# A small folder has fewer than 1000 sequences that recur.
	@su-bpe train --model-type unigram --vocab-size 1000 -o $@ $< 2>/dev/null || \
	    su-bpe train --vocab-size 500 -o $@ $<

$(B)/motifs.jsonl: $(B)/units.jsonl $(B)/bpe.model
	@echo 'Finding motifs, pieces that recur, and making their page (su-bpe motifs) ...'
	@su-bpe motifs -m $(B)/bpe.model --top 50 --html $(B)/motifs.html -o $@ $<

$(B)/vocoder/.trained: $(B)/units.jsonl
	@echo 'Training a vocoder, which turns units into speech, for five minutes (su-train-vocoder) ...'
	@if [ -e $(B)/vocoder/checkpoint.safetensors ]; then resume=--resume; fi; \
	  su-train-vocoder -o $(B)/vocoder $$resume --arch fast --lr 2e-3 \
	    --predictor-steps 300 --save-every 100 --max-hours $(HOURS) $<
	@touch $@

$(B)/held-out.jsonl: $(B)/vocoder/.trained
	@head -n 12 $(B)/vocoder/held-out.jsonl >$@

$(B)/spoken.jsonl: $(B)/held-out.jsonl
	@echo 'Speaking 12 held-out segments from their units (su-synth) ...'
	@su-synth -m $(B)/vocoder --audio $(B)/spoken --rtf -o $@ $<

$(B)/bare.jsonl: $(B)/held-out.jsonl
	@su-synth -m $(B)/vocoder --audio $(B)/bare --f0 predict --rtf -o $@ $<

$(B)/bare-scores.jsonl: $(B)/bare.jsonl
	@su-eval speech -c $(B)/codebook.npz -o $@ $(B)/held-out.jsonl $<

$(B)/report.html: $(B)/spoken.jsonl $(B)/bare-scores.jsonl
	@echo 'Comparing the new speech with the recordings (su-eval speech) ...'
	@su-eval speech -c $(B)/codebook.npz -o $(B)/speech-scores.jsonl --html $@ $(B)/held-out.jsonl $<

ifeq ($(AUDIO),)
$(B)/units-scores.jsonl: $(B)/units.jsonl
	@echo 'Comparing the units with phone labels (su-eval units) ...'
	@su-eval units --no-abx -o $@ --html $(B)/units.html $< $(VOICE)/lab/*.lab
else
$(B)/units-scores.jsonl: $(B)/units.jsonl
	@echo 'Skipping the comparison with phone labels: your recordings have none.'
	@: >$@
endif

# Retrain the encoder that comes with the package, `su-encode -m small`, on festvox-ru and folders of recordings with
# free licences, listed in its model card. Takes hours on two cores; nothing else depends on it.

OPEN_SPEECH ?=
SMALL       := build/small
RECORDS     := PYTHONPATH=. $(PY) recipes/small/records.py
export OPEN_SPEECH

.PHONY: small espeak
espeak:
	$(call apt,espeak-ng,espeak-ng,make small cannot read the texts)

$(SMALL)/recordings.jsonl: $(CORPUS)/.unpacked
	@mkdir -p $(SMALL)
	@test -n "$$OPEN_SPEECH" || { echo 'make: OPEN_SPEECH is not set; use: make small OPEN_SPEECH="FOLDER ..."' >&2; exit 1; }
	@$(RECORDS) list $(VOICE) $$OPEN_SPEECH >$@

$(SMALL)/segments.jsonl: $(SMALL)/recordings.jsonl
	@$(RECORDS) paths $< | xargs -0 su-segment 2>$(SMALL)/segment.log >$@

$(SMALL)/training.jsonl: $(SMALL)/segments.jsonl
	@$(RECORDS) divide $(SMALL)/recordings.jsonl $< $(SMALL)

# Phones from texts: they are part of the targets.
$(SMALL)/phones.jsonl: $(SMALL)/recordings.jsonl | espeak
	@PYTHONPATH=. OMP_NUM_THREADS=1 $(PY) recipes/small/phones.py $< --cache $(SMALL)/frames --out $@

$(SMALL)/labels.jsonl: $(SMALL)/phones.jsonl $(SMALL)/training.jsonl
	@$(RECORDS) label $< $(SMALL)/training.jsonl >$@

# Clusters of MFCC, then of the encoder's own frames, together with the phones
$(SMALL)/encoder/.trained: $(SMALL)/labels.jsonl
	@mkdir -p $(@D)
	@if [ -e $(@D)/checkpoint.safetensors ]; then resume=--resume; fi; \
	  su-train-encoder -o $(@D) $$resume --rounds 2 --clusters 100,500 --batch-seconds 64 --targets $< \
	    --max-hours 1.75 $(SMALL)/training.jsonl
	@touch $@

# The encoder, and two codebooks of its frames of all the recordings it was trained on
small: $(SMALL)/encoder/.trained
	@mkdir -p units/encoders/small
	@cp $(SMALL)/encoder/weights.safetensors units/encoders/small/
	@sed 's/"default_layer": [0-9]*/"default_layer": 5/' $(SMALL)/encoder/config.json >units/encoders/small/config.json
	@su-encode -m small -o $(SMALL)/frames.jsonl $(SMALL)/training.jsonl
	@for k in 100 256; do \
	  su-cluster -k $$k --weight-by language -o units/encoders/small/codebook-$$k.npz $(SMALL)/frames.jsonl || exit; done
	@rm $(SMALL)/frames.jsonl
