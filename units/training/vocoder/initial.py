"""Start a vocoder from the weights of another: of another language, with other units or speakers."""

import os

import torch

from units.files import weights
from units.records import warn
from units.vocoder.model import load_vocoder

_CHECKPOINT = "checkpoint.safetensors"


def start_from(folder, config, networks):
    """Give networks the weights of the vocoder in a folder, as far as they mean the same in both.

    config: VocoderConfig of the networks; networks: generator, f0_predictor, duration_predictor and
    discriminators, by name. Embeddings of units are kept if the codebook is the same, those of speakers if
    the name is the same; a new speaker starts as the mean of the old ones. The discriminators come from the
    folder's checkpoint, if it exists and they have the same shape.
    """
    old = load_vocoder(folder)
    for name in ("generator", "f0_predictor", "duration_predictor"):
        weights = getattr(old, name).state_dict()
        new = _plain_state(networks[name])
        for key, kept in new.items():
            kept.copy_(_fitted(key, weights.get(key), kept, old.config, config))
        _set_plain(networks[name], new)
    _take_discriminators(os.path.join(folder, _CHECKPOINT), networks["discriminators"])


def _plain_state(module):
    """Return {name: tensor} of a network, each weight with its weight norm applied."""
    state = {}
    for place, part in module.named_modules():
        prefix = f"{place}." if place else ""
        for name in ("weight", "bias", "scale"):
            value = getattr(part, name, None)
            if isinstance(value, torch.Tensor) and "parametrizations" not in place:
                state[prefix + name] = value.detach().clone()
    return state


@torch.no_grad()
def _set_plain(module, state):
    for key, value in state.items():
        place, _, name = key.rpartition(".")
        part = module.get_submodule(place)
        if hasattr(part, "parametrizations") and name in part.parametrizations:
            setattr(part, name, value)
        else:
            getattr(part, name).copy_(value)


def _fitted(key, old, new, old_config, config):
    """Return the new weight: the old one as far as it has the same meaning."""
    if key.endswith(("conditions.units.weight", "context.units.weight")):
        return _rows_of_units(old, new, old_config, config)
    if key.endswith("speaker.weight"):
        return _rows_of_speakers(old, new, old_config, config)
    if old is not None and key == "first.weight" and old.shape != new.shape:
        return _columns(old, new, old_config, config)
    return new if old is None or old.shape != new.shape else old


def _rows_of_units(old, new, old_config, config):
    new = new.clone()
    if config.codebook and config.codebook == old_config.codebook:
        count = min(len(old), len(new))
        new[:count] = old[:count]
    return new


def _rows_of_speakers(old, new, old_config, config):
    if old is None:
        return new
    rows = old.mean(dim=0).repeat(len(new), 1)
    for index, name in enumerate(config.speakers):
        if name in old_config.speakers:
            rows[index] = old[old_config.speakers.index(name)]
    return rows


def _columns(old, new, old_config, config):
    """Return the first convolution's weight if only one of the two vocoders has channels for speakers.

    Its channels are units and F0, then the speaker, then those that the architecture adds.
    """
    widths = [c.speaker_width if c.speakers else 0 for c in (old_config, config)]
    rest = 2 if config.arch == "fast" else 0
    before = old.shape[1] - widths[0] - rest
    if new.shape[1] - widths[1] - rest != before:
        return new
    new = new.clone()
    new[:, :before] = old[:, :before]
    new[:, new.shape[1] - rest :] = old[:, old.shape[1] - rest :]
    return new


def _take_discriminators(path, discriminators):
    if not os.path.exists(path):
        return
    wanted, prefix = weights.shapes(discriminators), "discriminators/"
    with weights.opened(path, "a checkpoint") as file:
        held = {name.removeprefix(prefix) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118
        if held != wanted.keys() or any(
            tuple(file.get_slice(prefix + name).get_shape()) != shape for name, shape in wanted.items()
        ):
            warn(f"{path}: its discriminators have another shape; training starts with new ones")
            return
        for name, shape in wanted.items():
            weights.check_shape(file, prefix + name, shape)
        kept = {name: file.get_tensor(prefix + name) for name in wanted}
        weights.check_finite(kept)
        discriminators.load_state_dict(kept)
