"""What a product was made from: which span of which file, as that file was then.

Whatever is kept under a name and used again (frames, training audio, targets) holds this next to its data, in
the same file, so that the two change together. A name alone proves nothing: ids and paths come again.
"""

import hashlib
import json
import os

from units.records import InputError, optional, require


def source_of(record):
    """Return the source of a record: a dict of its file's name, size and mtime_ns, and of the span in it.

    Of a file that is not there size and mtime_ns are None. The name is normalised, so that ./a.wav is a.wav.

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
    """Raise InputError if an output at a path would take the place of the recording that a record is of."""
    recording = record.get("audio_filepath")
    try:
        same = isinstance(recording, str) and os.path.samefile(path, recording)
    except (OSError, ValueError):  # one of them is not there
        return
    if same:
        raise InputError(f"{path}: is the recording of this record; choose another place with -o")


def state_of(folder):
    """Return what tells whether the files of a folder have changed: [[name, size, mtime_ns], ...], sorted."""
    known = sorted((entry.name, entry.stat()) for entry in os.scandir(folder) if entry.is_file())
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in known]


def is_same(kept, wanted):
    """Return whether what was made from the source `kept` is what would be made from `wanted`.

    Where the file is gone nothing else can be made, and its name and the span must do.

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
    """Return a hash of the sources of records in turn, and of some of their other fields, hexadecimal."""
    digest = hashlib.sha256()
    for record in records:
        kept = {**source_of(record), **{name: record.get(name) for name in fields}}
        digest.update(json.dumps(kept, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()
