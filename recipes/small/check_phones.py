"""Compare labels of phones with those of another source, whose names of phones may be others.

    python recipes/small/check_phones.py PHONES.jsonl LABFOLDER --prefix ru- --silences pau ""

LABFOLDER has files that `units.labels.alignments` reads. Prints figures over all recordings that both have.
"""

import argparse
import os
import sys
from collections import Counter, defaultdict

import numpy as np

from units.labels.alignments import read_alignment_files

FRAME = 0.01  # s


def boundaries(phones, silent):
    """Return the times at which something other than silence begins or ends."""
    spoken = [phone for phone in phones if phone[2] not in silent]
    return np.unique([time for start, end, _ in spoken for time in (start, end)])


def near(times, others, tolerance):
    """Return for each time whether another is within the tolerance."""
    return np.min(np.abs(times[:, None] - others[None]), axis=1) <= tolerance + 1e-6


def label_at(phones, times):
    """Return the labels at some times."""
    starts = np.array([start for start, _, _ in phones])
    found = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, None)
    return [phones[i][2] for i in found]


def figures(pairs, silences):
    """Return ({name: value}, {(reference label, our label): frames})."""
    hits, table = defaultdict(list), Counter()
    for truth, ours in pairs:
        right, found = boundaries(truth, silences), boundaries(ours, {"SIL"})
        shifted = np.sort((found + 0.5 * found[-1]) % found[-1])
        signed = right - found[np.abs(right[:, None] - found[None]).argmin(1)]
        hits["ours minus theirs, s (median, of those within 40 ms)"].append(-signed[np.abs(signed) < 0.04])
        for tolerance in (0.02, 0.04):
            name = f"within {1000 * tolerance:.0f} ms"
            hits[f"theirs that have one of ours {name}"].append(near(right, found, tolerance))
            hits[f"ours that have one of theirs {name}"].append(near(found, right, tolerance))
            hits[f"theirs {name}, ours shifted (chance)"].append(near(right, shifted, tolerance))
        times = np.arange(FRAME / 2, min(truth[-1][1], ours[-1][1]), FRAME)
        names = ["SIL" if label in silences else label for label in label_at(truth, times)]
        table.update(zip(names, label_at(ours, times), strict=True))
    merged = {name: np.concatenate(values) for name, values in hits.items()}
    return {k: np.median(v) if "median" in k else v.mean() for k, v in merged.items()}, table


def purities(table):
    """Return {reference label: (frames, share of our most frequent label, that label)}."""
    rows = defaultdict(Counter)
    for (theirs, our), count in table.items():
        rows[theirs][our] += count
    return {
        label: (sum(row.values()), row.most_common(1)[0][1] / sum(row.values()), row.most_common(1)[0][0])
        for label, row in rows.items()
    }


def main():
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phones")
    parser.add_argument("folder")
    parser.add_argument("--prefix", default="", help="of the ids in PHONES, before the names of the files")
    parser.add_argument("--silences", nargs="+", default=["pau"])
    options = parser.parse_args()
    ours = read_alignment_files([options.phones])
    files = [os.path.join(options.folder, name) for name in sorted(os.listdir(options.folder))]
    truth = read_alignment_files(files)
    pairs = [(truth[name], ours[options.prefix + name]) for name in truth if options.prefix + name in ours]
    values, table = figures(pairs, set(options.silences))
    found = purities(table)
    lines = [f"{len(pairs)} recordings", *(f"{value:.3f}  {name}" for name, value in values.items())]
    for name, kept in (
        ("all frames", found),
        ("without silence", {k: v for k, v in found.items() if k != "SIL"}),
    ):
        total = sum(count for count, _, _ in kept.values())
        lines.append(
            f"{sum(count * share for count, share, _ in kept.values()) / total:.3f}  purity of {name}"
        )
    for label, (count, share, our) in sorted(found.items(), key=lambda item: -item[1][0]):
        lines.append(f"  {label}: {our} {share:.2f} of {count * FRAME:.0f} s")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
