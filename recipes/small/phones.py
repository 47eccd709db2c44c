"""Label the phones of recordings in many languages from their audio and texts.

    OMP_NUM_THREADS=1 python recipes/small/phones.py RECORDS --out PHONES.jsonl

Texts become phones of one inventory (texts.py). They are aligned with frames of mfcc and, with --encoder, of
a learned encoder: at first by an equal division of the loud frames, then with Gaussians, then with a
classifier that is trained on the alignment before. It needs the recordings, their texts and espeak-ng.
"""

import argparse
import json
import sys
import time
from collections import Counter, defaultdict

import numpy as np
import torch
from classifier import Classifier
from frames import LEAD, SECONDS, Frames
from hmm import Gaussians, Graph, align, flat_path
from texts import INVENTORY, SILENCE, Speller, voices

NUMBER = {phone: i for i, phone in enumerate(INVENTORY)}
SIL = NUMBER[SILENCE]
_START = time.monotonic()


def say(text):
    """Write a line of the log, with the time since the start."""
    sys.stderr.write(f"{time.monotonic() - _START:6.0f} s  {text}\n")
    sys.stderr.flush()


def read(path):
    """Return the records with text, one per file."""
    with open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return list({record["audio_filepath"]: record for record in records if record.get("text")}.values())


def graphs_of(records):
    """Return the Graph of each record, None if its text cannot be read; names the languages left out."""
    known, spellers, graphs, counts = voices(), {}, [], Counter()
    for record in records:
        language = record["language"]
        if language not in spellers:
            spellers[language] = Speller(language, known)
        words = spellers[language].words(record["text"]) if spellers[language] else []
        counts.update(phone for word in words for phone in word)
        numbers = [[NUMBER[phone] for phone in word] for word in words]
        graphs.append(Graph(numbers, SIL) if words else None)
    say("no phones for: " + (" ".join(name for name, found in spellers.items() if not found) or "none"))
    say("phones: " + " ".join(f"{phone} {count}" for phone, count in counts.most_common()))
    return graphs


def labels_of(graph, path):
    """Return the label of each frame of a path."""
    return graph.units[path]


def learn(graphs, frames, loud, rounds, trainings, passes):
    """Return (paths, Classifier) of utterances: their alignment and the model that made it."""
    paths = [flat_path(*pair, SIL) for pair in zip(graphs, loud, strict=True)]
    for number in range(rounds):
        labels, chosen = _labelled(graphs, frames, paths)
        model = Gaussians(np.concatenate(chosen), np.concatenate(labels), len(INVENTORY))
        before = paths
        paths = align(graphs, lambda i, model=model: model(frames[i]))
        say(f"Gaussians {number + 1}: {_changed(before, paths):.3f} of frames moved")
    for number in range(trainings):
        labels, chosen = _labelled(graphs, frames, paths)
        model = Classifier(frames[0].shape[1], len(INVENTORY))
        loss = model.train(chosen, labels, passes)
        before = paths
        paths = align(graphs, lambda i, model=model: model.likelihoods(frames[i]))
        say(f"classifier {number + 1}: loss {loss:.3f}, {_changed(before, paths):.3f} of frames moved")
    return paths, model


def _labelled(graphs, frames, paths):
    known = [i for i, path in enumerate(paths) if path is not None]
    return [labels_of(graphs[i], paths[i]) for i in known], [frames[i] for i in known]


def _changed(before, after):
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if a is not None and b is not None]
    return np.mean(np.concatenate([a != b for a, b in pairs]))


def scores_of(graphs, paths, frames, model):
    """Return the mean log probability that the classifier gives to the phones of each path.

    It is -inf if there is no path, or if almost all of it is silence.
    """
    scores = np.full(len(paths), -np.inf)
    for i, (graph, path) in enumerate(zip(graphs, paths, strict=True)):
        if path is not None:
            labels = labels_of(graph, path)
            spoken = labels != SIL
            if spoken.mean() >= 0.2:
                scores[i] = model.posteriors(frames[i])[spoken, labels[spoken]].mean()
    return scores


def trusted(records, scores, share):
    """Return which records to keep: not the worst `share` of their language, nor far below all others."""
    finite = scores[np.isfinite(scores)]
    least = finite.mean() - 3 * finite.std()
    languages = np.array([record["language"] for record in records])
    keep = scores > least
    for language in np.unique(languages):
        own = languages == language
        keep[own] &= scores[own] >= np.quantile(scores[own], share, method="lower")
    return keep


def spans_of(graph, path, duration):
    """Return [[start, end, label], ...] of a path: one for each unit that has frames."""
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    times = [0.0, *(round(float(start) * SECONDS + LEAD, 4) for start in starts[1:]), round(duration, 4)]
    labels = [INVENTORY[graph.units[path[start]]] for start in starts]
    return [list(span) for span in zip(times, times[1:], labels, strict=False)]


def write(file, records, graphs, paths, scores, lengths):
    """Write the labels, a line per record with a path; `score` is the mean log probability of its phones."""
    with open(file, "w", encoding="utf-8") as out:
        for record, graph, path, score, length in zip(records, graphs, paths, scores, lengths, strict=True):
            if path is None:
                continue
            duration = max(record.get("duration") or 0.0, length * SECONDS)
            line = {
                "id": record["id"],
                "audio_filepath": record["audio_filepath"],
                "score": round(float(score), 3),
                "phones": spans_of(graph, path, duration),
            }
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def report(records, scores, paths):
    """Say how much was labelled, and how sure the classifier is of each language."""
    languages = defaultdict(list)
    for record, score, path in zip(records, scores, paths, strict=True):
        if path is not None:
            languages[record["language"]].append((score, len(path) * SECONDS / 3600))
    hours = sum(hour for found in languages.values() for _, hour in found)
    say(f"{hours:.2f} h in {len(languages)} languages")
    means = sorted((np.mean([score for score, _ in found]), name) for name, found in languages.items())
    say("mean log probability: " + " ".join(f"{name} {mean:.2f}" for mean, name in means))


def load(frames, path, cache):
    """Return (records, graphs, frames, loud) of the records in a file whose texts can be read."""
    records = read(path)
    rows, loud = frames.load(records, cache)
    say(f"{path}: {len(records)} files, {sum(map(len, rows)) * SECONDS / 3600:.2f} h")
    graphs = graphs_of(records)
    fit = [i for i, graph in enumerate(graphs) if graph and graph.least <= len(rows[i])]
    return [[found[i] for i in fit] for found in (records, graphs, rows, loud)]


def main():
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", help="JSON Lines with id, audio_filepath, language and text")
    parser.add_argument("--out", required=True, help="labels, JSON Lines of id and phones")
    parser.add_argument("--encoder", help="a learned encoder whose frames are used next to mfcc")
    parser.add_argument("--cache", default="build/frames", help="folder for frames")
    parser.add_argument("--rounds", type=int, default=8, help="alignments with Gaussians")
    parser.add_argument("--trainings", type=int, default=3, help="classifiers, each on the one before")
    parser.add_argument(
        "--passes", type=float, default=2.0, help="of a classifier's training over all frames"
    )
    parser.add_argument("--drop", type=float, default=0.05, help="share of each language to leave out")
    parser.add_argument(
        "--also", nargs=2, metavar=("RECORDS", "OUT"), help="records to label with the models of the others"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    maker = Frames(options.encoder)
    records, graphs, rows, loud = load(maker, options.records, options.cache)
    paths, model = learn(graphs, rows, loud, options.rounds, options.trainings, options.passes)
    scores = scores_of(graphs, paths, rows, model)
    keep = trusted(records, scores, options.drop)
    paths = [path if kept else None for path, kept in zip(paths, keep, strict=True)]
    say(f"{np.sum(~keep)} of {len(keep)} files are left out")
    report(records, scores, paths)
    write(options.out, records, graphs, paths, scores, map(len, rows))
    if options.also:
        records, graphs, rows, _ = load(maker, options.also[0], options.cache + "-also")
        paths = align(graphs, lambda i: model.likelihoods(rows[i]))
        scores = scores_of(graphs, paths, rows, model)
        write(options.also[1], records, graphs, paths, scores, map(len, rows))


if __name__ == "__main__":
    main()
