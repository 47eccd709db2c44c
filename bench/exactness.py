#!/usr/bin/env python3
"""Check that spans of a recording equal the same part of one decode of the file, codec by codec.

    bench/exactness.py [--spans 200] [--seconds 60]

Speech-like audio (harmonics, hisses and pauses) is encoded with each codec. Spans that begin anywhere, in any
order, are read by units.audio and compared with one decode of the file: at the file's own rate, and at 16 kHz
with everything resampled at once. The last column does the same with libsndfile if it reads the format: it
seeks to 24 frames before the span, reads up to it and then the span, as many tools do.
"""

import argparse
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "tests", "support")]

import encoded
import numpy as np
import soundfile
from speechlike import recording

from units.audio.reading import Reader, blocks, decoded, open_source

PREROLL = 24 * 1152


def spans_of(rng, count, samples):
    """Return places and lengths: half of them in the order of time."""
    starts = rng.integers(0, samples - 1000, count)
    starts[: count // 2].sort()
    return [
        (
            int(s),
            int(rng.integers(1, samples - s + 1) if i % 9 == 0 else min(samples - s, rng.integers(1, 40000))),
        )
        for i, s in enumerate(starts)
    ]


def largest(differences):
    return max(differences, default=0.0)


def own_rate(path, whole, spans):
    """Return the largest error of each span, at the file's own rate."""
    source = open_source(path)
    errors = []
    for start, count in spans:
        found, wanted = source.read(start, start + count), whole[start : start + count]
        errors.append(np.abs(found - wanted).max() if found.shape == wanted.shape else np.inf)
    return errors


def at_16_khz(path, spans, rate):
    whole, reader, errors = np.concatenate(list(blocks(path))), Reader(), []
    for start, count in spans:
        offset, duration = start / rate, count / rate
        found = reader.load(path, offset, duration)
        first = round(offset * 16000)
        wanted = whole[first : first + len(found)]
        errors.append(
            np.abs(found[: len(wanted)] - wanted).max(initial=0) if len(found) - len(wanted) < 320 else np.inf
        )
    return errors


def by_libsndfile(path, spans):
    try:
        whole = soundfile.read(path, dtype="float32", always_2d=True)[0]
    except soundfile.LibsndfileError:
        return None
    wrong = 0
    for start, count in spans:
        with soundfile.SoundFile(path) as file:
            try:
                file.seek(max(0, start - PREROLL))
            except soundfile.LibsndfileError:
                return None
            file.read(min(start, PREROLL))
            found = file.read(count, dtype="float32", always_2d=True)
        wanted = whole[start : start + count]
        wrong += found.shape != wanted.shape or bool(np.abs(found - wanted).max(initial=0) > 1e-4)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--spans", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    print(
        f"{'format':26} {'Hz':>6} {'spans':>6} {'wrong':>6} {'largest':>9} {'at 16 kHz':>10} {'s':>6} {'libsndfile wrong':>17}"
    )
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        plan = [0.4, 2.7] * max(1, round(options.seconds / 3.1))
        for name in [*encoded.MP3, *encoded.OTHERS, *encoded.SUBTYPES]:
            path, rate = os.path.join(folder, "a"), 16000
            if name in encoded.SUBTYPES:
                data = encoded.pcm(recording(plan, seed=1, rate=rate), rate, encoded.SUBTYPES[name])
            else:
                rate = {**encoded.MP3, **encoded.OTHERS}[name][2]
                mono = recording(plan, seed=1, rate=rate)
                data = encoded.encode(np.stack([mono, 0.6 * np.roll(mono, rate // 200)], axis=1), rate, name)
            with open(path, "wb") as file:
                file.write(data)
            rate, whole = decoded(path)
            spans = spans_of(rng, options.spans, len(whole))
            began = time.perf_counter()
            errors = own_rate(path, whole, spans)
            took = time.perf_counter() - began
            resampled = largest(at_16_khz(path, spans, rate))
            wrong = sum(error > 0 for error in errors)
            theirs = by_libsndfile(path, spans)
            failed |= wrong > 0 or resampled > 1e-4
            print(
                f"{name:26} {rate:6} {len(spans):6} {wrong:6} {largest(errors):9.2g} {resampled:10.2g} {took:6.2f} {'-' if theirs is None else theirs:>17}",
                flush=True,
            )
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
