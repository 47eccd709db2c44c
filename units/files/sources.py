"""The source of a product: the span of the file it was made from, and the state of that file at the time.

Everything that is kept under a name and reused (frames, training audio, targets) stores its source next to
its data, in the same file, so that the two change together. A name alone proves nothing: ids and paths are
reused.
"""

import hashlib
import json
import os

from units.records import InputError, optional, require


def source_of(record):
    """Return the source of a record: a dict of its file's name, size and mtime_ns, and of the span in it.

    size and mtime_ns are None if the file does not exist. The name is normalised: ./a.wav is a.wav.

    >>> list(source_of({"audio_filepath": "./no.wav", "offset": 1}).values())
    ['no.wav', None, None, 1.0, None, None]
    """
    path, duration = require(record, "audio_filepath"), optional(record, "duration")
    try:
        known = os.stat(path)
    except (OSError, ValueError):
        known = None
    return {
        "audio_filepath": os.path.normpath(path),
        "size": known and known.st_size,
        "mtime_ns": known and known.st_mtime_ns,
        "offset": float(optional(record, "offset", 0.0)),
        "duration": None if duration is None else float(duration),
        "channel": optional(record, "channel"),
    }


def keep_apart(path, record):
    """Raise InputError if an output at a path would overwrite the recording of a record."""
    recording = record.get("audio_filepath")
    try:
        same = isinstance(recording, str) and os.path.samefile(path, recording)
    except (OSError, ValueError):  # one of them does not exist
        return
    if same:
        raise InputError(f"{path}: this is the recording of this record; write to another place")


def state_of(folder):
    """Return the state of the files of a folder: [[name, size, mtime_ns], ...], sorted."""
    known = sorted((entry.name, entry.stat()) for entry in os.scandir(folder) if entry.is_file())
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in known]


def is_same(kept, wanted):
    """Return whether the source `kept` of a product is the source `wanted`.

    If the file no longer exists, its name and the span must be equal.

    >>> wanted = {"audio_filepath": "a.wav", "size": None, "mtime_ns": None, "offset": 0.0}
    >>> is_same({"audio_filepath": "a.wav", "size": 7, "mtime_ns": 9, "offset": 0.0}, wanted)
    True
    >>> is_same({"audio_filepath": "b.wav", "size": 7, "mtime_ns": 9, "offset": 0.0}, wanted)
    False
    """
    if not isinstance(kept, dict):
        return False
    if wanted.get("size") is None:
        kept = {**kept, "size": None, "mtime_ns": None}
    return kept == wanted


def digest_of(records, fields=()):
    """Return a hash of the sources of records, and of some of their other fields, in hexadecimal."""
    digest = hashlib.sha256()
    for record in records:
        kept = {**source_of(record), **{name: record.get(name) for name in fields}}
        digest.update(json.dumps(kept, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()
