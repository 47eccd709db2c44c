"""Print the summary that ends `make demo`: docs/demo.py FOLDER."""

import json
import statistics
import sys
from pathlib import Path

# Figure, file, words, how to show it, its worst and its best value. Worst: noise of the same spectrum, units
# drawn by chance. Best: resynthesis by WORLD (see su-eval(1) for both), an exact copy for pitch and for units
# that change, and for PNMI the units of HuBERT base on English (see su-encoders(7)).
FIGURES = (
    ("pnmi", "units-scores", "Part of the phone that a unit reveals (PNMI)", "{:.0%}", 0, 0.64),
    ("stoi", "speech-scores", "Intelligibility of the new speech (STOI)", "{:.2f}", 0.32, 0.93),
    ("stoi", "bare-scores", "... if the pitch is predicted as well", "{:.2f}", 0.32, 0.93),
    ("mcd", "speech-scores", "Difference in sound colour, in dB (MCD)", "{:.1f}", 10.8, 4.3),
    ("f0_rmse_cents", "speech-scores", "Error of the pitch, in hundredths of a semitone", "{:.0f}", 521, 0),
    ("f0_rmse_cents", "bare-scores", "... if the pitch is predicted as well", "{:.0f}", 521, 0),
    ("uer", "speech-scores", "Units that change if the new speech is encoded", "{:.0%}", 1, 0),
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


def verdict(value, worst, best):
    """Return good, fair or poor: the upper, middle or lower third from worst to best.

    >>> verdict(0.8, 0.32, 0.93), verdict(7.5, 10.8, 4.3), verdict(400, 521, 0)
    ('good', 'fair', 'poor')
    """
    share = (value - worst) / (best - worst)
    return "good" if share >= 2 / 3 else "fair" if share >= 1 / 3 else "poor"


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
    """Return [(words, value, worst, best, verdict)] of the figures that were computed."""
    runs = {name: summary_of(folder / f"{name}.jsonl") for name in {figure[1] for figure in FIGURES}}
    return [
        (
            words,
            form.format(runs[run][name]),
            form.format(worst),
            form.format(best),
            verdict(runs[run][name], worst, best),
        )
        for name, run, words, form, worst, best in FIGURES
        if name in runs[run]
    ]


def pages(folder):
    """Return [(page, words)] of the pages to open, the first one first."""
    known = (
        (
            "motifs.html",
            "Space plays a motif at five places, T names it if it is a word, J goes to the next.",
        ),
        ("report.html", "Play held-out recordings next to the speech made from their units."),
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
    heads = ("Figure", "Value", "Worst", "Best", "Result")
    lines += ["", "HOW GOOD IT IS"]
    lines += aligned([heads, *quality(folder)])
    lines += [
        "  Worst is noise or chance; Best is a strong system or an exact copy. The upper third is good."
    ]
    lines += ["  Speech is measured on 12 segments that the vocoder was not trained on."]
    numbered = [(f"{i}.", str(page), words) for i, (page, words) in enumerate(pages(folder), start=1)]
    lines += ["", "WHAT TO OPEN IN A BROWSER, IN THIS ORDER", *aligned(numbered)]
    if (folder / "units.html").exists():
        lines += ["  Of the first 20 motifs, expect about half to be the same word or sounds at most places."]
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
    sys.stdout.write("\n".join(summary(Path(sys.argv[1]))) + "\n")
