# From a folder of recordings to motifs, terms, a search index, a voice and figures.
#
#   make -f corpus.mk AUDIO=audio                     all recordings below the folder audio
#   make -f corpus.mk AUDIO=audio LANGUAGES='gub rus' the same for audio/gub and audio/rus, with one codebook
#   make -f corpus.mk help                            goals and variables
#
# Everything is made in the current folder, which must be outside AUDIO. To keep the settings, write them in a
# Makefile, above the line `include corpus.mk`.
#
# Recordings may have any names: make never sees them, only the list in `chapters`, which changes when one is
# added or removed. Run it again at any time, even after it was killed: it makes the files that are missing. If a
# recording changes, delete segments.jsonl, also in the folders of languages. If the codebook changes, delete
# vocoder and vocoder.done. TRAIN is set for a laptop; on a GPU, use TRAIN='--max-hours 24'.

AUDIO     ?= audio
LANGUAGES ?=
MODEL     ?= small
K         ?= 100
RATE      ?= 15
VOCAB     ?= 2000
TRAIN     ?= --arch fast --max-hours 1
SEGMENT   ?=
export AUDIO

.DELETE_ON_ERROR:
.PHONY: all patterns voice help FORCE
all: patterns voice

help:
	@echo 'make -f corpus.mk [GOAL] [VARIABLE=VALUE ...]'
	@echo '  all        everything (the default)'
	@echo '  patterns   motifs.jsonl and motifs.html, terms.jsonl and terms.html, corpus.index'
	@echo '  voice      the folder vocoder, spoken.jsonl, scores.jsonl and report.html'
	@echo 'Variables:'
	@echo "  AUDIO      folder of the recordings                          [$$AUDIO]"
	@echo '  LANGUAGES  subfolders of AUDIO, one per language             [$(LANGUAGES)]'
	@echo '  MODEL      encoder, see su-encoders(7)                       [$(MODEL)]'
	@echo '  K          number of units                                   [$(K)]'
	@echo '  RATE       runs of units per second                          [$(RATE)]'
	@echo '  VOCAB      number of pieces; about 20 per minute of speech   [$(VOCAB)]'
	@echo '  VOCAB_gub  the same for the language gub, if it needs its own'
	@echo '  TRAIN      options of su-train-vocoder                       [$(TRAIN)]'
	@echo '  SEGMENT    options of su-segment, such as --keep-going       [$(SEGMENT)]'

SOUNDS = \( -iname '*.mp3' -o -iname '*.wav' -o -iname '*.flac' -o -iname '*.ogg' -o -iname '*.opus' \
         -o -iname '*.m4a' \)

# The files of one language are in a folder of its name. In a recipe: the language of the target, if it has one.
LANGUAGE = $(filter-out .,$(@D))

# Each name ends with a NUL. -L follows links, so AUDIO may be one.
chapters $(LANGUAGES:%=%/chapters): FORCE
	@audio="$$(cd -- "$$AUDIO" && pwd -P)" || exit 1; case "$$(pwd -P)/" in "$$audio"/*) \
	    echo "AUDIO=$$AUDIO: run make in a folder outside the recordings" >&2; exit 1; esac
	@mkdir -p $(@D)
	@find -L "$$AUDIO$(LANGUAGE:%=/%)" -type f $(SOUNDS) -print0 | LC_ALL=C sort -z >$@.new
	@test -s $@.new || { rm $@.new; echo "no recordings in $$AUDIO$(LANGUAGE:%=/%)" >&2; exit 1; }
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# su-segment writes the batch completely or not at all. With --keep-going it does so and ends with status 1, which
# is no reason to stop.
CUT = xargs -0 -s 500000 sh -c 'rm -f $@.batch; su-segment -o $@.batch "$$@" || test -e $@.batch || exit 1; \
      cat $@.batch && rm $@.batch' sh $(SEGMENT)

ifeq ($(LANGUAGES),)
segments.jsonl: chapters
	$(CUT) -- <$< >$@.new || { rm $@.new; exit 1; }
	mv $@.new $@
else
# Recordings of two languages may share a name, so ids begin with the language.
$(LANGUAGES:%=%/segments.jsonl): %/segments.jsonl: %/chapters
	$(CUT) --language $* -- <$< >$@.all || { rm $@.all; exit 1; }
	sed 's/^{"id": "/&$*_/' $@.all >$@.new
	rm $@.all
	mv $@.new $@

segments.jsonl: $(LANGUAGES:%=%/segments.jsonl)
	cat $^ >$@.new
	mv $@.new $@
endif

frames.jsonl: segments.jsonl
	su-encode -m $(MODEL) --arrays frames -o $@ $<

codebook.npz: frames.jsonl
	su-cluster -k $(K) -o $@ $< >codebook.json

units.jsonl: frames.jsonl codebook.npz
	su-quantize --smooth-rate $(RATE) -c codebook.npz -o $@ $<

# The patterns of one language, or of all recordings. $(1): the folder to write to
define PATTERNS
patterns: $(1)motifs.jsonl $(1)terms.jsonl $(1)corpus.index

$(1)motifs.jsonl: $(1)units.jsonl
	su-bpe train --model-type unigram --vocab-size $$(or $$(VOCAB_$(1:%/=%)),$$(VOCAB)) -o $(1)bpe.model $$<
	su-bpe motifs -m $(1)bpe.model --top 100 --html $(1)motifs.html -o $$@ $$<

$(1)terms.jsonl: $(1)units.jsonl codebook.npz
	su-discover -c codebook.npz --html $(1)terms.html -o $$@ $$<

$(1)corpus.index: $(1)units.jsonl codebook.npz
	rm -f $$@
	su-search build -c codebook.npz -o $$@ $$<
endef

ifeq ($(LANGUAGES),)
$(eval $(call PATTERNS,))
else
$(foreach language,$(LANGUAGES),$(eval $(call PATTERNS,$(language)/)))
$(LANGUAGES:%=%/units.jsonl): %/units.jsonl: units.jsonl
	mkdir -p $*
	grep -F '"language": "$*"' $< >$@.new
	mv $@.new $@
endif

voice: scores.jsonl

pitch.jsonl: units.jsonl
	su-pitch -o $@ $<

vocoder.done: pitch.jsonl
	su-train-vocoder -o vocoder --resume $(TRAIN) $<
	touch $@

spoken.jsonl: vocoder.done
	su-synth -m vocoder --audio spoken -o $@ vocoder/held-out.jsonl

scores.jsonl: spoken.jsonl
	su-eval speech -c codebook.npz -o $@ --html report.html vocoder/held-out.jsonl $<

FORCE:
