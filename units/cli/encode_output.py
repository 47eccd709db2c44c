"""Where su-encode's frames go: after their records in a pipe, or to a folder of NPY files for each layer."""

import contextlib
import json
import os
import sys

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.files.arrays import read_tail, write_header
from units.files.opening import read_whole
from units.files.output import create
from units.files.sources import is_same, source_of, state_of
from units.files.streams import write_record
from units.records import InputError, file_name, require, serialize, warn


def write_frames(frames, dimension, blocks, files):
    """Write the frames of a record to one file a layer, block by block: NPY, (frames, dimension) float32.

    blocks: (layers, n, dimension) float32 in turn, `frames` of them together.
    """
    for file in files:
        write_header(file, (frames, dimension))
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
        write_frames(recording.frames, self.encoder.dimension, blocks, [self.out])
        self.out.flush()


class Folders:
    """A folder of NPY files made by one encoder, each named after its record; of several layers one each.

    After its array each file holds a line of JSON that says what it was made from; numpy stops reading before
    it. Array and line take the name together, so neither is ever there without the other. Files made from the
    record's own audio by this encoder are kept.
    """

    def __init__(self, encoder, path, several, model=""):
        self.encoder, self._seen, self._sources, self._warned = encoder, set(), {}, False
        # the name of one that su-train-encoder made holds a hash of its weights
        self._model = state_of(model) if os.path.isdir(model) and "@" not in encoder.name else None
        self.layers = encoder.layers if several else [None]
        self.paths = [os.path.join(path, str(layer)) if several else path for layer in self.layers]
        for folder, name in zip(self.paths, encoder.names, strict=True):
            os.makedirs(folder, exist_ok=True)
            _claim(folder, name)

    def _files(self, record):
        name = file_name(require(record, "id"), ".npy")
        return [os.path.join(folder, name) for folder in self.paths]

    def lacks(self, record):
        """Whether a record's frames are yet to be made; called before its audio is read, of each record."""
        files = self._files(record)
        self._sources[id(record)] = source = source_of(record)
        return bool(self._others(files, source))

    def _others(self, files, source):
        """Return those of the files, one a layer, that were not made from a source by this encoder."""
        wanted = [{**source, "encoder": name, "model": self._model} for name in self.encoder.names]
        return [file for file, each in zip(files, wanted, strict=True) if not is_same(_made_from(file), each)]

    def write(self, recording, blocks):
        """Write the record's frames, (layers, n, D) in turn, if they are new, and a record for each layer."""
        record = recording.record
        if record["id"] in self._seen:
            raise InputError(f'"id" {record["id"]} a second time')
        self._seen.add(record["id"])
        files, source = self._files(record), self._sources.pop(id(record))
        if recording.frames:
            self._say_if_other(files, source)
            with contextlib.ExitStack() as stack:
                outs = [stack.enter_context(create(file)) for file in files]
                write_frames(recording.frames, self.encoder.dimension, blocks, outs)
                for out, name in zip(outs, self.encoder.names, strict=True):
                    out.write(json.dumps({**source, "encoder": name, "model": self._model}).encode() + b"\n")
        record.array = None
        for layer, file, name in zip(self.layers, files, self.encoder.names, strict=True):
            record.update(frame_shift=FRAME_SHIFT, encoder=name, features=file)
            if layer is not None:
                record["layer"] = layer
            write_record(record, sys.stdout.buffer)

    def _say_if_other(self, files, source):
        """Say, of the first record whose frames are there but are not its own, that they are made again."""
        stale = [file for file in self._others(files, source) if os.path.exists(file)]
        if stale and not self._warned:
            self._warned = True
            why = _difference(_made_from(stale[0]), source)
            warn(f"{stale[0]}: {why}; made again, as are others that do not belong to their records")


def _difference(kept, source):
    """Return in words why frames made from a source, None where it is unknown, are not those of another."""
    path = source["audio_filepath"]
    if kept is None:
        return "does not say what it was made from"
    if kept.get("audio_filepath") != path:
        return f"made from {kept.get('audio_filepath')}, not {path}"
    if any(kept.get(name) != source[name] for name in ("offset", "duration", "channel")):
        return f"made from another part of {path}"
    if (kept.get("size"), kept.get("mtime_ns")) != (source["size"], source["mtime_ns"]):
        return f"made before {path} was changed"
    return "made before the model was changed"


def _made_from(path):
    """Return what an NPY file says that it was made from; None where there is none, or it does not say."""
    try:
        said = json.loads(read_tail(path, 1 << 16))
    except (InputError, ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


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
