#!/usr/bin/env python3
"""Measure su-bpe's training and encoding against Hugging Face tokenizers, on as many units as 84 hours make.

    bench/bpe.py [MILLIONS=15.2] [VOCABULARY=1000]

Units are made: 2,000 words of 3 to 12 units, drawn by Zipf's law, a tenth of the units replaced at random,
in lines of 600. Prints one line a measurement, ours over theirs last; more than one is in our favour.
"""

import os
import resource
import sys
import time
from multiprocessing import get_context

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))

import numpy as np

LINE = 600  # units


def make(number, alphabet=100, seed=0):
    """Return that many units in lines, no two neighbours equal."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 13, 2000)
    words = rng.integers(0, alphabet, lengths.sum())
    starts = np.cumsum(lengths) - lengths
    zipf = 1 / np.arange(1, 2001)
    drawn = rng.choice(2000, number // 5, p=zipf / zipf.sum())
    within = np.arange(lengths[drawn].sum()) - np.repeat(
        np.cumsum(lengths[drawn]) - lengths[drawn], lengths[drawn]
    )
    units = words[np.repeat(starts[drawn], lengths[drawn]) + within]
    units = np.where(rng.random(len(units)) < 0.1, rng.integers(0, alphabet, len(units)), units)
    units = units[np.append(True, units[1:] != units[:-1])][:number]
    return [units[i : i + LINE] for i in range(0, len(units), LINE)]


def clocks():
    return np.array([time.perf_counter(), time.process_time()])


def ours(lines, vocabulary):
    """Train and encode with units.patterns.bpe; return seconds and CPU seconds of each, and pieces."""
    from units.config import BpeConfig
    from units.patterns.bpe import Model, to_text, train

    begin = clocks()
    model = Model(train(map(to_text, lines), BpeConfig(vocab_size=vocabulary)))
    trained = clocks()
    pieces = sum(map(len, model.encode_all(lines)))
    return trained - begin, clocks() - trained, pieces


def theirs(lines, vocabulary):
    """The same with tokenizers, encoding all lines in one call with all its threads."""
    from tokenizers import Tokenizer, models, trainers

    from units.patterns.bpe import to_text

    begin = clocks()
    texts = list(map(to_text, lines))
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=["<unk>"], show_progress=False, max_token_length=64
    )
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    trained = clocks()
    pieces = sum(len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts))
    return trained - begin, clocks() - trained, pieces


def measured(connection, work, number, vocabulary):
    """Run the work in this process and send what it returns, with this process's peak memory in GB."""
    result = work(make(number), vocabulary)
    connection.send((*result, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6))


def in_process(work, *arguments):
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=measured, args=(there, work, *arguments))
    process.start()
    there.close()
    result = here.recv()
    process.join()
    return result


def main():
    number = int(float(sys.argv[1] if len(sys.argv) > 1 else 15.2) * 1e6)
    vocabulary = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    print(f"{number / 1e6:g} M units, {vocabulary} pieces, {len(os.sched_getaffinity(0))} cores")
    print("            train s  CPU s   encode M units/s  a CPU s   peak GB  M pieces")
    results = []
    for name, work in (("su-bpe", ours), ("tokenizers", theirs)):
        train, encode, pieces, peak = in_process(work, number, vocabulary)
        row = [*train, *(number / encode / 1e6), peak]
        print(
            "{:10}  {:7.1f} {:6.1f}   {:16.2f} {:8.2f}   {:7.2f}".format(name, *row),
            f"{pieces / 1e6:9.2f}",
            flush=True,
        )
        results.append(row)
    (*t, e, c, p), (*u, f, d, q) = results
    ratios = [u[0] / t[0], u[1] / t[1], e / f, c / d, q / p]
    print("ratio       {:7.2f} {:6.2f}   {:16.2f} {:8.2f}   {:7.2f}".format(*ratios))


if __name__ == "__main__":
    main()
