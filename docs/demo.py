"""Print the summary that ends `make demo`: docs/demo.py FOLDER."""

import json
import statistics
import sys
from pathlib import Path

# Figure, file, words, how to show it, the limits of "good" and "fair", whether high is good. The limits are
# rough guides for a vocoder that was trained for five minutes.
FIGURES = (
    ("pnmi", "units-scores", "Knowing the unit, how much of the phone is known", "{:.0%}", 0.45, 0.3, True),
    ("stoi", "speech-scores", "Intelligibility of the new speech (STOI, 0 to 1)", "{:.2f}", 0.75, 0.6, True),
    ("mcd", "speech-scores", "Difference in sound colour (MCD, in dB)", "{:.1f}", 6, 8, False),
    (
        "f0_rmse_cents",
        "speech-scores",
        "Error of the pitch (100 cents are a semitone)",
        "{:.0f}",
        200,
        400,
        False,
    ),
    ("uer", "speech-scores", "Units that change when the new speech is encoded", "{:.0%}", 0.2, 0.4, False),
    ("stoi", "bare-scores", "Intelligibility if the pitch is predicted too", "{:.2f}", 0.7, 0.55, True),
)


def records(path):
    """Return the records of a JSON Lines file, [] if it is missing or empty."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return [json.loads(line) for line in file if line.strip()]


def summary_of(path):
    """Return {figure: its mean} of the last line of a run of su-eval."""
    found = records(path)
    summary = found[-1].get("summary", {}) if found else {}
    return {name: each["mean"] for name, each in summary.items() if each}


def verdict(value, good, fair, high):
    """Return good, fair or poor.

    >>> verdict(0.8, 0.75, 0.6, True), verdict(7, 6, 8, False), verdict(9, 6, 8, False)
    ('good', 'fair', 'poor')
    """
    sign = 1 if high else -1
    return "good" if sign * value >= sign * good else "fair" if sign * value >= sign * fair else "poor"


def amounts(folder):
    """Return [(name, words)]: how much speech, units and motifs there are."""
    segments, units = records(folder / "segments.jsonl"), records(folder / "units.jsonl")
    seconds = sum(each["duration"] for each in segments)
    files = len({each["audio_filepath"] for each in segments})
    runs = sum(1 + sum(a != b for a, b in zip(r["units"], r["units"][1:], strict=False)) for r in units)
    size = records(folder / "codebook.json")[0]["k"]
    rows = [
        (
            "Speech",
            f"{seconds / 60:.0f} minutes, cut at pauses into {len(segments)} segments of {files} recordings",
        ),
        ("Units", f"{size} sound classes, found without labels; {runs / seconds:.0f} sounds per second"),
    ]
    motifs = records(folder / "motifs.jsonl")
    if motifs:
        best = motifs[:20]
        times, last = (statistics.median(each[name] for each in best) for name in ("count", "mean_duration"))
        words = (
            f"sequences of units that recur; of the best {len(best)}, the typical one occurs {times:g} times"
        )
        rows.append(("Motifs", f"{words} and lasts {last:.2f} s"))
    return rows


def quality(folder):
    """Return [(words, value, limit, verdict)] of the figures that were computed."""
    runs = {name: summary_of(folder / f"{name}.jsonl") for name in {figure[1] for figure in FIGURES}}
    rows = []
    for name, run, words, form, good, fair, high in FIGURES:
        value = runs[run].get(name)
        if value is not None:
            limit = f"{'above' if high else 'below'} {form.format(good)}"
            rows.append((words, form.format(value), limit, verdict(value, good, fair, high)))
    return rows


def pages(folder):
    """Return [(page, words)] of the pages to open, the first one first."""
    known = (
        ("motifs.html", "Press the number keys to hear one motif at several places: is it the same word?"),
        ("report.html", "Compare held-out recordings with speech made from their units."),
        ("units.html", "See which phones each unit covers."),
    )
    return [(folder / name, words) for name, words in known if (folder / name).exists()]


def aligned(rows, indent="  "):
    """Return rows as lines of aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return [indent + "  ".join(row).rstrip() for row in cells]


def summary(folder):
    """Return the lines of the summary."""
    lines = ["", "The demo is finished.", "", "WHAT IT MADE", *aligned(amounts(folder))]
    heads = ("Figure", "Value", "Good if", "Result")
    lines += ["", "HOW GOOD IT IS (rough guides; recordings kept out of the training)"]
    lines += aligned([heads, *quality(folder)])
    numbered = [(f"{i}.", str(page), words) for i, (page, words) in enumerate(pages(folder), start=1)]
    lines += ["", "WHAT TO OPEN IN A BROWSER, IN THIS ORDER", *aligned(numbered)]
    files = [
        (f"{folder}/motifs.jsonl", "the motifs, with the times of all their occurrences"),
        (f"{folder}/units.jsonl", "the recordings as units"),
        (
            f"{folder}/spoken, {folder}/bare",
            "the new speech as WAV files: with the recorded pitch, with predicted pitch",
        ),
        (f"{folder}/vocoder", "the vocoder, for su-synth"),
    ]
    lines += ["", "FILES", *aligned(files)]
    lines += [
        "",
        "YOUR OWN RECORDINGS",
        "  make demo AUDIO=FOLDER    any language; no text or labels needed",
        "",
    ]
    return lines


if __name__ == "__main__":
    print("\n".join(summary(Path(sys.argv[1]))))
