# Set up, test, show. Everything made here lies in .venv and build.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
UV     := UV_FIND_LINKS="$${UV_FIND_LINKS:-$${PIP_FIND_LINKS:-}}" $(VENV)/bin/uv pip install \
          --quiet --python $(PY) --compile-bytecode
READY  := $(VENV)/.ready
export PATH := $(abspath $(VENV))/bin:$(PATH)

.DELETE_ON_ERROR:
.PHONY: help install test chromium parallel spm lint demo man pictures clean

help:
	@echo 'make install   build .venv with the tools and all they need'
	@echo 'make demo      audio -> units -> motifs -> vocoder -> audio -> report   [AUDIO=FOLDER]'
	@echo 'make test      lint and run every test          [TESTS="tests/tools/test_bpe.py ..."]'
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
	@$(PY) -m pip install -qq --disable-pip-version-check uv
	@if nvidia-smi -L 2>/dev/null | grep -q GPU; then $(UV) torch torchaudio; \
	 else $(UV) torch==2.13.0 && $(UV) --no-deps torchaudio==2.11.0; fi
	@$(UV) --editable '.[eval,vad,train,test]'
	@$(UV) pesq 2>$(VENV)/pesq.log || echo 'make: no PESQ, which wants a C compiler; see $(VENV)/pesq.log' >&2
	@$(PY) -c 'import torch; raise SystemExit(torch.version.cuda is not None)' && \
	    rm -f $(VENV)/lib/python3.*/site-packages/torchaudio/lib/*.so || true
	@touch $@

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

test: lint chromium parallel spm
	$(PY) -m pytest $(TESTS)

# What some tests need of the system is installed where we may, else those tests make do without, and this is said.
# $(call apt,COMMAND,PACKAGE,what is lost without it)
apt = @command -v $(1) >/dev/null || \
    { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo 'installing $(2) ...' && \
      export DEBIAN_FRONTEND=noninteractive && \
      { apt-get install -y -q $(2) || { apt-get update -q && apt-get install -y -q $(2); }; } >/dev/null 2>&1; } || \
    echo 'make: no $(1): $(3)' >&2

chromium:
	$(call apt,chromium,chromium,the pages of --html are tested by their source alone)

parallel:
	$(call apt,parallel,parallel,the example of su-tools(7) with it is not run)

spm:
	$(call apt,spm_encode,sentencepiece,models of su-bpe are not tried with it)

man: $(READY)
	$(PY) man/generate.py man/su-*.1

# After the demo: what the README shows of its pages
pictures: $(READY) chromium
	$(PY) docs/pictures.py build/demo

clean:
	rm -rf build dist *.egg-info $(VENV)

# The demo: the whole pipeline on real speech, by default Debian's festvox-ru, 99 minutes of one Russian speaker
# with phone labels. Every file is made once and kept, so a second run does only what is missing.

B      := build/demo
CORPUS := build/festvox-ru
VOICE  := $(CORPUS)/usr/share/festival/voices/russian/msu_ru_nsh_clunits
AUDIO  ?=
ifneq ($(AUDIO),)
quote   = '$(subst ','\'',$(1))'
B      := build/demo-$(shell printf %s $(call quote,$(abspath $(AUDIO))) | cksum | cut -d ' ' -f 1)
endif

# What two cores do in some six minutes
RECORDINGS := 240
SEGMENTS   := 420
HOURS      := 0.08
MODEL      := small

demo: $(B)/report.html $(B)/motifs.jsonl $(B)/scores.txt
	@cat $(B)/scores.txt
	@echo
	@echo 'Everything lies in $(abspath $(B)):'
	@echo '  report.html     look and listen: originals and resyntheses, their pitch and spectra'
	@if [ -s $(B)/units.html ]; then echo '  units.html      units against phones'; fi
	@echo '  motifs.html     motifs to listen to, voice beside voice, and to tag'
	@echo '  segments.jsonl  codebook.npz  units.jsonl  bpe.model  motifs.jsonl'
	@echo '  vocoder/        config.json and weights: what a user carries away'
	@echo '  spoken/         held-out recordings spoken from their units and pitch'
	@echo '  bare/           the same from units alone, pitch predicted'

$(CORPUS)/.unpacked: | $(READY)
	@mkdir -p $(CORPUS)
	@echo 'fetching festvox-ru (179 MB) ...'
	@cd $(CORPUS) && if ! apt-get -q download festvox-ru >apt.log 2>&1; then \
	    mkdir -p lists/partial cache/archives/partial; \
	    own="-o Dir::State::Lists=$$PWD/lists -o Dir::Cache=$$PWD/cache"; \
	    { apt-get -q $$own update && apt-get -q $$own download festvox-ru; } >>apt.log 2>&1; \
	  fi; \
	  ls festvox-ru_*.deb >/dev/null 2>&1 && dpkg -x festvox-ru_*.deb . || { \
	    echo 'make: no festvox-ru to be had from apt here; name a folder of recordings: make demo AUDIO=FOLDER' >&2; \
	    exit 1; }
	@rm -f $(CORPUS)/festvox-ru_*.deb
	@touch $@

# File names end in NUL here: they may hold spaces, quotes, emoji and newlines.
ifeq ($(AUDIO),)
$(B)/files: $(CORPUS)/.unpacked
	@mkdir -p $(B)
	@printf '%s\0' $(VOICE)/wav/*.wav | head -z -n $(RECORDINGS) >$@
else
SOUNDS = find -L "$$AUDIO" -type f \( -iname '*.wav' -o -iname '*.flac' -o -iname '*.mp3' -o -iname '*.ogg' \
    -o -iname '*.opus' -o -iname '*.m4a' \)

# What the recordings are now: where one was added, removed or changed, all is made again
$(B)/sources: FORCE | $(READY)
	@mkdir -p $(B)
	@$(SOUNDS) -printf '%p %s %T@\0' | sort -z >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

.PHONY: FORCE
FORCE:

$(B)/files: $(B)/sources
	@$(SOUNDS) -print0 | sort -z | head -z -n $(RECORDINGS) >$@
	@test -s $@ || { echo "make: no recordings in $$AUDIO" >&2; exit 1; }
endif
export AUDIO

$(B)/segments.jsonl: $(B)/files
	@echo 'su-segment'
	@xargs -0 su-segment <$< >$@.all
	@head -n $(SEGMENTS) $@.all >$@
	@rm $@.all

$(B)/pitch.jsonl: $(B)/segments.jsonl
	@echo 'su-pitch'
	@su-pitch -o $@ $<

$(B)/features: $(B)/pitch.jsonl
	@echo 'su-encode -m $(MODEL)'
	@su-encode -m $(MODEL) $< >$@

$(B)/codebook.npz: $(B)/features
	@echo 'su-cluster -k 100'
	@su-cluster -k 100 -o $@ $< >$(B)/codebook.json

$(B)/units.jsonl: $(B)/features $(B)/codebook.npz
	@echo 'su-quantize --smooth-rate 20'
	@su-quantize --smooth-rate 20 -c $(B)/codebook.npz -o $@ $<

$(B)/bpe.model: $(B)/units.jsonl
	@echo 'su-bpe train --model-type unigram --vocab-size 4000'
	@# a small folder has fewer than 4000 strings that recur
	@su-bpe train --model-type unigram --vocab-size 4000 -o $@ $< 2>/dev/null || \
	    su-bpe train --vocab-size 500 -o $@ $<

$(B)/motifs.jsonl: $(B)/units.jsonl $(B)/bpe.model
	@echo 'su-bpe motifs'
	@su-bpe motifs -m $(B)/bpe.model --top 50 --html $(B)/motifs.html $< >$@

$(B)/vocoder/.trained: $(B)/units.jsonl
	@echo 'su-train-vocoder (about $(HOURS) hours)'
	@if [ -e $(B)/vocoder/checkpoint.safetensors ]; then resume=--resume; fi; \
	  su-train-vocoder -o $(B)/vocoder $$resume --arch fast --lr 2e-3 \
	    --predictor-steps 300 --save-every 100 --max-hours $(HOURS) $<
	@touch $@

$(B)/held-out.jsonl: $(B)/vocoder/.trained
	@head -n 12 $(B)/vocoder/held-out.jsonl >$@

$(B)/spoken.jsonl: $(B)/held-out.jsonl
	@echo 'su-synth'
	@su-synth -m $(B)/vocoder --audio $(B)/spoken --rtf $< >$@

$(B)/bare.jsonl: $(B)/held-out.jsonl
	@su-synth -m $(B)/vocoder --audio $(B)/bare --f0 predict --rtf $< >$@

$(B)/bare-scores.jsonl: $(B)/bare.jsonl
	@su-eval speech -c $(B)/codebook.npz -o $@ $(B)/held-out.jsonl $<

$(B)/report.html: $(B)/spoken.jsonl $(B)/bare-scores.jsonl
	@echo 'su-eval speech'
	@su-eval speech -c $(B)/codebook.npz -o $(B)/speech-scores.jsonl --html $@ $(B)/held-out.jsonl $<

ifeq ($(AUDIO),)
$(B)/units-scores.jsonl: $(B)/units.jsonl
	@echo 'su-eval units'
	@su-eval units --no-abx -o $@ --html $(B)/units.html $< $(VOICE)/lab/*.lab
else
$(B)/units-scores.jsonl: $(B)/units.jsonl
	@echo 'no phone labels beside your recordings: units are not scored against phones'
	@: >$@
endif

$(B)/scores.txt: $(B)/report.html $(B)/units-scores.jsonl $(B)/motifs.jsonl
	@{ echo; echo 'Held-out recordings, spoken from units and recorded pitch, and from units alone:'; \
	   su-eval table $(B)/speech-scores.jsonl $(B)/bare-scores.jsonl; \
	   if [ -s $(B)/units-scores.jsonl ]; then echo; echo 'Units against phones:'; su-eval table $(B)/units-scores.jsonl; fi; \
	   echo; echo 'Motifs that recur most beyond chance:'; \
	   head -n 5 $(B)/motifs.jsonl | cut -c 1-160; } >$@

# The encoder that comes with the package, `su-encode -m small`, made anew from festvox-ru and a folder of German
# (CC0) and Swahili (MIT) recordings that its model card names; not part of anything else here. Hours of two cores.

OPEN_SPEECH ?=
SMALL       := build/small
TRAIN_SMALL  = if [ -e $(@D)/checkpoint.safetensors ]; then resume=--resume; fi; \
               su-train-encoder -o $(@D) $$resume

$(SMALL)/segments.jsonl: $(CORPUS)/.unpacked
	@mkdir -p $(SMALL)
	@test -d "$$OPEN_SPEECH" || { echo 'make: name the folder: make small OPEN_SPEECH=FOLDER' >&2; exit 1; }
	@find $(VOICE)/wav "$$OPEN_SPEECH" -type f \( -name '*.wav' -o -name '*.opus' \) -print0 | sort -z | \
	    xargs -0 su-segment >$@.new
	@mv $@.new $@
export OPEN_SPEECH

# From the clusters of MFCC to its own, an hour; then three rounds more, with attention to a second on either side
$(SMALL)/first/.trained: $(SMALL)/segments.jsonl
	@mkdir -p $(@D)
	@$(TRAIN_SMALL) --rounds 2 --clusters 100,500 --attention-span 0 --max-hours 1 $<
	@touch $@

$(SMALL)/second/.trained: $(SMALL)/segments.jsonl $(SMALL)/first/.trained
	@mkdir -p $(@D)
	@$(TRAIN_SMALL) --init $(SMALL)/first --rounds 3 --clusters 500 --attention-span 50 --target-layer 4 \
	    --lr 1.5e-3 --batch-seconds 64 --max-hours 1.2 $<
	@touch $@

small: $(SMALL)/second/.trained
	@mkdir -p units/encoders/small
	@cp $(SMALL)/second/weights.safetensors units/encoders/small/
	@sed 's/"default_layer": [0-9]*/"default_layer": 5/' $(SMALL)/second/config.json >units/encoders/small/config.json

.PHONY: small
