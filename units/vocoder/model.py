"""A vocoder as a user has it: a directory of config.json and weights, which speaks units."""

import os

import safetensors
import safetensors.torch
import torch

from units.audio import HOP
from units.records import InputError
from units.streams import create
from units.vocoder.config import from_json, to_json
from units.vocoder.fast import GeneratorFast
from units.vocoder.layers import fold_weight_norm
from units.vocoder.predictors import DurationPredictor, F0Predictor
from units.vocoder.source import contour
from units.vocoder.v1 import GeneratorV1
from units.vocoder.v2 import GeneratorV2

GENERATORS = {"v1": GeneratorV1, "v2": GeneratorV2, "fast": GeneratorFast}
CHUNK = 500  # units spoken at once: 10 s
MARGIN = 32  # units on either side that a chunk is spoken with: more than any generator here sees


class Vocoder:
    """A generator with its predictors, ready to speak.

    Units come in as lists, one a frame; audio goes out as float32 numpy arrays of 320 samples a unit.
    """

    def __init__(self, config, generator, f0_predictor, duration_predictor, device="cpu"):
        self.config, self.device = config, device
        self.generator = generator.eval().to(device)
        self.f0_predictor = f0_predictor.eval().to(device)
        self.duration_predictor = duration_predictor.eval().to(device)

    def speaker_index(self, name):
        """Return the index of a speaker; of None the first. InputError where there is no such speaker."""
        if name is None:
            return 0
        if not self.config.speakers:
            raise InputError(f"no speaker {name}: this vocoder was trained on records without speakers")
        if name not in self.config.speakers:
            raise InputError(f"no speaker {name} in this vocoder, only {', '.join(self.config.speakers)}")
        return self.config.speakers.index(name)

    def check(self, units):
        """Raise InputError where there is no unit, or one that the vocoder does not know."""
        if not units:
            raise InputError("no units to speak")
        if max(units) >= self.config.units:
            raise InputError(f"unit {max(units)}, but the vocoder knows 0 to {self.config.units - 1}")

    @torch.inference_mode()
    def predict_counts(self, units, speaker=0):
        """Return how many frames each unit of a collapsed list lasts."""
        return self.duration_predictor.predict(*self._tensors(units, speaker))[0].tolist()

    @torch.inference_mode()
    def predict_f0(self, units, speaker=0):
        """Return the F0 of each frame in Hz, 0 where unvoiced."""
        return self.f0_predictor.predict(*self._tensors(units, speaker))[0].tolist()

    def _tensors(self, units, speaker):
        units = torch.tensor(units, device=self.device)[None]
        return units, torch.full_like(units, speaker)

    @torch.inference_mode()
    def speak(self, units, f0_hz, speaker=0):
        """Yield successive pieces of the waveform of frame units with their F0, 320 samples a unit in all.

        Memory is bounded for any length. Pieces are spoken with a margin that is then cut off, so they join
        without a seam.
        """
        filled, cycles = contour(f0_hz)
        for start in range(0, len(units), CHUNK):
            first, last = max(0, start - MARGIN), min(len(units), start + CHUNK + MARGIN)
            indices, speakers = self._tensors(units[first:last], speaker)
            f0, *place = (
                torch.tensor(row[first:last], dtype=torch.float32, device=self.device)[None]
                for row in (f0_hz, filled, cycles)
            )
            place = torch.tensor([first], device=self.device), *place
            wave = self.generator(indices, f0, speakers, place)[0].float().cpu().numpy()
            stop = min(len(units), start + CHUNK)
            yield wave[(start - first) * HOP : (stop - first) * HOP]


def build(config):
    """Return new networks of a configuration: generator, F0 predictor, duration predictor."""
    return GENERATORS[config.arch](config), F0Predictor(config), DurationPredictor(config)


def folded(config, generator):
    """Return a copy of a generator with its weight norm folded.

    A new one takes the weights: a deep copy would share the classes that torch makes for parametrized layers,
    and folding it would break the original.
    """
    with torch.random.fork_rng(devices=[]):
        copy = GENERATORS[config.arch](config)
    copy.load_state_dict(generator.state_dict())
    return fold_weight_norm(copy)


def save_part(folder, name, module):
    """Write the weights of a module to NAME.safetensors, whole."""
    weights = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
    with create(os.path.join(folder, f"{name}.safetensors")) as out:
        out.write(safetensors.torch.save(weights))


def save_config(folder, config):
    """Write config.json, whole."""
    with create(os.path.join(folder, "config.json")) as out:
        out.write(to_json(config).encode())


def load(folder, device="cpu"):
    """Return the Vocoder in a directory. Raises InputError naming the file that is missing or wrong."""
    path = os.path.join(folder, "config.json")
    try:
        with open(path, encoding="utf-8") as file:
            config = from_json(file.read(1 << 24), path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8") from None
    generator, f0_predictor, duration_predictor = build(config)
    fold_weight_norm(generator)
    parts = {"generator": generator, "f0": f0_predictor, "duration": duration_predictor}
    for name, module in parts.items():
        _load_part(os.path.join(folder, f"{name}.safetensors"), module)
    return Vocoder(config, generator, f0_predictor, duration_predictor, device)


def _load_part(path, module):
    try:
        module.load_state_dict(safetensors.torch.load_file(path))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'cannot be read'}") from None
    except (safetensors.SafetensorError, RuntimeError) as error:
        raise InputError(f"{path}: not the weights of this vocoder ({str(error).splitlines()[0]})") from None
