"""The page of su-bpe motifs and su-discover: motifs or terms to listen to and to tag."""

from dataclasses import dataclass

import numpy as np

from units.audio.reading import load_audio
from units.audio.timing import CLIP_CONTEXT, RATE
from units.report.listening import flac
from units.report.page import base64_of, data_uri, page
from units.report.spectrogram import strip

AROUND = 0.5  # s of context on each side
_LOUDNESS = 0.1  # root mean square of every voice, so that all are equally loud
_MOST_GAIN = 20.0


@dataclass(frozen=True)
class Voice:
    """An occurrence to listen to, with AROUND on each side as far as its segment goes.

    samples: (S,) float32 at 16 kHz; first, last: the time of the motif in them, s; start: its time in the
    recording, s. speaker and recording are None if unknown.
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
    """Return the values of a motif or term on the page.

    record: of units.patterns, with the field "motif" or "term"; voices: the Voices to listen to.
    """
    kind = "motif" if "motif" in record else "term"
    return {
        "rank": rank,
        "kind": kind,
        "number": record[kind],
        "units": " ".join(map(str, record["units"])),
        "facts": _facts(record),
        "score": f"LLR {record['llr']:,.0f}" if "llr" in record else f"score {record['score']:,.1f}",
        "voices": [_values(voice) for voice in voices],
    }


def _facts(record):
    facts = [_count(record["count"], "time"), _count(record["recordings"], "recording")]
    if record["speakers"]:
        facts.append(_count(record["speakers"], "speaker"))
    mean, spread = (1000 * record[field] for field in ("mean_duration", "sd_duration"))
    return ", ".join([*facts, f"{mean:.0f} \u00b1 {spread:.0f} ms"])


def _count(number, word):
    return f"{number:,} {word}{'s' * (number != 1)}"


def _values(voice):
    """Return the values of an example: the sound, its picture, the speaker and the place."""
    picture, width, height = strip(voice.samples, voice.first, voice.last)
    recording = "" if voice.recording is None else voice.recording.rsplit("/", 1)[-1]
    return {
        "begin": f"{max(0.0, voice.first - CLIP_CONTEXT):.4f}",
        "end": f"{min(len(voice.samples) / RATE, voice.last + CLIP_CONTEXT):.4f}",
        "sound": base64_of(flac(voice.samples)),
        "picture": data_uri(picture, "image/png"),
        "width": width,
        "height": height,
        "recording": recording,
        "who": recording if voice.speaker is None else voice.speaker,
        "place": f"{int(voice.start // 60)}:{voice.start % 60:04.1f}",
    }


def motifs_page(title, identity, rows):
    """Return the page, HTML.

    title: text; identity: the hash of the model or codebook, under which a browser keeps the tags; rows: of
    `motif_row`, best first, all motifs or all terms.
    """
    kind = rows[0]["kind"] if rows else "motif"
    made_of = {"styles": ("page.css", "motifs.css"), "scripts": ("motifs.js",)}
    return page("motifs.html", title, kind=kind, identity=identity, patterns=rows, **made_of)
