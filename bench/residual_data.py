"""The frames that bench/residual.py clusters, and the properties of them that it predicts."""

import glob
import os
from dataclasses import dataclass

import numpy as np

from units.audio.pitch import estimate
from units.audio.reading import load_record
from units.audio.timing import FRAME_SHIFT, HOP, RECEPTIVE_FIELD
from units.encoders.models import load_encoder
from units.files.streams import read_records
from units.labels.alignments import read_alignment_files
from units.labels.frames import centres, phone_at
from units.labels.matching import phones_of
from units.metrics.names import SILENCE


@dataclass
class Corpus:
    """The N frames of all recordings, one after the other.

    recording, speaker: (N,) numbers; layers: {layer: (N, D) z-scored frames}; label: (N,) phones, "" for
    silence; octaves: (N,) folded log2 F0, NaN if unvoiced; level_db: (N,).
    """

    recording: np.ndarray
    speaker: np.ndarray
    layers: dict
    label: np.ndarray
    octaves: np.ndarray
    level_db: np.ndarray


def read_folder(folder, every):
    """Return every Nth record of a folder, and {id: phones}."""
    if os.path.exists(os.path.join(folder, "records.jsonl")):
        records = list(read_records([os.path.join(folder, "records.jsonl")]))
        for record in records:
            record["audio_filepath"] = os.path.join(folder, record["audio_filepath"])
        return records[::every], read_alignment_files([os.path.join(folder, "alignments.jsonl")])
    paths = sorted(glob.glob(os.path.join(glob.escape(folder), "wav", "*.wav")))[::every]
    stems = [os.path.splitext(os.path.basename(path))[0] for path in paths]
    records = [{"id": stem, "audio_filepath": path} for stem, path in zip(stems, paths, strict=True)]
    return records, read_alignment_files([os.path.join(folder, "lab", f"{stem}.lab") for stem in stems])


def encode(encoder, samples):
    """Return the frames of all layers, (layers, N, D)."""
    return np.concatenate([encoder.launch([piece])()[0] for piece in encoder.pieces(samples)], axis=1)


def level(samples, frames):
    """Return the level of each frame, (frames,) dB from the mean of the recording."""
    power = np.convolve(np.square(samples, dtype=np.float64), np.full(RECEPTIVE_FIELD, 1 / RECEPTIVE_FIELD))
    level_db = 10 * np.log10(power[RECEPTIVE_FIELD - 1 :: HOP][:frames] + 1e-8)
    return level_db - level_db.mean()


def labels_of(phones, frames):
    """Return the phone at the centre of each frame, "" for silence."""
    names = np.array(["" if label in SILENCE else label for _, _, label in phones] + [""])
    return names[phone_at(phones, centres(frames, FRAME_SHIFT))]


def folded(octaves):
    """Return log2 F0 within half an octave of its centre, since pitch trackers confuse octaves."""
    heard = octaves[np.isfinite(octaves)]
    spread = {shift: np.square((heard - shift) % 1 - 0.5).sum() for shift in np.arange(0, 1, 0.02)}
    return (octaves - min(spread, key=spread.get)) % 1 - 0.5


def gather(folder, every):
    """Return the Corpus of a folder."""
    records, phones = read_folder(folder, every)
    encoder, rows = load_encoder("small", layer="all"), []
    speakers = sorted({record.get("speaker", "") for record in records})
    for number, record in enumerate(records):
        samples = load_record(record)
        layers = encode(encoder, samples)
        count = layers.shape[1]
        speaker = np.full(count, speakers.index(record.get("speaker", "")))
        label = labels_of(phones_of(record, phones), count)
        f0_hz, level_db = estimate(samples)[:count], level(samples, count)
        rows.append((np.full(count, number), speaker, layers, label, f0_hz, level_db))
    recording, speaker, layers, label, f0_hz, level_db = (
        np.concatenate(column, axis=int(column[0].ndim == 3)) for column in zip(*rows, strict=True)
    )
    layers -= layers.mean(axis=1, keepdims=True)
    layers /= layers.std(axis=1, keepdims=True)
    octaves = np.log2(np.where(f0_hz > 0, f0_hz, np.nan))
    for number in range(len(speakers)):
        octaves[speaker == number] = folded(octaves[speaker == number])
    numbered = dict(zip(encoder.layers, layers, strict=True))
    return Corpus(recording, speaker, numbered, label, octaves, level_db)
