"""The base of all encoders: they cut recordings into pieces and turn pieces into frames."""

from dataclasses import dataclass

import numpy as np

from units.audio.timing import FRAME_SHIFT, HOP, frame_count
from units.encoders.chunks import chunks
from units.records import InputError


@dataclass(frozen=True)
class Piece:
    """A chunk of a recording, ready for the network."""

    input: np.ndarray  # (samples,) or (frames, bands) float32
    skip: int  # frames to drop from the start
    count: int  # frames to keep
    condition: tuple = ()  # statistics of the entire recording

    @property
    def samples(self):
        """The length in samples; batches are limited by it."""
        return len(self.input) * (1 if self.input.ndim == 1 else HOP)


class Encoder:
    """Base of encoders, with a `name`, `layers` and a `dimension`.

    A subclass implements `launch` and may override `_condition`, statistics of the entire recording, and
    `_input`, the network's input for a chunk.
    """

    asynchronous = False  # whether `launch` returns before the frames are computed
    place = "cpu"  # the device and the precision, for people
    least_seconds = 0.0  # of the input of one piece, padding included

    def __init__(self, name, layers, dimension, chunk_seconds, margin_seconds):
        self.names = [f"{name}:{layer}" for layer in layers] if layers else [name]
        self.layers, self.dimension = layers, dimension
        self.most, self.margin = round(chunk_seconds / FRAME_SHIFT), round(margin_seconds / FRAME_SHIFT)
        if self.most < 4 * self.margin:
            raise InputError(
                f"chunks of {chunk_seconds:g} s are too short; use at least {4 * margin_seconds:g} s"
            )

    @property
    def name(self):
        """The model, the layer and, if it is unusual, the normalisation."""
        return self.names[0]

    def pieces(self, samples):
        """Yield the Pieces of a recording, (samples,) float32; nothing if it is shorter than one frame."""
        plan = chunks(frame_count(len(samples)), self.most, self.margin)
        condition = self._condition(samples) if plan else ()
        for chunk in plan:
            yield Piece(self._input(samples, chunk, condition), chunk.skip, chunk.count, condition)

    def _condition(self, _samples):
        return ()

    def _input(self, samples, chunk, _condition):
        return samples[chunk.samples]

    def launch(self, pieces):
        """Start to compute Pieces; return a function that waits for their frames.

        That function returns the frames of each piece, (layers, count, dimension) float32. Raises InputError
        if the device runs out of memory.
        """
        raise NotImplementedError

    def encode(self, samples):
        """Return the (N, D) float32 frames of the first chosen layer for (samples,) float32 at 16 kHz.

        N is 0 for less than 25 ms.
        """
        blocks = [self.launch([piece])()[0][0] for piece in self.pieces(samples)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.dimension), np.float32)
