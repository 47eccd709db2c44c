"""What reads files of others, and mutations of good ones: for bench/fuzz.py and test_fuzz.py.

Each reader is given bytes; anything that it raises but InputError is a bug.
"""

import contextlib
import functools
import io
import json
import os
import re

import numpy as np
from hostile import npy

from units.codebook.codebook import Codebook, load_codebook, save_codebook
from units.config import BpeConfig
from units.encoders import learned, local
from units.encoders.network import NetworkConfig
from units.files import weights
from units.files.arrays import read_npy
from units.files.config import to_json
from units.files.streams import _read_file
from units.labels.ctm import read_ctm
from units.labels.elan import read_eaf
from units.labels.lines import read_audacity, read_lab
from units.labels.textgrid import read_textgrid
from units.patterns.bpe import Model, to_text, train
from units.patterns.corpus import of_runs
from units.patterns.search import index
from units.records import FIELDS, InputError, LostError, file_name, require, serialize, units_and_counts
from units.vocoder.config import VocoderConfig, parse_vocoder_config

TOKENS = (
    *(b"NaN", b"-Infinity", b"1e999", b"-1", b"0", b"9" * 30, b"9" * 5000, b"2147483648", b"1.5", b"true"),
    *(
        b"null",
        b"[",
        b"]",
        b"{",
        b"}",
        b"[" * 2000,
        b'"',
        b"\\",
        b"\\ud800",
        b"\\u0000",
        b"\n",
        b"\r\n",
        b"\0",
    ),
    *(b"\xff", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b'"features": "-"', b"-", b"../", b",", b":", b" "),
    *(
        b"\x93NUMPY\x01\x00",
        b"PK\x01\x02",
        b"PK\x03\x04",
        b"'<f4'",
        b"'|O'",
        b"(",
        b")",
        b"<",
        b">",
        b"&amp;",
    ),
    *(b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"\0\0\0\x80", b"\0\0\xc0\x7f"),
)


def mutate(data, random, others=()):
    """Return data changed in one to four ways; random: a random.Random; others: files to splice with."""
    data = bytearray(data)
    for _ in range(random.randint(1, 4)):
        start = random.randint(0, len(data))
        stop = min(len(data), start + random.choice((0, 1, 2, 4, 8, 50)))
        way = random.randint(0, 6)
        if way == 0 and data:
            data[start % len(data)] ^= 1 << random.randint(0, 7)
        elif way == 1 and data:
            data[start % len(data)] = random.randint(0, 255)
        elif way == 2:
            data[start:stop] = random.choice(TOKENS)
        elif way == 3:
            data[start:stop] = b""
        elif way == 4:
            data[start:start] = data[start:stop] * random.randint(1, 3)
        elif way == 5 and others:
            other = random.choice(others)
            data[start:] = other[random.randint(0, len(other)) :]
        else:
            del data[start if random.randint(0, 9) == 0 else len(data) :]
    return bytes(data)


# -- readers


def read_stream(data):
    """Read records as a tool with --keep-going does, and ask each for every field."""
    faults = []
    with contextlib.suppress(LostError):
        for record in _read_file(io.BufferedReader(io.BytesIO(data)), "x", faults.append, None):
            for check in (*(functools.partial(require, record, name) for name in FIELDS),):
                with contextlib.suppress(InputError):
                    check()
            with contextlib.suppress(InputError):
                units_and_counts(record)
            with contextlib.suppress(InputError):
                file_name(record.get("id"), ".npy")
            with contextlib.suppress(InputError):
                serialize(record)
    assert not [fault for fault in faults if "\n" in str(fault)]


def by_path(read):
    """Return the reader of bytes that hands `read` the path of a file of them in memory."""
    held = os.memfd_create("mutation")

    def reader(data):
        os.ftruncate(held, 0)
        os.pwrite(held, data, 0)
        read(f"/proc/self/fd/{held}")

    return reader


_WANTED = {"a": (2, 3), "b": ()}


def read_weights(path):
    weights.load(path, _WANTED, "these weights")


# -- seeds


def _saved(save, value):
    file = io.BytesIO()
    save(value, file)
    return file.getvalue()


@functools.cache
def _codebook():
    ones = np.arange(6, dtype=np.float32).reshape(2, 3)
    return Codebook(ones, np.zeros(3, np.float32), np.ones(3, np.float32), "mfcc39")


def _records():
    whole = {
        "id": "Mc 1-0-2000",
        "audio_filepath": "🔴 a.wav",
        "offset": 0,
        "duration": 2.5,
        "frame_shift": 0.02,
        "encoder": "mfcc39",
        "units": [0, 7, 7],
        "counts": [1, 2, 3],
        "codebook": "0123456789ab",
        "smooth": 2.5,
        "f0": [0, 119.5],
        "speaker": "Ana",
        "pieces": [1],
        "phones": [[0, 0.1, "a"]],
        "words": [],
        "start": 0,
        "end": 2.5,
        "occurrences": [["a", None, 0, 1.5], {"id": "b", "start": 1, "end": 1}],
        "tier": "phones",
    }
    framed = serialize({"id": "a", "features": "-"}) + npy(np.ones((2, 3), np.float32))
    return [serialize(whole) + b"\n" + serialize({"id": "b"}), framed * 2 + serialize({"id": "c"})]


def _index():
    recordings = [of_runs({"id": name, "offset": 1.0}, [0, 1, 0], [3, 1, 2]) for name in "ab"]
    return _saved(index.save_index, index.make_index(recordings, _codebook(), _codebook().hash))


def _weights():
    import safetensors.numpy

    return safetensors.numpy.save({"a": np.ones((2, 3), np.float32), "b": np.array(1, np.float32)})


def _encoder_config():
    from dataclasses import asdict

    return json.dumps(asdict(NetworkConfig())).encode()


def _bpe():
    texts = [to_text([i % 3, 1, 2, i % 5] * 3) for i in range(30)]
    return [train(texts, BpeConfig(vocab_size=12, model_type=kind)) for kind in ("bpe", "unigram")]


_TEXTGRID = b"""File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 1
            text = "a"
"""
_EAF = b"""<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="0"/>
<TIME_SLOT TIME_SLOT_ID="t2" TIME_VALUE="500"/></TIME_ORDER><TIER TIER_ID="phones"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2">
<ANNOTATION_VALUE>a</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>
"""

# name: (what reads bytes, a function that gives good ones)
READERS = {
    "records": (read_stream, _records),
    "arrays": (
        lambda data: read_npy(io.BytesIO(data), "x"),
        lambda: [npy(np.ones((2, 3), kind)) for kind in "fd"],
    ),
    "codebook": (
        by_path(load_codebook),
        lambda: [_saved(save_codebook, _codebook()), npy(np.ones((2, 3), np.float32))],
    ),
    "index": (by_path(index.load_index), lambda: [_index()]),
    "bpe": (Model, _bpe),
    "weights": (by_path(read_weights), lambda: [_weights()]),
    "vocoder-config": (
        by_path(parse_vocoder_config),
        lambda: [to_json(VocoderConfig(speakers=("a",))).encode()],
    ),
    "encoder-config": (by_path(learned._load_config), lambda: [_encoder_config()]),
    "foreign-config": (by_path(local._check_config), lambda: [b'{"hidden_size": 16, "conv_stride": [5, 2]}']),
    "textgrid": (by_path(read_textgrid), lambda: [_TEXTGRID]),
    "eaf": (by_path(read_eaf), lambda: [_EAF]),
    "ctm": (by_path(read_ctm), lambda: [b"a 1 0.00 0.10 x 0.9\na 1 0.10 0.10 y\n"]),
    "audacity": (by_path(read_audacity), lambda: [b"0.0\t0.5\ta\n\\\t100\t200\n0.5\t1.0\tb\n"]),
    "lab": (by_path(read_lab), lambda: [b"#\n0.10 125 a\n0.20 125 b\n"]),
}


def fault_of(read, data):
    """Return what a reader raised that is no InputError of one line; None where all is well."""
    try:
        read(data)
    except InputError as error:
        return error if re.search(r"[\n\r]", str(error)) else None
    except Exception as error:
        return error
    return None
