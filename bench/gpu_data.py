"""What the parts of bench/gpu.py share: made-up speech, models, units, and figures."""

import contextlib
import os
import time

import numpy as np
import torch
from speechlike import phrase

from units.audio.timing import RATE
from units.codebook.codebook import Codebook
from units.codebook.quantize import quantize

K = 100


def speech(seconds, seed=0):
    """Return made-up speech, (S,) float32, with a little noise."""
    noise = np.random.default_rng(seed).normal(0, 0.003, round(seconds * RATE))
    return (phrase(seconds, seed) + noise).astype(np.float32)


def large_model(folder, quick):
    """Save a random model of the shape of MMS-300M, narrow if quick; return the folder."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2Model

    torch.manual_seed(0)
    width, depth = (64, 3) if quick else (1024, 24)
    config = Wav2Vec2Config(
        hidden_size=width,
        num_hidden_layers=depth,
        num_attention_heads=width // 64,
        intermediate_size=4 * width,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=True,
    )
    Wav2Vec2Model(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
    return folder


def same_units(frames, others):
    """Return the share of equal units of two matrices of frames, by a codebook drawn from the first."""
    chosen = np.random.default_rng(0).choice(frames, min(K, len(frames)), replace=False)
    size = frames.shape[1]
    book = Codebook(chosen, np.zeros(size, np.float32), np.ones(size, np.float32), "")
    return float(np.mean(quantize(frames, book) == quantize(others, book)))


def synchronize(device):
    """Wait until the device has computed."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_gb(device):
    """Return the largest memory of a GPU since the last call, in GB; None on a CPU."""
    if device.type != "cuda":
        return None
    peak = torch.cuda.max_memory_allocated(device) / 1e9
    torch.cuda.reset_peak_memory_stats(device)
    return peak


@contextlib.contextmanager
def timed(device):
    """Give a list that holds the seconds of the block once it has ended."""
    synchronize(device)
    began, found = time.perf_counter(), []
    yield found
    synchronize(device)
    found.append(time.perf_counter() - began)


def vocoder_config(arch, quick):
    """Return the VocoderConfig of an architecture with K units."""
    import dataclasses

    from units.vocoder.config import shape_defaults

    config = dataclasses.replace(shape_defaults(arch), units=K)
    return dataclasses.replace(config, width=32) if quick else config


def unit_records(folder, seconds, count):
    """Write made-up recordings; return records with random units and F0 of them."""
    from units.audio.writing import save
    from units.records import Record

    records = []
    for number in range(count):
        path = os.path.join(folder, f"{number}.wav")
        save(path, speech(seconds, number))
        frames = (round(seconds * RATE) - 400) // 320 + 1
        units = np.random.default_rng(number).integers(K, size=frames).tolist()
        fields = {"id": str(number), "audio_filepath": path, "units": units, "f0": [120.0] * frames}
        records.append(Record(fields, f"record {number}"))
    return records
