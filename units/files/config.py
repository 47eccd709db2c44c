"""Settings kept as JSON next to the weights that they belong to: config.json."""

import json
from dataclasses import asdict

from units.files.opening import read_whole
from units.records import InputError
from units.settings import of_values

_LARGEST = 1 << 20  # bytes: the names of about ten thousand speakers fit


def read_json(path):
    """Return the JSON object in a file, a dict. Raises InputError, naming the file, if it holds none."""
    try:
        values = json.loads(read_whole(path, _LARGEST).decode())
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not JSON") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: not a JSON object")
    return values


def read_config(kind, path, others=False):
    """Return the settings in a JSON file, a dataclass of the class `kind`, each checked against its range.

    others: ignore unknown names, which are an error otherwise. Raises InputError, naming the
    file, the setting and its range.
    """
    return of_values(kind, read_json(path), path, others)


def to_json(config):
    """Return the settings as JSON text, the inverse of `read_config`.

    >>> from units.config import MotifConfig
    >>> to_json(MotifConfig()).splitlines()[0]
    '{'
    """
    return json.dumps(asdict(config), indent=2, ensure_ascii=False) + "\n"
