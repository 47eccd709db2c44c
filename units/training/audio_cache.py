"""Audio to train on: decoded once, and kept in a folder from run to run.

`path`.s16 holds the 16-bit samples of all recordings, end to end. `path`.npz holds the sample after the end
of each recording, a hash of the audio, and the columns of a corpus: one value per frame of HOP samples.
"""

import contextlib
import hashlib
import os

import numpy as np

from units.audio.timing import HOP
from units.audio.writing import clipped_pcm16
from units.files.arrays import load_arrays
from units.files.output import create
from units.records import InputError

_KINDS = {"ends": "i", "kept": "i", "content": "U", "key": "U"}


@contextlib.contextmanager
def at_its_place(record):
    """Put the record's place in front of an InputError that the block raises."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{record.place}: {error}") from None


def build(path, key, records, read, columns=None, item=at_its_place):
    """Return {"audio", "ends", "kept", "content", column: (S / HOP,) values} of the records that can be used.

    audio: (S,) int16 memory map; ends: (R,) the end of each recording, in samples; kept: (R,) its place among
    the records; content: a hash of the audio.

    key: names everything that the corpus is made from; a corpus of another key is replaced. read(record)
    returns float samples and {column: values}. columns: {name: kind of dtype}, as `load_arrays` takes them.
    item(record): the context to read one record in; if it swallows an InputError, the record is left out.
    Raises InputError if no record is left or if all audio is silent.
    """
    kinds = _KINDS | (columns or {})
    if (kept := _kept(path, key, kinds)) is None:
        _write(path, key, records, read, item)
        kept = _kept(path, key, kinds)
    return {"audio": np.memmap(f"{path}.s16", np.int16, mode="r"), **kept}


def _kept(path, key, kinds):
    """Return the arrays that are kept under a key, or None if there are others or not all of them."""
    try:
        arrays = load_arrays(f"{path}.npz", kinds, "a cache of training audio")
        samples = os.path.getsize(f"{path}.s16") // 2
    except (InputError, OSError):
        return None
    arrays["ends"], arrays["kept"] = np.atleast_1d(arrays["ends"]), np.atleast_1d(arrays["kept"])
    arrays["content"] = str(arrays["content"])
    complete = str(arrays.pop("key")) == key and arrays["ends"][-1:].tolist() == [samples]
    fitting = arrays["kept"].shape == arrays["ends"].shape and all(
        arrays[name].shape == (samples // HOP,) for name in kinds.keys() - _KINDS.keys()
    )
    return arrays if complete and fitting else None


def _write(path, key, records, read, item):
    sizes, rows, places, content, heard = [], [], [], hashlib.sha256(), False
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{path}.npz")  # so that it never lies next to audio of other records
    with create(f"{path}.s16") as audio:
        for place, record in enumerate(records):
            with item(record):
                samples, values = read(record)
                heard = heard or bool(np.any(samples))
                data = clipped_pcm16(samples, record["audio_filepath"])
                audio.write(data)
                content.update(data)
                sizes.append(len(samples))
                rows.append(values)
                places.append(place)
        if not sizes:
            raise InputError("none of the records can be used for training")
        if not heard:
            raise InputError("every recording is completely silent; there is nothing to learn")
    columns = {name: np.concatenate([values[name] for values in rows]) for name in rows[0]}
    with create(f"{path}.npz") as out:
        made = {"ends": np.cumsum(sizes), "kept": np.array(places, np.int64)}
        names = {"content": np.array(content.hexdigest()), "key": np.array(key)}
        np.savez(out, **made, **names, **columns)
