"""The targets that the network predicts: clusters of MFCC frames at first, of its own frames later."""

import contextlib
import os

import numpy as np

from units.codebook.kmeans import fit
from units.codebook.quantize import quantize
from units.codebook.sampling import Reservoir
from units.config import ClusterConfig
from units.files.arrays import load_arrays
from units.files.output import create
from units.records import InputError

MOST_FRAMES = 300_000  # to cluster
MFCC = {  # of the recipes tried on festvox-ru, the one closest to phones; see bench/units.py
    "context": 3,
    "whiten": 0.5,
}


def clusters(corpora, encode, k, seed, **options):
    """Return the cluster of each frame of each corpus, [(frames,) int64], from a codebook of the first one.

    encode: a function from samples to (N, D) frames; options: other settings of ClusterConfig.
    """
    config = ClusterConfig(k=k, max_frames=MOST_FRAMES, nredo=2, **options)
    pool = Reservoir(MOST_FRAMES, seed, config.context)
    for recording in np.random.default_rng(seed).permutation(len(corpora[0].ends)):
        if pool.seen >= MOST_FRAMES:
            break
        pool.add(encode(corpora[0].samples(recording)))
    book, _ = fit(pool.frames(), config, seed)
    return [
        np.concatenate([quantize(encode(corpus.samples(i)), book) for i in range(len(corpus.ends))])
        for corpus in corpora
    ]


def save_targets(path, key, found):
    """Keep the targets of the training and the held-out corpus at a path; key: what they belong to."""
    training, held_out = (targets.astype(np.int16) for targets in found)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # writing to a FIFO would block
    with create(path) as out:
        np.savez(out, training=training, held_out=held_out, key=np.array(key))


def load_targets(path, key):
    """Return the targets of both corpora, [(frames,) int64], that were kept under a key, or None."""
    try:
        kept = load_arrays(path, {"training": "i", "held_out": "i", "key": "U"}, "targets")
    except (InputError, OSError):
        return None
    found = [kept[name].astype(np.int64) for name in ("training", "held_out")]
    return found if str(kept["key"]) == key and all(targets.ndim == 1 for targets in found) else None
