"""Score each layer: compare the k-means units of its frames with phones."""

import numpy as np

from units.audio.reading import load_record
from units.codebook.kmeans import fit_codebook
from units.codebook.quantize import quantize
from units.codebook.sampling import Reservoir
from units.config import ClusterConfig
from units.encoders.learned import Learned
from units.labels.matching import phones_of
from units.metrics.abx import abx
from units.metrics.aligned import align
from units.metrics.phones import AlignedCorpus
from units.metrics.triphones import TokenFrames, sample, sample_contexts, triphones
from units.records import InputError, warn

_PAIRS = 300_000  # of tokens, for ABX to compare


def score_layers(network, records, alignments, k=100, device="cpu", dtype="auto", seed=0):
    """Return {layer: {"pnmi", "abx_within", "abx_across"}} of every layer, without silence.

    alignments: {id: phones} as `read_alignment_files` returns them. Records without a usable alignment are
    left out, with a warning. Raises InputError if no record has one.
    """
    encoder = Learned(network, "", "all", device, dtype)
    kept, hidden, lacking = [], [], 0
    for record in records:
        try:
            phones = phones_of(record, alignments)
        except InputError:
            lacking += 1
            continue
        first = next(encoder.pieces(load_record(record)), None)
        if first is None:
            continue
        kept.append((record, phones))
        hidden.append(encoder.launch([first])()[0])
    if not kept:
        raise InputError("none of the records has a usable alignment; see --alignments")
    if lacking:
        warn(
            f"{lacking} of {len(records)} records have no usable alignment; "
            "the layers are scored on the others"
        )
    return {layer: _figures(kept, [states[layer] for states in hidden], k, seed) for layer in encoder.layers}


def _figures(kept, frames, k, seed):
    config = ClusterConfig(k=k, nredo=3)
    pool = Reservoir(config.max_frames, seed)
    for some in frames:
        pool.add(some)
    book, _ = fit_codebook(pool.frames(), config, seed)
    aligned = [
        align({**record, "units": quantize(some, book).tolist()}, phones)
        for (record, phones), some in zip(kept, frames, strict=True)
    ]
    tokens = TokenFrames(sample_contexts(sample(triphones(aligned), 10, seed), _PAIRS, seed))
    for number, record in enumerate(aligned):
        tokens.add(number, record.units, record.frame_shift)
    found = abx(*tokens.tokens(), seed=seed)
    pnmi = AlignedCorpus(aligned).figures(np.ones(len(aligned), np.int64))["pnmi"]
    return {"pnmi": float(pnmi)} | {f"abx_{kind}": figure["mean"] for kind, figure in found.items()}
