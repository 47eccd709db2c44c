"""A vocoder: a directory of config.json and weights, which speaks units."""

import hashlib
import os
from functools import cached_property

import numpy as np
import safetensors.torch
import torch

from units.audio.timing import HOP
from units.files import weights
from units.files.config import to_json
from units.files.output import create
from units.records import InputError
from units.vocoder.config import read_vocoder_config
from units.vocoder.fast import GeneratorFast
from units.vocoder.layers import fold_weight_norm
from units.vocoder.predictors import MARGIN, DurationPredictor, F0Predictor
from units.vocoder.source import contour
from units.vocoder.v1 import GeneratorV1
from units.vocoder.v2 import GeneratorV2

GENERATORS = {"v1": GeneratorV1, "v2": GeneratorV2, "fast": GeneratorFast}
CHUNK = 500  # units spoken at once: 10 s
_PREDICTED = 6000  # units per prediction


class Vocoder:
    """A generator with its predictors, ready to speak.

    Input: units as lists, one per frame. Output: float32 numpy arrays, 320 samples per unit.
    """

    def __init__(
        self, config, generator, f0_predictor, duration_predictor, device="cpu", dtype=torch.float32
    ):
        self.config, self.device, self.dtype = config, torch.device(device), dtype
        self.generator = generator.eval().to(device)
        self.f0_predictor = f0_predictor.eval().to(device)
        self.duration_predictor = duration_predictor.eval().to(device)

    @cached_property
    def identity(self):
        """A hash of the settings and of the generator's weights."""
        digest = hashlib.sha256(to_json(self.config).encode())
        for name, tensor in self.generator.state_dict().items():
            digest.update(name.encode() + tensor.detach().float().cpu().numpy().tobytes())
        return digest.hexdigest()

    @property
    def speaks_together(self):
        """Whether the generator supports `speak_together`; the others would not gain from it."""
        return self.config.arch == "fast"

    def speaker_index(self, name):
        """Return the index of a speaker, 0 for None. Raises InputError if the vocoder has no such speaker."""
        if name is None:
            return 0
        if not self.config.speakers:
            raise InputError(f"no speaker {name}: this vocoder was trained on records without speakers")
        if name not in self.config.speakers:
            raise InputError(f"no speaker {name} in this vocoder, only {', '.join(self.config.speakers)}")
        return self.config.speakers.index(name)

    def check(self, units):
        """Raise InputError if there is no unit, or a unit that the vocoder does not know."""
        if not units:
            raise InputError("no units to speak")
        if max(units) >= self.config.units:
            raise InputError(
                f"unit {max(units)} is unknown: the vocoder has units 0 to {self.config.units - 1}"
            )

    @torch.inference_mode()
    def predict_counts(self, units, speaker=0):
        """Return the predicted number of frames of each unit of a collapsed list."""
        return self._in_parts(self.duration_predictor, units, speaker)

    @torch.inference_mode()
    def predict_f0(self, units, speaker=0):
        """Return the predicted F0 of each frame in Hz, 0 if unvoiced."""
        return self._in_parts(self.f0_predictor, units, speaker)

    def _in_parts(self, predictor, units, speaker):
        """Return the predictions for units, computed for two minutes at a time."""
        found = []
        for start in range(0, len(units), _PREDICTED):
            first, stop = max(0, start - MARGIN), start + _PREDICTED
            part = predictor.predict(*self._tensors(units[first : stop + MARGIN], speaker))[0]
            found += part[start - first : stop - first].tolist()
        return found

    def _tensors(self, units, speaker):
        units = torch.tensor(units, device=self.device)[None]
        return units, torch.full_like(units, speaker)

    @torch.inference_mode()
    def speak(self, units, f0_hz, speaker=0):
        """Yield successive pieces of the waveform, together 320 samples per unit.

        units, f0_hz: one per frame. Memory is bounded for any length. Pieces are spoken with a margin that is
        then cut off, so they join without a seam.
        """
        f0_hz = torch.tensor(f0_hz, dtype=torch.float64)
        filled, cycles = contour(f0_hz)
        margin = self.generator.margin
        for start in range(0, len(units), CHUNK):
            first, last = max(0, start - margin), min(len(units), start + CHUNK + margin)
            indices, speakers = self._tensors(units[first:last], speaker)
            f0, *place = (
                row[first:last].to(self.device, torch.float32)[None] for row in (f0_hz, filled, cycles)
            )
            place = torch.tensor([first], device=self.device), *place
            wave = self._generate(indices, f0, speakers, place)[0]
            stop = min(len(units), start + CHUNK)
            yield wave[(start - first) * HOP : (stop - first) * HOP]

    @torch.inference_mode()
    def speak_together(self, plans):
        """Return the waveforms of several (units, f0_hz, speaker) in one batch, the same as those of `speak`.

        Rows are padded to the longest; padding is masked in every layer.
        """
        size = max(len(units) for units, _, _ in plans)
        counts = torch.tensor([len(units) for units, _, _ in plans], device=self.device)
        rows = [(units, f0_hz, *_extended(f0_hz, size)) for units, f0_hz, _ in plans]
        units, f0_hz, filled, cycles = (
            np.stack([np.resize(row, size) if len(row) < size else row for row in column])
            for column in zip(*rows, strict=True)
        )
        f0_hz, *place = (
            torch.as_tensor(a, dtype=torch.float32, device=self.device) for a in (f0_hz, filled, cycles)
        )
        units = torch.as_tensor(units, device=self.device)
        speakers = torch.tensor([speaker for _, _, speaker in plans], device=self.device)[:, None]
        place = torch.zeros_like(counts), *place
        waves = self._generate(units, f0_hz, speakers.expand_as(units), place, counts)
        return [wave[: HOP * len(plan[0])] for wave, plan in zip(waves, plans, strict=True)]

    def _generate(self, *inputs):
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            return self.generator(*inputs).float().cpu().numpy()


def _extended(f0_hz, size):
    """Return a contour padded to `size`; its first added frame continues the line through the last two."""
    filled, cycles = (row.numpy() for row in contour(torch.tensor(f0_hz)))
    if len(filled) == size:
        return filled, cycles
    step = filled[-1] - filled[-2] if len(filled) > 1 else 0.0
    return np.pad(np.append(filled, filled[-1] + step), (0, size - len(filled) - 1), "edge"), np.pad(
        cycles, (0, size - len(cycles))
    )


def build(config):
    """Return new networks of a configuration: generator, F0 predictor, duration predictor."""
    return GENERATORS[config.arch](config), F0Predictor(config), DurationPredictor(config)


def folded(config, generator):
    """Return a copy of a generator with its weight norm folded.

    The copy is a new generator that loads the weights: a deep copy would share the classes that torch makes
    for parametrized layers, and folding it would break the original.
    """
    with torch.random.fork_rng(devices=[]):
        copy = GENERATORS[config.arch](config)
    copy.load_state_dict(generator.state_dict())
    return fold_weight_norm(copy)


def save_part(folder, name, module):
    """Write the weights of a module to NAME.safetensors."""
    weights = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
    with create(os.path.join(folder, f"{name}.safetensors")) as out:
        out.write(safetensors.torch.save(weights))


def save_config(folder, config):
    """Write config.json."""
    with create(os.path.join(folder, "config.json")) as out:
        out.write(to_json(config).encode())


def load_vocoder(folder, device="cpu", dtype=torch.float32):
    """Return the Vocoder in a directory, to run in a dtype.

    Raises InputError naming the file that is missing or wrong.
    """
    config, parts = read_vocoder(folder)
    networks = build(config)
    fold_weight_norm(networks[0])
    for network, tensors in zip(networks, parts, strict=True):
        network.load_state_dict(tensors)
    return Vocoder(config, *networks, device, dtype)


def read_vocoder(folder):
    """Return the VocoderConfig of a directory, and the weights of its parts, {name: tensor} each.

    No network is built before the files are known to hold it. Raises InputError naming the file that
    is missing or wrong.
    """
    config, path = read_vocoder_config(folder), os.path.join(folder, "config.json")
    wanted = weights.wanted_by(path, lambda: build(config))
    files = [os.path.join(folder, f"{name}.safetensors") for name in ("generator", "f0", "duration")]
    what = "the weights of this vocoder"
    return config, [weights.load(file, part, what) for file, part in zip(files, wanted, strict=True)]
