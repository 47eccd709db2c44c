"""The output of su-encode: frames after their records in the stream, or NPY files in a folder per layer."""

import contextlib
import json
import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.files.arrays import read_tail, write_header
from units.files.opening import read_whole
from units.files.output import BusyError, create
from units.files.sources import is_same, source_of, state_of
from units.files.streams import write_record
from units.records import InputError, file_name, require, serialize, warn

_SYNCHRONIZED = 8  # files that are made safe on the disk at once, which takes ms each


def write_frames(frames, dimension, blocks, files):
    """Write the frames of a record to one file per layer, block by block: NPY, (frames, dimension) float32.

    blocks: yields (layers, n, dimension) float32 arrays, `frames` rows in total.
    """
    for file in files:
        write_header(file, (frames, dimension))
    for block in blocks:
        for file, layer in zip(files, block, strict=True):
            file.write(np.ascontiguousarray(layer, "<f4").data)


class Inline:
    """Frames in the stream of records, each array after its record."""

    def __init__(self, encoder, out):
        self.encoder, self.out = encoder, out

    def lacks(self, _record):
        """Return whether a record's frames have to be computed."""
        return True

    def write(self, encoding, blocks):
        """Write the record and its frames; blocks yields (1, n, D) arrays."""
        record = encoding.record
        record.update(frame_shift=FRAME_SHIFT, encoder=self.encoder.name, features="-")
        self.out.write(serialize(record))
        write_frames(encoding.frames, self.encoder.dimension, blocks, [self.out])
        self.out.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        pass


class Folders:
    """A folder of NPY files made by one encoder, each named after its record; several layers have one each.

    In each file, a line of JSON after the array says how the frames were made; numpy stops reading before
    it. Array and line get their name together, so neither ever exists without the other. Files that this
    encoder made from the record's own audio are kept.

    Use it in a `with` block: records are written, in order, once their files are safe on the disk, and
    threads wait for the disk.
    """

    def __init__(self, encoder, out, path, several, model=""):
        self._out = out
        self.encoder, self._seen, self._sources, self._warned = encoder, set(), {}, False
        self._threads, self._waiting = ThreadPoolExecutor(_SYNCHRONIZED, "disk"), deque()
        # the name of an encoder of su-train-encoder contains a hash of its weights
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
        """Return whether a record's frames have to be computed. Called before its audio is read."""
        files = self._files(record)
        self._sources[id(record)] = source = source_of(record)
        return bool(self._others(files, source))

    def _others(self, files, source):
        """Return those files, one per layer, that this encoder did not make from the source."""
        wanted = [{**source, "encoder": name, "model": self._model} for name in self.encoder.names]
        return [file for file, each in zip(files, wanted, strict=True) if not is_same(_made_from(file), each)]

    def write(self, encoding, blocks):
        """Write the record's frames if they are new, and later a record for each layer."""
        record = encoding.record
        if record["id"] in self._seen:
            raise InputError(f'"id" {record["id"]!r} occurs twice')
        self._seen.add(record["id"])
        files, source = self._files(record), self._sources.pop(id(record))
        safe = Future()
        safe.set_result(None)
        if encoding.frames:
            self._report_stale(files, source)
            with contextlib.ExitStack() as stack:
                outs = [stack.enter_context(create(file)) for file in files]
                write_frames(encoding.frames, self.encoder.dimension, blocks, outs)
                for out, name in zip(outs, self.encoder.names, strict=True):
                    out.write(json.dumps({**source, "encoder": name, "model": self._model}).encode() + b"\n")
                safe = self._threads.submit(stack.pop_all().close)
        self._waiting.append((record, files, safe))
        self._write_records(2 * _SYNCHRONIZED)

    def _write_records(self, most):
        """Write the records whose files are safe, in order; let at most this many wait."""
        while self._waiting and (len(self._waiting) > most or self._waiting[0][2].done()):
            record, files, safe = self._waiting.popleft()
            safe.result()
            self._write_record(record, files)

    def _write_record(self, record, files):
        record.array = None
        for layer, file, name in zip(self.layers, files, self.encoder.names, strict=True):
            record.update(frame_shift=FRAME_SHIFT, encoder=name, features=file)
            if layer is not None:
                record["layer"] = layer
            write_record(record, self._out)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_error):
        """Wait for the disk, and write the last records unless a signal ends the tool."""
        self._threads.shutdown()
        if kind is None or issubclass(kind, Exception):
            self._write_records(0)

    def _report_stale(self, files, source):
        """Report the first record whose frames exist but were made from something else."""
        stale = [file for file in self._others(files, source) if os.path.exists(file)]
        if stale and not self._warned:
            self._warned = True
            why = _difference(_made_from(stale[0]), source)
            warn(f"{stale[0]}: {why}; it is written again, as are all others that do not fit their records")


def _difference(kept, source):
    """Return in words how the source that frames were made from differs from another.

    kept: None if unknown.
    """
    path = source["audio_filepath"]
    if kept is None:
        return "it does not say what it was made from"
    if kept.get("audio_filepath") != path:
        return f"it was made from {kept.get('audio_filepath')}, not {path}"
    if any(kept.get(name) != source[name] for name in ("offset", "duration", "channel")):
        return f"it was made from another part of {path}"
    if (kept.get("size"), kept.get("mtime_ns")) != (source["size"], source["mtime_ns"]):
        return f"it was made before {path} changed"
    return "it was made before the model changed"


def _made_from(path):
    """Return what an NPY file says it was made from; None if there is no such file, or if it does not say."""
    try:
        said = json.loads(read_tail(path, 1 << 16))
    except (InputError, ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _claim(folder, encoder_name):
    """Raise InputError for a folder with frames of another encoder: a rerun would take them for its own."""
    note = os.path.join(folder, "ENCODER")
    for patience in reversed(range(100)):  # tasks of an array begin at the same time
        if os.path.exists(note):
            break
        try:
            with create(note) as out:
                out.write(encoder_name.encode() + b"\n")
        except BusyError:
            if not patience:
                raise
            time.sleep(0.1)
    other = read_whole(note, 1 << 16).decode(errors="replace").strip()
    if other != encoder_name:
        raise InputError(f"{folder}: holds frames of {other}, not of {encoder_name}; use another folder")
