"""The common part of encoders that are transformers: device, precision, and the hidden states to keep."""

import contextlib

import torch

from units.audio.timing import RATE
from units.devices import choose, choose_dtype, describe, free_memory, is_out_of_memory, place_of, upload
from units.encoders.encoder import Encoder
from units.records import InputError, warn


def choose_layers(layers, depth, default, source):
    """Return the chosen layers, sorted; 0 to depth, as in `hidden_states`. None is the default layer."""
    if layers == "all":
        return list(range(depth + 1))
    layers = sorted(set([default] if layers is None else layers))
    if wrong := [layer for layer in layers if not 0 <= layer <= depth]:
        raise InputError(f"{source}: has layers 0 to {depth}, but no layer {wrong[0]}")
    return layers


class Transformer(Encoder):
    """Base of encoders that run transformer layers up to the last chosen one.

    A subclass implements `_batch`, the network's input for Pieces, and `_last`, the raw output of the last
    layer for that input. Hooks collect the hidden states of the other chosen layers.
    """

    def __init__(self, name, layers, dimension, device, dtype, chunk_seconds, margin_seconds):
        super().__init__(name, layers, dimension, chunk_seconds, margin_seconds)
        self.device = choose(device)
        self.dtype = choose_dtype(dtype, self.device)
        self.asynchronous = self.device.type == "cuda"
        self.place = place_of(self.device, self.dtype)
        self._taken = {}
        self._most = None  # samples in a batch, padding included, once a larger batch did not fit

    def _watch(self, network, blocks):
        """Move the network to its device, and add hooks that collect the chosen hidden states."""
        for layer in self.layers[:-1]:
            if layer == 0:
                blocks[0].register_forward_pre_hook(lambda _module, args: self._take(0, args[0]))
            else:
                blocks[layer - 1].register_forward_hook(
                    lambda _module, _args, output, layer=layer: self._take(layer, output)
                )
        return network.eval().to(self.device, self.dtype)

    def _take(self, layer, hidden):
        self._taken[layer] = hidden[0] if isinstance(hidden, tuple) else hidden

    def launch(self, pieces):
        """Start to compute Pieces; return a function that waits for their frames; see Encoder.

        If the device runs out of memory, the batch is halved, and so are all later ones of this size.
        """
        padded = len(pieces) * max(piece.samples for piece in pieces)
        if len(pieces) == 1 or self._most is None or padded <= self._most:
            try:
                return self._start(pieces)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            self._halve(pieces, padded)  # here, because the error holds on to the tensors of the batch
        middle = (len(pieces) + 1) // 2
        halves = [self.launch(part) for part in (pieces[:middle], pieces[middle:])]
        return lambda: [frames for half in halves for frames in half()]

    def _halve(self, pieces, padded):
        """Free memory and lower the limit of a batch. Raises InputError if the batch is a single piece."""
        self._taken.clear()
        free_memory(self.device)
        full = f"out of memory on {describe(self.device)} with {padded / RATE:.0f} s of audio"
        if len(pieces) == 1:
            raise InputError(f"{full}; lower --chunk-seconds")
        self._most = padded // 2
        warn(f"{full}; batches are now halved")

    def _start(self, pieces):
        """Start to compute Pieces; return a function that waits for their frames."""
        with self._on_device(), torch.inference_mode():
            self._taken[self.layers[-1]] = self._last(*self._batch(pieces))
            hidden = torch.stack([self._taken.pop(layer) for layer in self.layers])
            host, arrived = self._to_host(hidden)

        def frames():
            arrived()
            cut = [slice(piece.skip, piece.skip + piece.count) for piece in pieces]
            return [host[:, i, frames].numpy() for i, frames in enumerate(cut)]

        return frames

    def _to_host(self, hidden):
        """Return the tensor in main memory as float32, and a function that waits until it is complete."""
        if not self.asynchronous:
            return hidden.float(), lambda: None
        host = torch.empty(hidden.shape, dtype=torch.float32, pin_memory=True)
        host.copy_(hidden.float(), non_blocking=True)
        event = torch.cuda.Event(blocking=True)  # waiting does not keep a processor busy
        event.record(torch.cuda.current_stream(self.device))
        return host, event.synchronize

    def _on_device(self):
        """Return the context in which the encoder's GPU is the current one, for its streams and handles."""
        return torch.cuda.device(self.device) if self.asynchronous else contextlib.nullcontext()

    def _to_device(self, tensor):
        return upload(tensor, self.device).to(self.dtype)
