"""The audio of a corpus, decoded once: PATH.s16 is int16, end to end; PATH.npz has arrays about it."""

import contextlib
import hashlib
import os

import numpy as np

from units.audio.writing import clipped_pcm16
from units.files.arrays import load_arrays
from units.files.output import create
from units.records import InputError

_KINDS = {"ends": "i", "content": "U", "key": "U"}


@contextlib.contextmanager
def at_its_place(record):
    """Raise the InputError of a block with the record's place before it."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{record.place}: {error}") from None


def load_cache(path, key, kinds, samples_per_end=1):
    """Return (audio, {name: array}) of a cache, or None if it is not there, not complete, or of another key.

    audio: a (S,) int16 memory map. kinds: {name: kind of its dtype} of the arrays besides `ends` (R,), the
    end of each recording in units of `samples_per_end` samples, and `content`, a hash of the audio.
    """
    try:
        arrays = load_arrays(f"{path}.npz", {**_KINDS, **kinds}, "a cache")
        size = os.path.getsize(f"{path}.s16")
    except (InputError, OSError):
        return None
    arrays["ends"] = ends = np.atleast_1d(arrays["ends"])
    complete = ends.ndim == 1 and size == 2 * samples_per_end * sum(ends[-1:].tolist())
    if str(arrays.pop("key")) != key or not complete:
        return None
    arrays["content"] = str(arrays["content"])
    return np.memmap(f"{path}.s16", np.int16, mode="r"), arrays


def write_cache(path, key, records, prepare, join, item=at_its_place):
    """Write the audio of records, and arrays about it.

    prepare(record): its (S,) float32 samples, and anything else; join(list of that else): {name: array},
    `ends` among them. item(record): a context in which the record's audio is read; if it suppresses the
    InputError of a record, that record is left out. Raises InputError if none is left or all are silent.
    """
    parts, content, heard = [], hashlib.sha256(), False
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{path}.npz")  # so that it is never next to audio of other records
    with create(f"{path}.s16") as audio:
        for record in records:
            with item(record):
                samples, part = prepare(record)
                heard = heard or bool(np.any(samples))
                data = clipped_pcm16(samples, record["audio_filepath"])
                audio.write(data)
                content.update(data)
                parts.append(part)
        if not parts:
            raise InputError("no recording is left that can be used")
        if not heard:
            raise InputError("all recordings are completely silent: there is nothing to learn from")
    with create(f"{path}.npz") as out:
        np.savez(out, **join(parts), content=np.array(content.hexdigest()), key=np.array(key))
