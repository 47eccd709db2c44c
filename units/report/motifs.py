"""The page of su-bpe motifs: motifs to listen to, several voices side by side, and to tag."""

import base64
from dataclasses import dataclass

import numpy as np

from units.audio.reading import load_audio
from units.audio.timing import CLIP_CONTEXT, RATE
from units.report.listening import flac
from units.report.page import data_uri, name, page, text
from units.report.spectrogram import strip

AROUND = 0.5  # s of context on each side
_LOUDNESS = 0.1  # root mean square that voices are brought to, so that none hides behind another
_MOST_GAIN = 20.0


@dataclass(frozen=True)
class Voice:
    """An occurrence to listen to, with AROUND on each side as far as its segment goes.

    samples: (S,) float32 at 16 kHz; first, last: where in them the motif stands, s; start: where in the
    recording, s. speaker and recording are None where they are not known.
    """

    speaker: str | None
    recording: str | None
    start: float
    samples: np.ndarray
    first: float
    last: float


def load_voice(segment, start, end):
    """Return the Voice at start to end, s of the recording, of a units.patterns.motifs.Segment."""
    before = max(0.0, start - AROUND)
    after = min(segment.end, end + AROUND)
    samples = load_audio(segment.audio_filepath, before, after - before, segment.channel)
    level = float(np.sqrt(np.square(samples, dtype=np.float64).mean())) if len(samples) else 0.0
    gain = min(_LOUDNESS / max(level, 1e-9), 1 / max(np.abs(samples).max(initial=0), 1e-9), _MOST_GAIN)
    times = start, samples * np.float32(gain), start - before, end - before
    return Voice(segment.speaker, segment.audio_filepath, *times)


def motif_row(rank, record, voices):
    """Return a motif of the page, HTML: a record of `motifs.describe`, and the Voices to listen to."""
    units = " ".join(map(str, record["units"]))
    buttons = "".join(_voice(number, each) for number, each in enumerate(voices, start=1))
    return (
        f'<article class="motif" tabindex="-1" id="motif-{rank}" aria-labelledby="motif-{rank}-head" '
        f'data-motif="{record["motif"]}" data-units="{units}">\n<div class="about">'
        f'<h3 id="motif-{rank}-head"><span class="rank">{rank}</span> <code>{units}</code></h3>\n'
        f'<p>{_facts(record)}</p>\n<label class="tag">Tag <input type="text" list="tags" autocomplete="off" '
        'spellcheck="false" enterkeyhint="next"></label></div>\n'
        f'<div class="voices">{buttons}</div></article>\n'
    )


def _facts(record):
    facts = [_count(record["count"], "time"), _count(record["recordings"], "recording")]
    if record["speakers"]:
        facts.append(_count(record["speakers"], "speaker"))
    mean, spread = (1000 * record[field] for field in ("mean_duration", "sd_duration"))
    facts.append(f"{mean:.0f} \u00b1 {spread:.0f} ms")
    return f'{", ".join(facts)}, <span class="llr">LLR {record["llr"]:,.0f}</span>'


def _count(number, word):
    return f"{number:,} {word}{'s' * (number != 1)}"


def _voice(number, voice):
    picture, width, height = strip(voice.samples, voice.first, voice.last)
    seconds = len(voice.samples) / RATE
    span = max(0.0, voice.first - CLIP_CONTEXT), min(seconds, voice.last + CLIP_CONTEXT)
    recording = "" if voice.recording is None else voice.recording.rsplit("/", 1)[-1]
    place = f"{int(voice.start // 60)}:{voice.start % 60:04.1f}"
    who = recording if voice.speaker is None else voice.speaker
    return (
        f'<button type="button" class="voice" data-from="{span[0]:.4f}" data-to="{span[1]:.4f}" '
        f'data-sound="{base64.b64encode(flac(voice.samples)).decode()}" title="{text(recording)} {place}">'
        f'<img src="{data_uri(picture, "image/png")}" width="{width}" height="{height}" alt="">'
        f'<span class="who"><kbd>{number}</kbd> {name(who)} <span class="place">{place}</span></span>'
        "</button>"
    )


def motifs_page(title, model, rows):
    """Return the page, HTML.

    title: text; model: what tells the model from others, under which a browser keeps the tags; rows: of
    `motif_row`, best first.
    """
    lead = (
        f"<p>{len(rows):,} motifs, best first: strings of units that recur. Play them, and where they are a "
        "word or a piece of one, say so in a tag. Tags stay in this browser until they are downloaded.</p>\n"
        "<p>LLR tells how far beyond chance a string recurs: its log-likelihood ratio against a chain of "
        "pairs of units.</p>\n"
        '<p class="keys"><kbd>J</kbd> and <kbd>K</kbd> go to the next motif and back, <kbd>Space</kbd> plays '
        "its voices in turn, <kbd>1</kbd> to <kbd>9</kbd> one of them, <kbd>C</kbd> switches what is heard "
        "around it, <kbd>T</kbd> goes to the tag and <kbd>Enter</kbd> from there to the next motif.</p>\n"
    )
    body = _tools(model) + "".join(rows) if rows else "<p>Nothing recurs.</p>"
    made_of = {"styles": ("page.css", "motifs.css"), "scripts": ("motifs.js",)}
    return page(title, lead, [("motifs", "Motifs", body)], "su-bpe", **made_of)


def _tools(model):
    return (
        f'<div class="tools tagging" data-model="{text(model)}">'
        '<button type="button" class="download">Download tags</button>'
        '<label class="file">Load tags <input type="file" class="load" accept=".jsonl,.json,.txt"></label>'
        '<label><input type="checkbox" class="around"> with half a second around</label>'
        '<output aria-live="polite"></output></div>\n<datalist id="tags"></datalist>\n'
    )
