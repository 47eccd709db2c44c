"""What all encoders are: recordings cut into pieces, pieces turned into frames."""

from dataclasses import dataclass

import numpy as np

from units.audio.timing import FRAME_SHIFT, HOP, frame_count
from units.encoders.chunks import chunks
from units.records import InputError


@dataclass(frozen=True)
class Piece:
    """What a network is given at once: a chunk of a recording."""

    input: np.ndarray  # (samples,) or (frames, bands) float32
    skip: int  # frames to drop from the start
    count: int  # frames to keep
    condition: tuple = ()  # what it must know of the whole recording

    @property
    def samples(self):
        """How much audio it is, by which batches are made."""
        return len(self.input) * (1 if self.input.ndim == 1 else HOP)


class Encoder:
    """Base of encoders: `name`, `layers`, `dimension`, and what a subclass says of its chunks.

    A subclass gives `_condition` and `_input`, how the whole recording bears on a chunk of it, and `launch`.
    """

    asynchronous = False  # whether `launch` returns before the frames are there

    def __init__(self, name, layers, dimension, chunk_seconds, margin_seconds):
        self.names = [f"{name}:{layer}" for layer in layers] if layers else [name]
        self.layers, self.dimension = layers, dimension
        self.most, self.margin = round(chunk_seconds / FRAME_SHIFT), round(margin_seconds / FRAME_SHIFT)
        if self.most < 4 * self.margin:
            raise InputError(
                f"chunks of {chunk_seconds:g} s are too short; {4 * margin_seconds:g} s at least"
            )

    @property
    def name(self):
        """What made the frames: model, layer and, where it is not the usual one, normalisation."""
        return self.names[0]

    def pieces(self, samples):
        """Yield the Pieces of a recording, (samples,) float32; none where it is shorter than a frame."""
        plan = chunks(frame_count(len(samples)), self.most, self.margin)
        condition = self._condition(samples) if plan else ()
        for chunk in plan:
            yield Piece(self._input(samples, chunk, condition), chunk.skip, chunk.count, condition)

    def _condition(self, _samples):
        return ()

    def _input(self, samples, chunk, _condition):
        return samples[chunk.samples]

    def launch(self, pieces):
        """Start on some Pieces; return a function that waits for their frames.

        It returns for each piece its frames, (layers, count, dimension) float32. Raises InputError where
        memory is short.
        """
        raise NotImplementedError

    def encode(self, samples):
        """Return the (N, D) float32 frames, of the first layer asked for, of (samples,) float32 at 16 kHz.

        N is 0 under 25 ms.
        """
        blocks = [self.launch([piece])()[0][0] for piece in self.pieces(samples)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.dimension), np.float32)
