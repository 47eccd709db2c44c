"""Decode what libsndfile does not know, such as m4a, webm and wma, where ffmpeg is installed."""

import shutil
import subprocess

import numpy as np

from units.records import InputError


def decode(path, rate, reason):
    """Return a whole file as float32 samples, mono, at `rate` Hz.

    reason: why libsndfile did not read it, for the InputError where ffmpeg is missing or cannot either.
    """
    if not (ffmpeg := shutil.which("ffmpeg")):
        raise InputError(f"{path}: not audio that libsndfile reads ({reason}), and no ffmpeg is installed")
    words = f"-v error -nostdin -i FILE -ac 1 -ar {rate} -f f32le -".split()
    words[words.index("FILE")] = f"file:{path}"
    # a list, no shell, and the name stands behind file: so that it is neither option nor address
    done = subprocess.run([ffmpeg, *words], capture_output=True, check=False)  # noqa: S603
    if done.returncode or not done.stdout:
        raise InputError(f"{path}: not audio that libsndfile or ffmpeg reads ({reason})")
    return np.frombuffer(done.stdout, np.float32)
