"""Unit error rate: how many units change when they are spoken and encoded again."""

from units.codebook.quantize import quantize
from units.codebook.runs import run_lengths
from units.codebook.same import check_codebook
from units.encoders.models import encoder_named
from units.metrics.phone_error import edit_distance
from units.records import InputError, frame_units, optional


def unit_error_rate(spoken, heard):
    """Return the edits that turn one sequence of collapsed units into the other, over the first one's length.

    spoken, heard: units, one per frame or one per run. None if nothing was spoken.

    >>> unit_error_rate([5, 5, 9, 7], [5, 9, 9, 8])
    0.3333333333333333
    """
    spoken, heard = run_lengths(spoken)[0], run_lengths(heard)[0]
    return edit_distance(spoken, heard) / len(spoken) if len(spoken) else None


class UnitListener:
    """Turns speech into units of a codebook, by the encoder that the codebook names."""

    def __init__(self, codebook, device="auto"):
        if not codebook.encoder:
            raise InputError("the codebook does not name its encoder")
        self.codebook, self.encoder = codebook, encoder_named(codebook.encoder, device)

    def units(self, samples, smooth=0.0):
        """Return the units of (S,) float32 samples at 16 kHz, smoothed by that penalty: (N,) int64."""
        return quantize(self.encoder.encode(samples), self.codebook, smooth)

    def error_rate(self, record, samples):
        """Return the unit error rate of audio spoken from a record's units; None if the record has none.

        The encoded units are smoothed as the record's were. Raises InputError if the record's units have
        another codebook.
        """
        check_codebook(optional(record, "codebook"), self.codebook.hash, "-c")
        smooth = optional(record, "smooth", 0.0)
        return unit_error_rate(frame_units(record), self.units(samples, smooth))
