"""The learned encoder's network: spectra in, hidden states out.

A linear layer and a convolution that encodes positions, then transformer layers with the norm before each
part (Baevski et al. 2020, arXiv 2006.11477, with log-mel spectra in place of its seven convolutions),
optionally with a depthwise convolution in each layer (Gulati et al. 2020, arXiv 2005.08100).
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import gelu, glu, scaled_dot_product_attention

from units.audio.timing import HOP
from units.convolution import TimeConvolution
from units.records import InputError
from units.settings import setting

MODEL_TYPE = "speech-units"


@dataclass(frozen=True)
class NetworkConfig:
    """The network's shape; kept as config.json next to its weights."""

    model_type: str = setting(
        MODEL_TYPE, "Distinguishes these models from those of transformers.", choices=(MODEL_TYPE,)
    )
    bands: int = setting(80, "Mel bands.", low=1, high=256)
    spectra: int = setting(2, "Spectra per frame.", low=1, high=5)
    width: int = setting(256, "Dimensions of the layers.", low=16, high=4096, multiple_of=16)
    layers: int = setting(6, "Number of layers.", low=1, high=64, names=("--depth",))
    heads: int = setting(4, "Attention heads per layer.", low=1, high=64)
    feedforward: int = setting(1024, "Dimensions inside the feed-forward parts.", low=1, high=16384)
    position_kernel: int = setting(
        31, "Kernel of the convolution for positions.", unit="frames", low=1, high=511, odd=True
    )
    conv_kernel: int = setting(
        0,
        "Kernel of the depthwise convolution in each layer, an odd number; 0 omits it.",
        unit="frames",
        low=0,
        high=511,
        names=("--convolution",),
    )
    attention_span: int = setting(
        0, "How far attention sees in each direction; 0 is everywhere.", unit="frames", low=0, high=100_000
    )
    default_layer: int = setting(4, "Layer that is used if none is chosen.", low=0, high=64)
    version: int = setting(1, "Version of this layout.", low=1, high=1)


def check_shape(config, place):
    """Raise InputError if the settings of a NetworkConfig do not fit each other."""
    if config.width % config.heads:
        raise InputError(f"{place}: width must be a multiple of heads, {config.heads}, not {config.width}")
    if config.default_layer > config.layers:
        raise InputError(
            f"{place}: default_layer must be at most layers, {config.layers}, not {config.default_layer}"
        )
    if HOP % config.spectra:
        raise InputError(f"{place}: spectra must divide {HOP}, the samples of a frame, not {config.spectra}")
    if config.conv_kernel and config.conv_kernel % 2 == 0:
        raise InputError(f"{place}: conv_kernel must be 0 or an odd number, not {config.conv_kernel}")


class Network(nn.Module):
    """(B, T, spectra * bands) to the (B, T, width) hidden states of each layer."""

    def __init__(self, config):
        super().__init__()
        self.config, width = config, config.width
        self.input = nn.Linear(config.bands * config.spectra, width)
        self.input_norm = nn.LayerNorm(width)
        self.position = TimeConvolution(width, config.position_kernel, groups=width // 16)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.mask = nn.Parameter(torch.zeros(width).uniform_())

    def forward(self, spectra, real=None, masked=None, last=None):
        """Return the raw output of layer `last` (None: the last); the arguments are those of `outputs`."""
        return self.outputs(spectra, real, masked, last)[-1]

    def outputs(self, spectra, real=None, masked=None, last=None):
        """Return the raw (B, T, width) outputs of layers 0, the input of the first, to `last` (None: all).

        spectra: (B, T, spectra * bands); real: (B, T) bool, false for padding, or None; masked: (B, T)
        bool, true for frames that the network must predict.
        """
        hidden = self.input_norm(self.input(spectra))
        if masked is not None:
            hidden = torch.where(masked[..., None], self.mask.to(hidden.dtype), hidden)
        if real is not None:
            hidden = hidden * real[..., None]
        hidden = hidden + gelu(self.position(hidden))
        seen = self._seen(hidden.shape[1], real, hidden.device)
        found = [hidden]
        for layer in self.layers[:last]:
            found.append(layer(found[-1], real, seen))
        return found

    def _seen(self, length, real, device):
        """Return which frames attention sees from each frame, (B or 1, 1, T, T) bool, or None for all.

        With a bounded span, frames are the same in a chunk, in the entire recording and in a training crop.
        """
        place, span = torch.arange(length, device=device), self.config.attention_span
        apart = (place[:, None] - place).abs()
        near = apart <= (span or length)
        if real is None:
            return near if 0 < span < length - 1 else None
        return near & real[:, None, None, :] | (apart == 0)  # padding sees itself, to avoid NaN


class Layer(nn.Module):
    """Attention, an optional convolution and a feed-forward part, each added to its input."""

    def __init__(self, config):
        super().__init__()
        self.attention = Attention(config.width, config.heads)
        self.convolution = Convolution(config.width, config.conv_kernel) if config.conv_kernel else None
        self.feedforward = nn.Sequential(
            nn.LayerNorm(config.width),
            nn.Linear(config.width, config.feedforward),
            nn.GELU(),
            nn.Linear(config.feedforward, config.width),
        )

    def forward(self, hidden, real, seen):
        """Return (B, T, width); real, seen: as in Network."""
        hidden = hidden + self.attention(hidden, seen)
        if self.convolution is not None:
            hidden = hidden + self.convolution(hidden, real)
        return hidden + self.feedforward(hidden)


class Attention(nn.Module):
    """Multi-head self-attention after a norm."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.input, self.output = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, hidden, seen):
        """Return (B, T, width); seen: which frames each frame attends to, or None for all."""
        parts = self.input(self.norm(hidden)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.output(scaled_dot_product_attention(*parts, attn_mask=seen).transpose(1, 2).flatten(-2))


class Convolution(nn.Module):
    """A gate, a convolution of each channel over neighbouring frames, and a linear layer, after a norm."""

    def __init__(self, width, kernel):
        super().__init__()
        self.norm, self.gate = nn.LayerNorm(width), nn.Linear(width, 2 * width)
        self.neighbours = TimeConvolution(width, kernel, groups=width)
        self.inner_norm, self.output = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, hidden, real):
        """Return (B, T, width); padding is zero for the convolution."""
        hidden = glu(self.gate(self.norm(hidden)))
        if real is not None:
            hidden = hidden * real[..., None]
        return self.output(gelu(self.inner_norm(self.neighbours(hidden))))
