"""What may stand in a model's place: what is cut, damaged or no file at all, or lies about itself.

Each function gives {what is wrong: maker}; a maker is bytes, or a function of the path that it is to make.
"""

import io
import json
import os
import pickle
import re
import struct
import zipfile

import numpy as np

HUGE = 1 << 60


class Trap:
    """Ends the process if it is ever unpickled."""

    def __reduce__(self):
        return os._exit, (99,)


def put(path, maker):
    """Make what a maker says at a path, in place of what is there."""
    if os.path.lexists(path):
        os.unlink(path)
    if callable(maker):
        maker(path)
    else:
        with open(path, "wb") as file:
            file.write(maker)


def sparse(head, size):
    """Return the maker of a file that takes no room on the disk, however long it is."""

    def make(path):
        with open(path, "wb") as file:
            file.write(head)
            file.truncate(size)

    return make


NO_FILES = {
    "not there": lambda path: None,
    "a folder": os.mkdir,
    "a FIFO that nobody writes to": os.mkfifo,
    "a link to nothing": lambda path: os.symlink("nowhere", path),
    "a link to itself": lambda path: os.symlink(os.path.basename(path), path),
    "a link to bytes without end": lambda path: os.symlink("/dev/zero", path),
    "a terabyte of nothing": sparse(b"", 1 << 40),
}
NONSENSE = {
    "empty": b"",
    "one byte": b"\0",
    "text": b"not a model\n",
    "a page": b"<!DOCTYPE html><title>404 Not Found</title>\n" * 30,
    "a pickle": pickle.dumps(Trap()),
    "a pickle of torch": b"PK\x03\x04" + pickle.dumps(Trap()),
    "random": np.random.default_rng(0).bytes(5000),
    "zeros": bytes(5000),
}


def cuts(good, shares=(0.1, 0.5, 0.9)):
    """Return the beginnings of a file."""
    return {f"cut at {share}": good[: int(share * len(good))] for share in shares}


# -- NPY and NPZ


def npy(array, **options):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), **options)
    return file.getvalue()


def npy_header(shape, descr="<f4", data=b""):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


ARRAYS = {
    "a pickled array": npy(np.array([Trap()], object), allow_pickle=True),
    "a shape of 2^60": npy_header((HUGE, 1)),
    "a shape that overflows": npy_header((1 << 40, 1 << 40)),
    "a negative shape": npy_header((-1, -39)),
    "a shape of nothing and much": npy_header((0, HUGE)),
    "an array cut off": npy(np.ones((8, 39), np.float32))[:-3],
    "text": npy(np.array(["a", "b"])),
    "whole numbers": npy(np.ones((8, 39), np.int64)),
    "complex numbers": npy(np.ones((8, 39), complex)),
    "structures": npy_header((8,), [("a", "<f4")], bytes(32)),
    "NaN": npy(np.full((8, 39), np.nan, np.float32)),
    "more than float32 holds": npy(np.full((8, 39), 1e300)),
    "three dimensions": npy(np.ones((8, 39, 2), np.float32)),
    "no dimension": npy(np.float32(1)),
    "a dtype that is no word": npy_header((8, 39)).replace(b"'<f4'", b"',f4'"),
    "NPY of version 9": b"\x93NUMPY\x09\x00" + bytes(100),
    "a header that is no literal": b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16,
}


def archive(members, compression=zipfile.ZIP_STORED):
    """Return the bytes of a zip file of {name: bytes}."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as out:
        for name, data in members.items():
            out.writestr(name, data)
    return file.getvalue()


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def _headers(content, at, value):
    """Return a zip file with a byte of each member's two headers changed; at: counted from its version."""
    content = bytearray(content)
    for mark, version in ((b"PK\x03\x04", 4), (b"PK\x01\x02", 6)):
        for found in re.finditer(mark, bytes(content)):
            content[found.start() + version + at] = value[0]
    return bytes(content)


def archives(good, name):
    """Return what an .npz may be in place of a good one, of which `name` is an array."""
    parts = members(good)
    named = f"{name}.npy"
    made = {f"{name}: {fault}": archive({**parts, named: data}) for fault, data in ARRAYS.items()}
    made[f"no {name}"] = archive({key: data for key, data in parts.items() if key != named})
    # 300 MiB, of which deflate makes a thousandth; made only where it is asked for
    made["a bomb"] = lambda path: put(
        path, archive({**parts, named: npy(np.zeros(300 << 18, np.float32))}, zipfile.ZIP_DEFLATED)
    )
    made["many members"] = archive({**parts, **{str(i): b"" for i in range(200)}})
    made["another CRC"] = good.replace(parts[named][-8:], b"\x01\x02\x03\x04\x05\x06\x07\x08")
    made["a compression that nobody knows"] = _headers(good, 4, b"\x63")
    made["encrypted"] = _headers(good, 2, b"\x01")
    return made | cuts(good) | NONSENSE


# -- safetensors


def tensors_of(content):
    """Return (header, data) of the bytes of a safetensors file."""
    size = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def safetensors(header, data=b""):
    """Return the bytes of a safetensors file; header: what stands in it as JSON, or its bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def changed(content, **fields):
    """Return a safetensors file, the entry of its first tensor of two dimensions and more changed."""
    header, data = tensors_of(content)
    name = next(n for n, entry in header.items() if n != "__metadata__" and len(entry["shape"]) > 1)
    return safetensors({**header, name: {**header[name], **fields}}, data)


def spoiled(content, value, name=None):
    """Return a safetensors file of which one number, the first of a tensor, is another: bytes."""
    header, data = tensors_of(content)
    name = name or next(n for n in header if n != "__metadata__")
    start = header[name]["data_offsets"][0]
    return safetensors(header, data[:start] + value + data[start + len(value) :])


def weights(good):
    """Return what a safetensors file may be in place of a good one."""
    header, data = tensors_of(good)
    names = [name for name in header if name != "__metadata__"]
    first = header[names[0]]
    dtype, begin = first["dtype"], len(data)
    nan = {"F32": b"\0\0\xc0\x7f", "F16": b"\0\x7e"}[dtype]
    infinity = {"F32": b"\0\0\x80\x7f", "F16": b"\0\x7c"}[dtype]
    last = max(names, key=lambda name: header[name]["data_offsets"][1])
    less = {name: entry for name, entry in header.items() if name != last}
    kept = data[: header[last]["data_offsets"][0]]
    whole = {"F32": "I32", "F16": "I16"}[dtype]
    return {
        "a header of 2^60 bytes": struct.pack("<Q", HUGE) + b"{}",
        "a header of 2^64 - 1 bytes": b"\xff" * 8 + b"{}",
        "a header of 90 MB": sparse(struct.pack("<Q", 90_000_000) + b"{}", 90_000_100),
        "a header that is not JSON": safetensors(b"nonsense"),
        "a header that is not UTF-8": safetensors(b'{"\xff": 1}'),
        "a header of many brackets": safetensors(b"[" * 100_000),
        "a header without end": safetensors(b'{"a": ' * 100_000),
        "a header that is a list": safetensors(b"[]"),
        "a header of nothing": safetensors(b""),
        "no tensors": safetensors({}),
        "a tensor of 2^60 bytes": safetensors(
            {"a": {"dtype": "U8", "shape": [HUGE], "data_offsets": [0, HUGE]}}
        ),
        "a shape that overflows": changed(good, shape=[1 << 40, 1 << 40]),
        "a shape below nothing": changed(good, shape=[-1, -1]),
        "a shape of text": changed(good, shape=["a"]),
        "offsets that go back": changed(good, data_offsets=[100, 0]),
        "offsets beyond the end": changed(good, data_offsets=[begin, begin + 400]),
        "a dtype that nobody knows": changed(good, dtype="F3"),
        "a tensor that is missing": safetensors(less, kept),
        "a tensor too many": safetensors(
            {**header, "more\nof it": {"dtype": "F32", "shape": [1], "data_offsets": [begin, begin + 4]}},
            data + bytes(4),
        ),
        "a tensor of another name": safetensors({**less, "other": header[last]}, data),
        "whole numbers": safetensors({**header, names[0]: {**first, "dtype": whole}}, data),
        "NaN": spoiled(good, nan),
        "infinity": spoiled(good, infinity),
        "data that end early": good[:-5],
        "data too many": good + bytes(5),
        **cuts(good),
        **NONSENSE,
    }


# -- JSON


def texts(good):
    """Return what a JSON object in a file may be in place of a good one."""
    values = json.loads(good)
    return {
        "a list": b"[1, 2]",
        "a number": b"12",
        "null": b"null",
        "deep": b"[" * 100_000,
        "deep within": b'{"version": ' * 50_000,
        "not UTF-8": good.replace(b"{", b'{"\xff": 1, ', 1),
        "UTF-16": good.decode().encode("utf-16"),
        "NUL": good + b"\0",
        "a number of 5000 digits": good.replace(b"{", b'{"version": ' + b"9" * 5000 + b", ", 1),
        "more than a configuration holds": good + b" " * (17 << 20),
        "version 2": json.dumps({**values, "version": 2, "model_type": "of tomorrow"}).encode(),
        "version true": json.dumps({**values, "version": True, "model_type": True}).encode(),
        **cuts(good),
        **NONSENSE,
    }


def variants(good, changes):
    """Return a JSON object with each of {what is wrong: {field: value}} put in."""
    values = json.loads(good)
    return {name: json.dumps({**values, **change}).encode() for name, change in changes.items()}


# -- protocol buffers, of which a SentencePiece model is one


def field(number, content):
    """Return a field of bytes of a protocol buffer."""
    size, digits = len(content), b""
    while size > 127:
        digits += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + digits + bytes([size]) + content


def pieces(good):
    """Return what a SentencePiece model may be in place of a good one."""
    return {
        "a field of 2 GiB": good + b"\x0a\xff\xff\xff\xff\x07",
        "a field of 2^63 bytes": good + b"\x0a" + b"\xff" * 9 + b"\x01",
        "groups without end": good + b"\x0b" * 100_000,
        "the same pieces twice": good + good,
        "a piece that is not UTF-8": good + field(1, field(1, b"\xff\xfe")),
        "a piece that is empty": good + field(1, field(1, b"")),
        "a piece of letters": good + field(1, field(1, b"abc")),
        "a second <unk>": good + field(1, field(1, b"<other>") + b"\x18\x02"),
        "a field number of nothing": good + b"\x02\x01a",
        "a varint without end": good + b"\xff" * 40,
        "tables for normalisation that lie": good + field(3, field(2, b"\xff" * 64)),
        **cuts(good),
        **NONSENSE,
    }
