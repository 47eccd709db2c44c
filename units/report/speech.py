"""The page of su-eval speech: resynthesis against recordings."""

from units.audio.timing import RATE
from units.metrics.cepstral import FRAME_MS, f0_track
from units.metrics.figures import SPEECH
from units.report.distributions import distributions
from units.report.listening import MOST_SECONDS, flac
from units.report.page import data_uri, page, picture_of
from units.report.spectrogram import spectrogram_db
from units.report.tables import figures_table, summary_rows
from units.report.timeline import Timeline


def ranking(summary):
    """Return the name of the figure that ranks the examples, or None if there are no figures."""
    return next((key for key in ("mcd", "stoi", *SPEECH) if key in summary), None)


def speech_page(title, summary, rows, examples):
    """Return the page, HTML.

    title: text; summary: {name: {"mean", "low", "high"}}; rows: [(id, {name: figure})], in order;
    examples: {index of row: Example}.
    """
    figures = {key: SPEECH[key] for key in SPEECH if key in summary}
    links = {index: f"example-{number}" for number, index in enumerate(examples)}
    return page(
        "speech.html",
        title,
        count=len(rows),
        summary=summary_rows(summary, figures),
        ranking=SPEECH[ranking(summary)].label if summary else "",
        examples=[_example(number, each, figures) for number, each in enumerate(examples.values())],
        pictures=distributions(summary, rows, figures),
        table=figures_table(rows, figures, links),
    )


def _example(number, example, figures):
    """Return the values of an example: its figures as texts, its sounds and its picture."""
    cut = ""
    if example.whole_seconds > MOST_SECONDS:
        cut = f"These are the first {MOST_SECONDS:.0f} s of {example.whole_seconds:.0f} s."
    pair = example.original, example.resynthesis
    names = ("A", "Original"), ("B", "Resynthesis")
    return {
        "number": number,
        "id": example.id,
        "rank": example.rank,
        "figures": [(k, figures[k].write(example.figures[k])) for k in figures if k in example.figures],
        "cut": cut,
        "seconds": f"{max(map(len, pair)) / RATE:.4f}",
        "sounds": [
            (*name, data_uri(flac(samples), "audio/flac")) for name, samples in zip(names, pair, strict=True)
        ],
        "picture": _picture(example),
        "margins": (Timeline.LEFT, Timeline.RIGHT),
    }


def _picture(example):
    pair = example.original, example.resynthesis
    drawing = Timeline(max(map(len, pair)) / RATE)
    top_db = float(spectrogram_db(example.original).max())
    drawing.spectrogram(example.original, "Original", top_db)
    if example.phones:
        drawing.phones(example.phones)
    if example.units:
        drawing.units(example.units)
    drawing.spectrogram(example.resynthesis, "Resynthesis", top_db)
    drawing.pitch([f0_track(samples) for samples in pair], FRAME_MS / 1000)
    given = [kind for spans, kind in ((example.phones, "phones"), (example.units, "units")) if spans]
    between = f" with the {' and '.join(given)} between them" if given else ""
    words = f"Spectrograms of the original and the resynthesis of {example.id}{between}, and F0 of both"
    return picture_of(drawing.picture(), words)
