"""Speech to discrete units and back, without text. docs/python.md shows how to use the library.

    >>> from units import load_encoder
    >>> load_encoder("mfcc").name
    'mfcc39'

The names below are loaded when they are first used, so `import units` takes no time.
"""

import importlib
import os

__version__ = "0.1.0"

# From 1.29 on, onnxruntime reports its use to its maker and keeps an identifier of the user in ~/.cache
# unless this is set when it is loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

_HOMES = {
    "Record": "units.records",
    "InputError": "units.records",
    "read_records": "units.files.streams",
    "write_record": "units.files.streams",
    "segment": "units.audio.cutting",
    "load_audio": "units.audio.reading",
    "load_encoder": "units.encoders.models",
    "fit_codebook": "units.codebook.kmeans",
    "load_codebook": "units.codebook.codebook",
    "save_codebook": "units.codebook.codebook",
    "quantize": "units.codebook.quantize",
    "load_vocoder": "units.vocoder.model",
}
__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module 'units' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__():
    return [*globals(), *_HOMES]
