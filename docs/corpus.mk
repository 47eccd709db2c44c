# From a folder of recordings to motifs, terms, a search index, a voice and figures.
#
#   make -f corpus.mk AUDIO=audio                     all recordings below the folder audio
#   make -f corpus.mk AUDIO=audio LANGUAGES='gub rus' the same for audio/gub and audio/rus, with one codebook
#   make -f corpus.mk help                            goals and variables
#
# Recordings may have any names: make never sees them, only the list in `chapters`, which changes when one is
# added or removed. Run it again at any time; only what is missing is made. If a recording itself changes, delete
# segments.jsonl. If the codebook changes, delete the folder vocoder.

AUDIO     = audio
LANGUAGES =
MODEL     = small
K         = 100
RATE      = 15
VOCAB     = 2000
TRAIN     = --max-hours 24
SEGMENT   =

.DELETE_ON_ERROR:
.PHONY: all patterns voice help FORCE
all: patterns voice

help:
	@echo 'make -f corpus.mk [GOAL] [VARIABLE=VALUE ...]'
	@echo '  all        everything (the default)'
	@echo '  patterns   motifs.jsonl and motifs.html, terms.jsonl and terms.html, corpus.index'
	@echo '  voice      the folder vocoder, spoken.jsonl, scores.jsonl and report.html'
	@echo 'Variables:'
	@echo '  AUDIO      folder of the recordings                          [$(AUDIO)]'
	@echo '  LANGUAGES  subfolders of AUDIO, one per language             [$(LANGUAGES)]'
	@echo '  MODEL      encoder, see su-encoders(7)                       [$(MODEL)]'
	@echo '  K          number of units                                   [$(K)]'
	@echo '  RATE       runs of units per second                          [$(RATE)]'
	@echo '  VOCAB      number of pieces; about 20 per minute of speech   [$(VOCAB)]'
	@echo '  TRAIN      options of su-train-vocoder                       [$(TRAIN)]'
	@echo '  SEGMENT    options of su-segment, as --keep-going            [$(SEGMENT)]'

SOUNDS = \( -iname '*.mp3' -o -iname '*.wav' -o -iname '*.flac' -o -iname '*.ogg' -o -iname '*.opus' \
         -o -iname '*.m4a' \)

# Each name ends with a NUL. -L follows links, so AUDIO may be one.
chapters: FORCE
	find -L '$(AUDIO)' -type f $(SOUNDS) -print0 | sort -z >$@.new
	test -s $@.new || { rm $@.new; echo "no recordings in $(AUDIO)" >&2; exit 1; }
	cmp -s $@.new $@ || cp $@.new $@
	rm $@.new

ifeq ($(LANGUAGES),)
segments.jsonl: chapters
	xargs -0 su-segment $(SEGMENT) -- <chapters >$@
else
$(LANGUAGES:%=%/segments.jsonl): %/segments.jsonl: chapters
	mkdir -p $*
	find -L '$(AUDIO)'/$* -type f $(SOUNDS) -print0 | sort -z | \
	    xargs -0 su-segment $(SEGMENT) --language $* -- >$@

# Two languages may have files of the same names, so each id begins with its language.
segments.jsonl: $(LANGUAGES:%=%/segments.jsonl)
	for language in $(LANGUAGES); do \
	    sed "s/^{\"id\": \"/&$$language-/" $$language/segments.jsonl || exit 1; \
	done >$@
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
	su-bpe train --model-type unigram --vocab-size $(VOCAB) -o $(1)bpe.model $$<
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
	grep -F '"language": "$*"' $< >$@
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
