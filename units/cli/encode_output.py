"""Where su-encode's frames go: after their records in a pipe, or to a folder of NPY files for each layer."""

import contextlib
import os
import sys

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.files import read_whole
from units.records import InputError, file_name, require, serialize
from units.streams import create, write_record


def write_npy(frames, dimension, blocks, files):
    """Write the frames of a record to one file a layer, block by block: NPY, (frames, dimension) float32.

    blocks: (layers, n, dimension) float32 in turn, `frames` of them together.
    """
    header = {"descr": "<f4", "fortran_order": False, "shape": (frames, dimension)}
    for file in files:
        np.lib.format.write_array_header_1_0(file, header)
    for block in blocks:
        for file, layer in zip(files, block, strict=True):
            file.write(np.ascontiguousarray(layer, "<f4").data)


class Pipe:
    """Frames on standard output, each record's after its line."""

    def __init__(self, encoder):
        self.encoder, self.out = encoder, sys.stdout.buffer

    def lacks(self, _record):
        """Whether a record's frames are yet to be made."""
        return True

    def write(self, recording, blocks):
        """Write the record and its frames, (1, n, D) in turn."""
        record = recording.record
        record.update(frame_shift=FRAME_SHIFT, encoder=self.encoder.name, features="-")
        self.out.write(serialize(record))
        write_npy(recording.frames, self.encoder.dimension, blocks, [self.out])
        self.out.flush()


class Folders:
    """A folder of NPY files made by one encoder, each named after its record; of several layers one each.

    What a file holds is whole as soon as it has its name, so those that are there already are kept.
    """

    def __init__(self, encoder, path, several):
        self.encoder, self._seen = encoder, set()
        self.layers = encoder.layers if several else [None]
        self.paths = [os.path.join(path, str(layer)) if several else path for layer in self.layers]
        for folder, name in zip(self.paths, encoder.names, strict=True):
            os.makedirs(folder, exist_ok=True)
            _claim(folder, name)

    def _files(self, record):
        name = file_name(require(record, "id"), ".npy")
        return [os.path.join(folder, name) for folder in self.paths]

    def lacks(self, record):
        """Whether a record's frames are yet to be made."""
        return not all(map(os.path.exists, self._files(record)))

    def write(self, recording, blocks):
        """Write the record's frames, (layers, n, D) in turn, if they are new, and a record for each layer."""
        record = recording.record
        if record["id"] in self._seen:
            raise InputError(f'"id" {record["id"]} a second time')
        self._seen.add(record["id"])
        files = self._files(record)
        if recording.frames:
            with contextlib.ExitStack() as stack:
                outs = [stack.enter_context(create(file)) for file in files]
                write_npy(recording.frames, self.encoder.dimension, blocks, outs)
        record.array = None
        for layer, file, name in zip(self.layers, files, self.encoder.names, strict=True):
            record.update(frame_shift=FRAME_SHIFT, encoder=name, features=file)
            if layer is not None:
                record["layer"] = layer
            write_record(record, sys.stdout.buffer)


def _claim(folder, encoder_name):
    """Refuse a folder of another encoder's frames: a rerun would take them for its own."""
    note = os.path.join(folder, "ENCODER")
    if os.path.exists(note):
        other = read_whole(note, 1 << 16).decode(errors="replace").strip()
        if other != encoder_name:
            raise InputError(f"{folder}: holds frames of {other}, not {encoder_name}")
        return
    with create(note) as out:
        out.write(encoder_name.encode() + b"\n")
