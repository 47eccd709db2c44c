"""Encode many recordings in batches. Audio is decoded ahead, and frames come out in the order of the input.

    reading     a thread takes records from the input;
    decoding    several threads load their audio, a bounded number of seconds ahead, and for a GPU they also
                cut it into pieces, the input of the network;
    encoding    a thread sorts pieces of similar length into batches and runs the encoder;
    the caller  gets each record's frames in the order of the input.

Which pieces share a batch depends on the input alone, never on the speed of a thread.
"""

import itertools
import operator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from units.audio.reading import Reader
from units.audio.timing import FRAME_SHIFT, RATE, frame_count
from units.batching import pools, similar
from units.encoders.ahead import Ahead
from units.parallel import processors
from units.records import InputError, Record

AHEAD_SECONDS = 1800  # of audio decoded and waiting: 115 MB
GPU_BATCH_SECONDS = 200.0
_BLOCKS_AHEAD = 4  # blocks of frames waiting for the caller
_BATCHES_SORTED = 4  # batches' worth of pieces that are sorted by length together
_SHORT_SECONDS = 600  # longer recordings are cut into pieces as they are encoded, so that memory is bounded
_WAITING_BYTES = 2 << 30  # of frames of one batch's length and all layers, in two pools of sorted batches


@dataclass(eq=False)
class Encoding:
    """A record and the number of frames of its audio: 0 if it was not wanted, or if it had an error."""

    record: Record
    frames: int = 0
    error: InputError = None


class EncodingStream:
    """Iterates over (Encoding, blocks) of records, in order; blocks yields (layers, n, D) float32 arrays.

    records: an iterator. A record for which `wanted(record)` is false is passed on without blocks; an
    InputError that `wanted` raises belongs to that record. batch_seconds: audio per batch; 0 is one piece at
    a time; None is that on a CPU and 200 s on a GPU. Use it in a `with` block, whose end stops the threads.
    """

    def __init__(self, records, encoder, wanted=lambda _record: True, batch_seconds=None):
        if batch_seconds is None:
            batch_seconds = gpu_batch_seconds(encoder) if encoder.asynchronous else 0
        self._decoders = ThreadPoolExecutor(min(16, processors()), "decode")
        self._load, self._wanted, self._encoder = Reader().load_record, wanted, encoder
        self._read = Ahead(records, AHEAD_SECONDS, self._seconds, self._start, daemon=True)
        blocks = encode(_decoded(self._read), encoder, round(batch_seconds * RATE))
        self._encoded = Ahead(blocks, _BLOCKS_AHEAD)

    def _start(self, record):
        return record, self._decoders.submit(self._pieces, record)

    def _pieces(self, record):
        """Return (number of samples, Pieces) of a record's audio, or None if it is not wanted."""
        if not self._wanted(record):
            return None
        samples = self._load(record)
        pieces = self._encoder.pieces(samples)
        if self._encoder.asynchronous and len(samples) <= _SHORT_SECONDS * RATE:
            pieces = list(pieces)
        return len(samples), pieces

    def _seconds(self, record):
        """Return the length of a record's audio as pieces; if it is unknown, all that may wait."""
        duration = record.get("duration")
        known = isinstance(duration, (int, float))
        return max(duration, self._encoder.least_seconds) if known else AHEAD_SECONDS

    def __iter__(self):
        for encoding, group in itertools.groupby(self._encoded, operator.itemgetter(0)):
            yield encoding, (block for _, block in group if block is not None)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        """Stop the threads without waiting for them, so that a signal ends the tool at once."""
        self._read.close()
        self._encoded.close()
        self._decoders.shutdown(wait=False, cancel_futures=True)


def gpu_batch_seconds(encoder):
    """Return the s of audio per batch on a GPU: 200, or less if frames of all layers need too much memory."""
    bytes_per_second = 4 * encoder.dimension * len(encoder.layers or [0]) / FRAME_SHIFT
    return min(GPU_BATCH_SECONDS, _WAITING_BYTES / (2 * _BATCHES_SORTED * bytes_per_second))


def _decoded(futures):
    for record, future in futures:
        try:
            found = future.result()
        except InputError as error:
            yield Encoding(record, error=error), ()
        else:
            yield (_recording(record, found[0]), found[1]) if found else (Encoding(record), ())


def _recording(record, samples):
    frames = frame_count(samples)
    error = None if frames else InputError(f"{samples} samples are too few for one frame")
    return Encoding(record, frames, error)


def encode(recordings, encoder, batch_samples=0):
    """Yield (Encoding, block) for (Encoding, its Pieces), in order.

    block: (layers, n, D) float32, or None for a record without frames. batch_samples: audio per batch,
    padding included; 0 is one piece at a time.
    """
    waiting = None
    parts = _parts(recordings)
    for pool in pools(parts, operator.attrgetter("samples"), _BATCHES_SORTED * batch_samples):
        batches = similar(
            [part for part in pool if part.piece], operator.attrgetter("samples"), batch_samples
        )
        launched = [(batch, encoder.launch([part.piece for part in batch])) for batch in batches]
        if not encoder.asynchronous:
            yield from _collected(pool, launched)
            continue
        if waiting:  # while this pool is being computed on the GPU
            yield from _collected(*waiting)
        waiting = pool, launched
    if waiting:
        yield from _collected(*waiting)


@dataclass(eq=False)
class _Part:
    """A chunk of a recording, and its frames once they are computed."""

    encoding: Encoding
    piece: object = None
    block: object = None

    @property
    def samples(self):
        return self.piece.samples if self.piece else 0


def _parts(recordings):
    for encoding, pieces in recordings:
        for piece in pieces if encoding.frames else [None]:
            yield _Part(encoding, piece)


def _collected(pool, launched):
    for batch, frames in launched:
        for part, block in zip(batch, frames(), strict=True):
            part.block = block
    for part in pool:
        yield part.encoding, part.block
        part.block = None
