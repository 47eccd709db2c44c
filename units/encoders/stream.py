"""Encode recordings one after another, in batches, with audio decoded ahead and frames given in order.

    reading     a thread takes records from the input;
    decoding    some threads load their audio, a bounded number of seconds ahead;
    encoding    a thread sorts pieces of like length into batches and runs the encoder;
    the caller  gets each record's frames in the order of the input.

Which pieces share a batch depends on the input alone, never on how quick a thread was.
"""

import itertools
import operator
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from units.audio.reading import Reader
from units.audio.timing import RATE, frame_count
from units.encoders.ahead import Ahead
from units.records import InputError, Record

AHEAD_SECONDS = 1800  # of audio decoded and waiting: 115 MB
GPU_BATCH_SECONDS = 200.0
_BLOCKS_AHEAD = 4  # blocks of frames waiting for the caller
_BATCHES_SORTED = 4  # batches' worth of pieces that are sorted by length together


@dataclass(eq=False)
class Recording:
    """A record, and how many frames its audio has: 0 where it was not wanted, or where it had an error."""

    record: Record
    frames: int = 0
    error: InputError = None


class Stream:
    """Iterates over (Recording, blocks) of some records, in order; blocks are (layers, n, D) float32 in turn.

    records: an iterator; those for which `wanted(record)` is false are passed through with no blocks, and
    an InputError that it raises is that record's own. batch_seconds: audio encoded at once, 0 for one piece
    at a time, None for that on a CPU and 200 s on a GPU. Use it in a `with` block: its end stops the threads.
    """

    def __init__(self, records, encoder, wanted=lambda _record: True, batch_seconds=None):
        if batch_seconds is None:
            batch_seconds = GPU_BATCH_SECONDS if encoder.asynchronous else 0
        self._decoders = ThreadPoolExecutor(min(16, len(os.sched_getaffinity(0))), "decode")
        self._load, self._wanted = Reader().load_record, wanted
        self._read = Ahead(records, AHEAD_SECONDS, _seconds, self._start, daemon=True)
        blocks = encode(_decoded(self._read), encoder, round(batch_seconds * RATE))
        self._encoded = Ahead(blocks, _BLOCKS_AHEAD)

    def _start(self, record):
        return record, self._decoders.submit(self._samples, record)

    def _samples(self, record):
        return self._load(record) if self._wanted(record) else None

    def __iter__(self):
        for recording, group in itertools.groupby(self._encoded, operator.itemgetter(0)):
            yield recording, (block for _, block in group if block is not None)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        """Tell the threads to stop, without waiting for them: a signal ends the tool at once."""
        self._read.close()
        self._encoded.close()
        self._decoders.shutdown(wait=False, cancel_futures=True)


def _seconds(record):
    """The length of a record's audio; one that is not told counts as all that may wait."""
    duration = record.get("duration")
    return duration if isinstance(duration, (int, float)) else AHEAD_SECONDS


def _decoded(futures):
    for record, future in futures:
        try:
            samples = future.result()
        except InputError as error:
            yield Recording(record, error=error), None
        else:
            yield _recording(record, samples), samples


def _recording(record, samples):
    if samples is None:
        return Recording(record)
    frames = frame_count(len(samples))
    error = None if frames else InputError(f"{len(samples)} samples are too few for a frame")
    return Recording(record, frames, error)


def encode(recordings, encoder, batch_samples=0):
    """Yield (Recording, block) for (Recording, samples or None), in order; block None where it has no frames.

    samples: (S,) float32 at 16 kHz; block: (layers, n, D) float32; batch_samples: audio in a batch, padding
    included, 0 for one piece at a time.
    """
    waiting = None
    for pool in _pools(recordings, encoder, _BATCHES_SORTED * batch_samples):
        launched = [
            (batch, encoder.launch([piece for _, piece in batch])) for batch in _batches(pool, batch_samples)
        ]
        if not encoder.asynchronous:
            yield from _collected(pool, launched)
            continue
        if waiting:  # while this pool is on its way through the GPU
            yield from _collected(*waiting)
        waiting = pool, launched
    if waiting:
        yield from _collected(*waiting)


def _pools(recordings, encoder, limit):
    """Yield lists of (Recording, Piece or None) of as many samples as the limit, or of one piece."""
    pool, size = [], 0
    for recording, samples in recordings:
        for piece in encoder.pieces(samples) if recording.frames else [None]:
            pool.append((recording, piece))
            size += piece.samples if piece else 0
            if size >= limit:
                yield pool
                pool, size = [], 0
    if pool:
        yield pool


def _batches(pool, batch_samples):
    """Yield lists of (place in the pool, Piece) of like lengths, so many samples together, or one piece."""
    pieces = [(i, piece) for i, (_, piece) in enumerate(pool) if piece]
    batch = []
    for i, piece in sorted(pieces, key=lambda pair: -pair[1].samples):
        if batch and (len(batch) + 1) * batch[0][1].samples > batch_samples:
            yield batch
            batch = []
        batch.append((i, piece))
    if batch:
        yield batch


def _collected(pool, launched):
    blocks = [None] * len(pool)
    for batch, frames in launched:
        for (i, _), block in zip(batch, frames(), strict=True):
            blocks[i] = block
    for (recording, _), block in zip(pool, blocks, strict=True):
        yield recording, block
