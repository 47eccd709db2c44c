"""Records that are spoken in one batch, if that is faster: short ones, by a vocoder that can."""

from dataclasses import dataclass, field

import numpy as np

from units.batching import pools, similar
from units.devices import describe, free_memory, is_out_of_memory
from units.records import InputError, Record, warn

CPU_FRAMES, GPU_FRAMES = 1000, 20000  # spoken in one batch, padding included
_WASTE = 1.3  # with more padding than this, a batch takes longer than its records one by one
_POOL = 4  # batches' worth of records that are sorted by length together


@dataclass(eq=False)
class Utterance:
    """A record to speak. plan: (units, f0_hz, speaker), or None if `error` says why it could not be made.

    batch: the utterances spoken together with it, itself included. wave: its audio, once it was made.
    """

    record: Record
    plan: tuple | None = None
    error: InputError | None = None
    batch: list = field(default_factory=list, repr=False)
    wave: np.ndarray | None = None

    @property
    def frames(self):
        """The number of frames to speak."""
        return len(self.plan[0]) if self.plan else 0

    def pieces(self, vocoder):
        """Yield successive parts of the waveform, float32; they are computed when asked for."""
        if len(self.batch) <= 1:
            yield from vocoder.speak(*self.plan)
            return
        if self.wave is None:
            waves = _speak(vocoder, [each.plan for each in self.batch])
            for each, wave in zip(self.batch, waves, strict=True):
                each.wave = wave
        wave, self.wave = self.wave, None
        yield wave


def utterances(records, prepare, vocoder, alone=False):
    """Yield an Utterance for each record, in order, those of a batch sharing their computation.

    prepare(record): its plan; an InputError it raises becomes the utterance's error. alone: speak each record
    by itself, as soon as it is read.
    """
    limit = GPU_FRAMES if vocoder.device.type == "cuda" else CPU_FRAMES
    if alone or not vocoder.speaks_together:
        limit = 0
    planned = (_planned(record, prepare) for record in records)
    for pool in pools(planned, _frames, _POOL * limit):
        for batch in similar([each for each in pool if each.plan], _frames, limit, _WASTE):
            for each in batch:
                each.batch = batch
        yield from pool


def _speak(vocoder, plans):
    """Return the waveforms of plans that are spoken together; if memory is too small, in two halves."""
    try:
        return vocoder.speak_together(plans)
    except RuntimeError as error:
        if len(plans) == 1 or not is_out_of_memory(error):
            raise
    free_memory(vocoder.device)  # here, because the error holds on to the tensors of the batch
    warn(f"out of memory on {describe(vocoder.device)} with {len(plans)} records; they are spoken in halves")
    middle = (len(plans) + 1) // 2
    return [*_speak(vocoder, plans[:middle]), *_speak(vocoder, plans[middle:])]


def _frames(utterance):
    return utterance.frames


def _planned(record, prepare):
    try:
        return Utterance(record, prepare(record))
    except InputError as error:
        return Utterance(record, error=error)
