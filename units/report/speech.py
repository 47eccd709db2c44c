"""The report of su-eval speech: a resynthesis against its recordings."""

from units.audio.timing import RATE
from units.metrics.cepstral import FRAME_MS, f0_track
from units.metrics.figures import SPEECH
from units.report.distributions import distributions
from units.report.listening import MOST_SECONDS, flac
from units.report.page import data_uri, figure, name, page, text
from units.report.spectrogram import spectrogram_db
from units.report.tables import Column, sortable_table, summary_table
from units.report.timeline import Timeline


def ranking(summary):
    """Return the figure by which examples are chosen, None where there are no figures."""
    return next((key for key in ("mcd", "stoi", *SPEECH) if key in summary), None)


def speech_page(title, summary, rows, examples):
    """Return the report, HTML.

    title: text; summary: {name: {"mean", "low", "high"}}; rows: [(id, {name: figure})], in order;
    examples: {index of row: Example}.
    """
    figures = {key: SPEECH[key] for key in SPEECH if key in summary}
    lead = (
        f"<p>{len(rows):,} recordings. Each mean comes with a bootstrap 95 % interval over recordings; "
        "arrows tell which way is better.</p>"
    )
    columns = [Column("Recording"), *(Column(k, f.decimals, f.label) for k, f in figures.items())]
    table = [[key, *(found.get(k) for k in figures)] for key, found in rows]
    links = {index: f"example-{number}" for number, index in enumerate(examples)}
    parts = [("summary", "Summary", summary_table(summary, figures))]
    if examples:
        by = SPEECH[ranking(summary)].label
        parts.append(("listen", "Listen and look", _examples(examples.values(), by, figures)))
    parts.append(("distributions", "Distributions", distributions(summary, rows, figures)))
    parts.append(
        (
            "recordings",
            "Recordings",
            sortable_table("all", "Figures of each recording", columns, table, links),
        )
    )
    return page(title, lead, parts)


def _examples(examples, by, figures):
    lead = (
        f"<p>Chosen by {text(by)}. One button plays both in step; switch between them while they play, also "
        "with the keys <kbd>A</kbd> and <kbd>B</kbd>, and click into the picture to move.</p>\n"
    )
    return lead + "".join(_example(number, each, figures) for number, each in enumerate(examples))


def _example(number, example, figures):
    values = " ".join(
        f"<div><dt>{text(key)}</dt><dd>{figures[key].write(example.figures[key])}</dd></div>"
        for key in figures
        if key in example.figures
    )
    cut = ""
    if example.whole_seconds > MOST_SECONDS:
        cut = f"<p>The first {MOST_SECONDS:.0f} s of {example.whole_seconds:.0f} s.</p>"
    return (
        f'<article class="example" id="example-{number}">\n'
        f'<h3><span class="rank">{text(example.rank)}</span> {name(example.id)}</h3>\n'
        f'<dl class="figures">{values}</dl>{cut}\n'
        f"{_player(number, example)}{_picture(example)}</article>\n"
    )


def _player(number, example):
    pair = (("Original", example.original), ("Resynthesis", example.resynthesis))
    seconds = max(len(samples) for _, samples in pair) / RATE
    choices = "".join(
        f'<label class="choice"><input type="radio" name="version-{number}"{" checked" * (letter == "A")}>'
        f"<span>{letter} {label.lower()}</span></label>"
        for letter, (label, _) in zip("AB", pair, strict=True)
    )
    sounds = "".join(_sound(label, samples, example.id) for label, samples in pair)
    return (
        f'<div class="player" role="group" aria-label="Both of {text(example.id)} in step" '
        f'data-seconds="{seconds:.4f}" hidden><button type="button" class="play">Play</button>'
        f'<span class="choices">{choices}</span>'
        '<input type="range" class="seek" min="0" step="0.01" value="0" aria-label="Position in seconds">'
        '<output class="time"></output></div>\n'
        f'<div class="sounds">{sounds}</div>\n'
    )


def _sound(label, samples, record_id):
    source = data_uri(flac(samples), "audio/flac")
    return (
        f'<figure><figcaption>{label}</figcaption><audio controls preload="metadata" src="{source}" '
        f'aria-label="{label} of {text(record_id)}"></audio></figure>'
    )


def _picture(example):
    pair = example.original, example.resynthesis
    seconds = max(map(len, pair)) / RATE
    drawing = Timeline(seconds)
    top_db = float(spectrogram_db(example.original).max())
    drawing.spectrogram(example.original, "Original", top_db)
    if example.phones:
        drawing.phones(example.phones)
    if example.units:
        drawing.units(example.units)
    drawing.spectrogram(example.resynthesis, "Resynthesis", top_db)
    drawing.pitch([f0_track(samples) for samples in pair], FRAME_MS / 1000)
    given = [kind for spans, kind in ((example.phones, "phones"), (example.units, "units")) if spans]
    below = f", {' and '.join(given)} between them" if given else ""
    words = (
        f"Spectrograms of the original and the resynthesis of {example.id}{below}, "
        "and F0 of both over each other"
    )
    return figure(drawing.picture(), words, "timeline", left=drawing.LEFT, right=drawing.RIGHT)
