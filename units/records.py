"""The fields of a record, and the line that holds it; see su-records(5).

A tool checks the fields that it reads with `require`, adds those that it makes, and passes on the rest.
"""

import json
import os
import warnings

MOST_FRAMES = 1 << 23  # per record: two days, so that a few digits in a file cannot claim all memory


class InputError(Exception):
    """The input is at fault. The message is one line: the place, if it is known, and the fault."""


class InputWarning(UserWarning):
    """The input was repaired, or a choice was made for the user. The message is one line."""


class LostError(InputError):
    """The input is at fault, and the next record cannot be found, so nothing can be skipped."""


def warn(message):
    """Report a repair or a choice that the user did not ask for. The tools print each message once."""
    warnings.warn(InputWarning(message), stacklevel=2)


class Record(dict):
    """A JSON object, the place where it was read, and the array that followed it in the stream, if any."""

    __slots__ = ("array", "place")

    def __init__(self, fields=(), place="-", array=None):
        super().__init__(fields)
        self.place = place
        self.array = array


def _is_number(value):
    return type(value) in (int, float) and abs(value) < 1e15  # false for NaN


def _is_count_list(value, least=0):
    if not isinstance(value, list) or not set(map(type, value)) <= {int}:  # map: fast
        return False
    return not value or (min(value) >= least and max(value) < 1 << 31)


def _is_f0(value):
    return isinstance(value, list) and all(_is_number(f) and f >= 0 for f in value)


def _is_span(value):
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(map(_is_number, value[:2]))
        and value[0] <= value[1]
        and isinstance(value[2], str)
    )


def _is_place(value):
    """Return whether a value is an occurrence: an object, or a list of id, audio_filepath, start and end."""
    if isinstance(value, dict):
        if "channel" in value and not FIELDS["channel"][0](value["channel"]):
            return False
        value = [value.get(name) for name in ("id", "audio_filepath", "start", "end")]
    if not isinstance(value, list) or len(value) != 4 or value[:2] == [None, None]:
        return False
    name, path, start, end = value
    if not (name is None or isinstance(name, str)) or not (path is None or _is_file_name(path)):
        return False
    return _is_number(start) and _is_number(end) and 0 <= start <= end


def _is_file_name(value):
    if not isinstance(value, str) or value == "" or "\0" in value:
        return False
    try:
        os.fsencode(value)
        return True
    except UnicodeEncodeError:  # a lone surrogate that is not an escaped byte
        return False


_UNITS = (_is_count_list, "a list of whole numbers from 0 to 2147483647")
_SPANS = (lambda v: isinstance(v, list) and all(map(_is_span, v)), "a list of [start, end, label] in seconds")
_PLACES = (
    lambda v: isinstance(v, list) and all(_is_place(p) for p in v),
    "a list of objects with id, audio_filepath, start and end, or of lists of these",
)
_TEXT = (lambda v: isinstance(v, str) and v != "", "a non-empty string")
_FILE = (_is_file_name, "a file name")

# field: (whether a value is valid, the same in words)
FIELDS = {
    "id": _TEXT,
    "audio_filepath": _FILE,
    "offset": (lambda v: _is_number(v) and v >= 0, "a number of seconds from 0 up"),
    "duration": (lambda v: _is_number(v) and v > 0, "a number of seconds above 0"),
    "channel": (lambda v: type(v) is int and 0 <= v < 1 << 16, "the number of a channel, counted from 0"),
    "features": _FILE,
    "frame_shift": (lambda v: _is_number(v) and v > 0, "a number of seconds above 0"),
    "encoder": _TEXT,
    "units": _UNITS,
    "counts": (lambda v: _is_count_list(v, least=1), "a list of whole numbers from 1 to 2147483647"),
    "codebook": _TEXT,
    "smooth": (lambda v: _is_number(v) and v >= 0, "a number from 0 up"),
    "f0": (_is_f0, "a list of numbers from 0 up, in Hz"),
    "speaker": _TEXT,
    "language": _TEXT,
    "pieces": _UNITS,
    "phones": _SPANS,
    "words": _SPANS,
    "start": (lambda v: _is_number(v) and v >= 0, "a number of seconds from 0 up"),
    "end": (lambda v: _is_number(v) and v >= 0, "a number of seconds from 0 up"),
    "occurrences": _PLACES,
    "tier": _TEXT,
}


def require(record, *names):
    """Return the values of the named fields; for one name, just its value.

    Raises InputError if a field is missing or not valid, see FIELDS.

    >>> require({"id": "a", "units": [3, 3, 7]}, "units")
    [3, 3, 7]
    >>> require({"id": "a"}, "units")
    Traceback (most recent call last):
    units.records.InputError: no "units"
    """
    for name in names:
        if name not in record:
            raise InputError(f'no "{name}"')
        holds, words = FIELDS[name]
        if not holds(record[name]):
            raise InputError(f'"{name}" must be {words}')
    values = [record[name] for name in names]
    return values[0] if len(values) == 1 else values


def optional(record, name, default=None):
    """Return the value of a field, or the default if it is missing; raise InputError if it is not valid.

    >>> optional({"id": "a"}, "offset", 0.0)
    0.0
    """
    return require(record, name) if name in record else default


def units_and_counts(record):
    """Return the units of a record and the frames per unit, or None if there is one unit per frame.

    >>> units_and_counts({"units": [5, 9], "counts": [2, 1]})
    ([5, 9], [2, 1])
    """
    units = require(record, "units")
    if "counts" not in record:
        return units, None
    counts = require(record, "counts")
    if len(counts) != len(units):
        raise InputError(f'{len(units)} "units" but {len(counts)} "counts"')
    if sum(counts) > MOST_FRAMES:
        raise InputError(f'"counts" add up to {sum(counts)} frames, more than any recording has')
    return units, counts


def frame_units(record):
    """Return the units of a record, one per frame, whether it has runs or frames.

    >>> frame_units({"units": [5, 9], "counts": [2, 1]})
    [5, 5, 9]
    """
    units, counts = units_and_counts(record)
    if counts is None:
        return units
    return [unit for unit, count in zip(units, counts, strict=True) for _ in range(count)]


def _not_json(token):
    raise ValueError(f"{token} is not JSON")


def _object(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))
        raise ValueError(f'"{twice}" occurs twice in one object')
    return found


def parse(line, place="-"):
    """Return the Record in one line of UTF-8 bytes.

    Raises InputError, its message beginning with the place, if the line is not a JSON object.

    >>> parse(b'{"id": "a"}')
    {'id': 'a'}
    """
    try:
        value = json.loads(line.decode(), parse_constant=_not_json, object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: not UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON: {error.msg} at column {error.colno}") from None
    except ValueError as error:  # NaN, infinity, integers with more digits than Python reads
        raise InputError(f"{place}: not JSON: {str(error).split(';')[0]}") from None
    except RecursionError:
        raise InputError(f"{place}: nested too deeply") from None
    if not isinstance(value, dict):
        raise InputError(f"{place}: not a JSON object")
    return Record(value, place)


def serialize(record):
    """Return the record as one line of UTF-8 bytes, the inverse of `parse`.

    In a file name that is not UTF-8, Python has lone surrogates, which are escaped in the JSON.
    """
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise InputError("NaN and infinity cannot be written as JSON") from None
    except RecursionError:
        raise InputError("nested too deeply") from None
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(record, allow_nan=False).encode() + b"\n"


def file_name(record_id, suffix):
    """Return the file name for a record's output: its id and the suffix.

    Raises InputError if the id would lead out of the folder or is too long.

    >>> file_name("Mc 1", ".npy")
    'Mc 1.npy'
    """
    if not _is_file_name(record_id) or "/" in record_id or record_id in (".", ".."):
        raise InputError(f'"id" {json.dumps(record_id)} cannot name a file')
    if len(os.fsencode(record_id + suffix)) > 240:  # 255, minus the additions while the file is written
        raise InputError('"id" is too long to name a file')
    return record_id + suffix
