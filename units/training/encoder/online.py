"""Targets that are learned together with the network: a teacher with a codebook for each upper layer.

The teacher is a slow average of the network. It sees the whole crop, without the changes of `augment`. The
outputs of its upper layers are normalised over time and assigned to the codewords of their layer, and the
network's same layer must name the codewords of masked frames (DinoSR, Liu et al. 2023, arXiv 2305.10005;
SpidR, Poli et al. 2025, arXiv 2512.20308).
"""

import copy
import math

import torch
from torch import nn
from torch.nn.functional import cross_entropy

DECAY = 0.95  # of the codebooks, per step
_DEAD = 0.05  # of the mean count: a codeword with less is replaced by a frame
_FIRST_RATE, _FALL = 0.01, 6.0  # how far the teacher moves at the first step; its logarithm falls by 6


class OnlineTargets(nn.Module):
    """The teacher, the codebooks of its last `layers` layers, and the heads that guess their codewords.

    network: the one to follow; codewords: per layer. `sums` (L, K, D) and `counts` (L, K) are decaying sums
    and numbers of the frames of each codeword, and `used` (L, K) how often it was chosen since the last look.
    """

    def __init__(self, network, layers, codewords):
        super().__init__()
        self.teacher = copy.deepcopy(network).requires_grad_(False)
        width, self.layers = network.config.width, layers
        self.heads = nn.ModuleList(nn.Linear(width, codewords) for _ in range(layers))
        self.register_buffer("sums", torch.zeros(layers, codewords, width))
        self.register_buffer("counts", torch.zeros(layers, codewords))
        self.register_buffer("used", torch.zeros(layers, codewords))

    @torch.no_grad()
    def follow(self, network, share):
        """Move the teacher towards the network, by less and less; share: how much of the run is over."""
        rate = _FIRST_RATE * math.exp(-_FALL * share)
        torch._foreach_lerp_([*self.teacher.parameters()], [*network.parameters()], rate)

    @torch.no_grad()
    def targets(self, spectra, real, places, fresh, group, first):
        """Return the (L, B, T) codewords of a batch, and move the codebooks towards its frames.

        real: (B, T) bool; places: (N,) numbers of its real frames; fresh: (K,) numbers of frames that may
        become codewords, -1 for those of another process; first: whether this is the first batch of the run.
        """
        outputs = self.teacher.outputs(spectra, real)[-self.layers :]
        frames = torch.stack([normalised(output.float(), real) for output in outputs])
        flat = frames.flatten(1, 2)
        fresh = torch.where((fresh >= 0)[:, None], flat[:, fresh.clamp(min=0)], 0.0)
        group.sum(fresh)
        if first:
            self.counts.fill_(1.0)
            self.sums.copy_(fresh)
        codes = nearest(frames, self.centres())
        self._learn(flat[:, places], codes.flatten(1)[:, places], fresh, group)
        return codes

    def centres(self):
        """Return the (L, K, D) codebooks."""
        return self.sums / self.counts.clamp(min=1e-6)[..., None]

    def _learn(self, frames, codes, fresh, group):
        """Move the codebooks towards (L, N, D) frames; `fresh` (L, K, D) replace codewords hardly used."""
        chosen = nn.functional.one_hot(codes, self.counts.shape[1]).float()
        counts, sums = chosen.sum(1), chosen.transpose(1, 2) @ frames
        group.sum(counts, sums)
        self.used += counts
        self.counts.mul_(DECAY).add_(counts, alpha=1 - DECAY)
        self.sums.mul_(DECAY).add_(sums, alpha=1 - DECAY)
        mean = self.counts.mean(1, keepdim=True)
        dead = self.counts < _DEAD * mean
        self.counts.copy_(torch.where(dead, mean, self.counts))
        self.sums.copy_(torch.where(dead[..., None], fresh * mean[..., None], self.sums))

    def loss(self, outputs, codes):
        """Return the summed cross-entropy, averaged over the layers; codes: (L, N), -1 to leave out."""
        pairs = zip(self.heads, outputs[-self.layers :], codes, strict=True)
        return torch.stack([summed(head(output), wanted) for head, output, wanted in pairs]).mean()

    def perplexities(self):
        """Return {codebook_perplexity_LAYER: perplexity of the codewords chosen since the last call}."""
        first = len(self.teacher.layers) - self.layers + 1
        found = used_up(self.used).tolist()
        return {f"codebook_perplexity_{first + i}": value for i, value in enumerate(found)}


def used_up(used):
    """Return the (...) perplexities of (..., K) counts of codewords, and set the counts to 0."""
    share = used / used.sum(-1, keepdim=True).clamp(min=1)
    used.zero_()
    return torch.special.entr(share).sum(-1).exp()


def summed(guesses, wanted):
    """Return the summed cross-entropy of (B, T, K) guesses; wanted: (B T,), -1 to leave out."""
    return cross_entropy(guesses.float().flatten(0, 1), wanted, reduction="sum", ignore_index=-1)


def normalised(frames, real):
    """Return (B, T, D) frames with mean 0 and variance 1 over the real frames of each row and dimension.

    This removes what does not change within a crop, such as the voice and the level (SpidR, section 3.2).
    """
    weight = real[..., None].float()
    count = weight.sum(1, keepdim=True)
    centred = (frames - (frames * weight).sum(1, keepdim=True) / count) * weight
    return centred / ((centred.square().sum(1, keepdim=True) / count) + 1e-5).sqrt()


def nearest(frames, centres):
    """Return the (L, B, T) numbers of the nearest of (L, K, D) centres to (L, B, T, D) frames."""
    products = frames.flatten(1, 2) @ centres.transpose(1, 2)
    return (products - centres.square().sum(-1)[:, None] / 2).argmax(-1).unflatten(1, frames.shape[1:3])
