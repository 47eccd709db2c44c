"""The learned encoder's network: spectra in, hidden states out. It knows nothing of training.

A linear layer and a convolution that tells positions, then transformer layers with the norm before each part
(Baevski et al. 2020, arXiv 2006.11477, with log-mel spectra for its seven convolutions), where wanted with a
depthwise convolution in each as well (Gulati et al. 2020, arXiv 2005.08100).
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import conv2d, gelu, glu, scaled_dot_product_attention

MODEL_TYPE = "speech-units"


@dataclass(frozen=True)
class NetworkConfig:
    """The network's shape; kept as config.json beside its weights."""

    model_type: str = MODEL_TYPE
    bands: int = 80  # mel
    spectra: int = 2  # a frame
    width: int = 256
    layers: int = 6
    heads: int = 4
    feedforward: int = 1024
    position_kernel: int = 31  # frames
    conv_kernel: int = 0  # frames of each layer's own convolution; 0 is none
    attention_span: int = 0  # frames before and after that attention sees; 0 is all
    default_layer: int = 4
    version: int = 1


class Network(nn.Module):
    """(B, T, spectra * bands) to the (B, T, width) hidden states of each layer."""

    def __init__(self, config):
        super().__init__()
        self.config, width = config, config.width
        self.input = nn.Linear(config.bands * config.spectra, width)
        self.input_norm = nn.LayerNorm(width)
        self.position = Neighbours(width, config.position_kernel, groups=width // 16)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.mask = nn.Parameter(torch.zeros(width).uniform_())

    def forward(self, spectra, real=None, masked=None, last=None):
        """Return the raw output of layer `last` (None: the last).

        spectra: (B, T, spectra * bands); real: (B, T) bool, false where padding is, or None; masked: (B, T)
        bool, true where the network must guess.
        """
        hidden = self.input_norm(self.input(spectra))
        if masked is not None:
            hidden = torch.where(masked[..., None], self.mask.to(hidden.dtype), hidden)
        if real is not None:
            hidden = hidden * real[..., None]
        hidden = hidden + gelu(self.position(hidden))
        seen = self._seen(hidden.shape[1], real, hidden.device)
        for layer in self.layers[:last]:
            hidden = layer(hidden, real, seen)
        return hidden

    def _seen(self, length, real, device):
        """Return which frames attention sees from which, (B or 1, 1, T, T) bool, or None for all.

        A bounded span makes frames the same in a chunk and in a whole recording, and as in crops of training.
        """
        place, span = torch.arange(length, device=device), self.config.attention_span
        apart = (place[:, None] - place).abs()
        near = apart <= (span or length)
        if real is None:
            return near if 0 < span < length - 1 else None
        return near & real[:, None, None, :] | (apart == 0)  # padding sees itself, or it were NaN


class Layer(nn.Module):
    """Attention, where wanted a convolution, and a feed-forward part, each added to what it is given."""

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
        """(B, T, width) to the same; real and seen as Network has them."""
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
        """(B, T, width) to the same; seen: which frames are attended to from which, or None for all."""
        parts = self.input(self.norm(hidden)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.output(scaled_dot_product_attention(*parts, attn_mask=seen).transpose(1, 2).flatten(-2))


class Convolution(nn.Module):
    """A gate, a convolution of each channel over neighbouring frames, and a linear layer, after a norm."""

    def __init__(self, width, kernel):
        super().__init__()
        self.norm, self.gate = nn.LayerNorm(width), nn.Linear(width, 2 * width)
        self.neighbours = Neighbours(width, kernel, groups=width)
        self.inner_norm, self.output = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, hidden, real):
        """(B, T, width) to the same; padding is zeros to the convolution."""
        hidden = glu(self.gate(self.norm(hidden)))
        if real is not None:
            hidden = hidden * real[..., None]
        return self.output(gelu(self.inner_norm(self.neighbours(hidden))))


class Neighbours(nn.Conv1d):
    """A convolution over time in groups of channels, (B, T, width) to the same.

    As one of images it takes two thirds of the time on a CPU.
    """

    def __init__(self, width, kernel, groups):
        super().__init__(width, width, kernel, padding=kernel // 2, groups=groups)

    def forward(self, hidden):
        """(B, T, width) to the same."""
        image, weight = hidden.transpose(1, 2).unsqueeze(2), self.weight.unsqueeze(2)
        mixed = conv2d(image, weight, self.bias, padding=(0, self.padding[0]), groups=self.groups)
        return mixed.squeeze(2).transpose(1, 2)
