#!/usr/bin/env python3
"""Time to decode recordings to 16 kHz mono, completely and by spans, compared with libsndfile and ffmpeg.

    bench/audio.py [--minutes 10] [--hours 3] [--spans 600] RECORDING...

The recordings (all with the same rate, such as festvox-ru's) are joined, resampled to 48 kHz stereo and
encoded with each codec. "Whole" reads them block by block, as su-segment does; the peers are soundfile with
soxr, and the ffmpeg program if it is installed, which starts a process. "Spans" reads 600 spans of 5 s of a
long MP3, in order of time as records do, and in random order as hits do; the peer is libsndfile, which seeks,
and is then wrong (see bench/exactness.py). Each figure is the smallest of three, in seconds.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(HERE), "tests", "support")]

import encoded
import numpy as np
import soundfile
import soxr

from units.audio.reading import Reader, blocks, load_audio, open_source

RATE = 48000
CODECS = ("mp3 -q:a 4", "mp3 128 kbit/s", "opus", "vorbis ogg", "m4a aac", "flac", "wav mu-law")
SPAN = 5.0


def least(function, *arguments, times=3):
    """Return the least time that a call took, in s."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        function(*arguments)
        taken.append(time.perf_counter() - began)
    return min(taken)


def by_us(path):
    for _ in blocks(path):
        pass


def by_soundfile(path):
    with soundfile.SoundFile(path) as file:
        stream = soxr.ResampleStream(file.samplerate, 16000, 1, dtype="float32")
        while len(block := file.read(30 * file.samplerate, dtype="float32", always_2d=True)):
            stream.resample_chunk(block.mean(axis=1))


def by_ffmpeg(path):
    words = ["ffmpeg", "-v", "error", "-i", path, "-ac", "1", "-ar", "16000", "-f", "f32le", "-"]
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)


def spans_by_soundfile(path, offsets):
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        for offset in offsets:
            file.seek(round(offset * rate))
            samples = file.read(round(SPAN * rate), dtype="float32", always_2d=True).mean(axis=1)
            soxr.resample(samples, rate, 16000)


def spans_by_us(path, offsets):
    reader = Reader()
    for offset in offsets:
        reader.load(path, offset, SPAN)


def shown(seconds):
    return "-" if seconds is None else f"{seconds:.2f}"


def whole(folder, stereo):
    minutes = len(stereo) / RATE / 60
    print(f"{minutes:.0f} minutes of {RATE // 1000} kHz stereo, whole, s")
    print(f"{'format':18} {'units':>8} {'libsndfile + soxr':>18} {'ffmpeg':>8}")
    for name in CODECS:
        path = os.path.join(folder, "whole")
        with open(path, "wb") as file:
            file.write(encoded.encode(stereo, RATE, name))
        ours = least(by_us, path)
        theirs = None
        with contextlib.suppress(soundfile.LibsndfileError):
            theirs = least(by_soundfile, path)
        program = least(by_ffmpeg, path) if shutil.which("ffmpeg") else None
        print(f"{name:18} {shown(ours):>8} {shown(theirs):>18} {shown(program):>8}", flush=True)


def long(folder, mono, hours, count):
    path = os.path.join(folder, "long.mp3")
    seconds = hours * 3600
    with open(path, "wb") as file:
        file.write(encoded.encode(np.resize(mono, round(seconds * 44100)), 44100, "mp3 64 kbit/s"))
    offsets = np.sort(np.random.default_rng(0).uniform(0, seconds - SPAN - 1, count)).tolist()
    mixed = np.random.default_rng(1).permutation(offsets).tolist()
    print(
        f"\n{count} spans of {SPAN:g} s of an MP3 of {seconds / 3600:.1f} h ({os.path.getsize(path) >> 20} MB), s"
    )
    print(f"{'':18} {'units':>8} {'libsndfile + soxr':>18}")
    for name, places in (("in order", offsets), ("random order", mixed)):
        ours = least(spans_by_us, path, places, times=1)
        theirs = least(spans_by_soundfile, path, places, times=1)
        print(f"{name:18} {shown(ours):>8} {shown(theirs):>18}", flush=True)
    print(f"{'opened':18} {shown(least(open_source, path)):>8}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--hours", type=float, default=3)
    parser.add_argument("--spans", type=int, default=600)
    parser.add_argument("recordings", nargs="+", metavar="RECORDING")
    options = parser.parse_args()
    wanted, parts, size = round(options.minutes * 60 * 16000), [], 0
    for name in options.recordings:
        if size < wanted:
            parts.append(load_audio(name))
            size += len(parts[-1])
    mono = soxr.resample(np.resize(np.concatenate(parts), wanted), 16000, RATE)
    stereo = np.stack([mono, 0.8 * np.roll(mono, 40)], axis=1).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        whole(folder, stereo)
        long(folder, soxr.resample(mono, RATE, 44100).astype(np.float32), options.hours, options.spans)


if __name__ == "__main__":
    main()
