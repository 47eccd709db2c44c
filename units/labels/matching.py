"""Which alignment belongs to a record: the one with its id, or its part of the recording's."""

import math
import os

from units.labels.alignments import Channels
from units.labels.frames import cut
from units.records import InputError, optional, require


def phones_of(record, alignments, shift=0.0):
    """Return the phones of a record of units, on its time line, moved by a shift in s.

    alignments: Named phones, Channels or InputErrors. An alignment with the record's id is used as it is. One
    with the name of its recording, without suffix, is cut to the record's span, offset to offset + duration.
    Raises InputError if there is neither, the channel is not known, the alignment is at fault, or another
    recording of that name came before.
    """
    name = require(record, "id")
    key = alignments.key(name)
    if key is not None:
        return _moved(_of_channel(alignments[key], record), shift)
    recording = optional(record, "audio_filepath", "")
    stem = os.path.splitext(os.path.basename(recording))[0]
    key = alignments.key(stem)
    if key is None:
        raise InputError(
            f"there is no alignment of {name!r}" + (f" or {stem!r}" if stem and stem != name else "")
        )
    known = alignments.users.setdefault(key, recording)
    if os.path.realpath(known) != os.path.realpath(recording):
        raise InputError(
            f"the alignment {stem!r} may belong to {known} or {recording}; "
            "process one folder at a time, or give each record an alignment with its id"
        )
    start = optional(record, "offset", 0.0)
    end = start + optional(record, "duration", math.inf)
    return cut(_of_channel(alignments[key], record), start - shift, end - shift)


def _moved(phones, shift):
    return [[start + shift, end + shift, label] for start, end, label in phones] if shift else phones


def _of_channel(phones, record):
    if isinstance(phones, Channels):
        channel = optional(record, "channel")
        if channel is None and len(phones) > 1:
            raise InputError(f'its alignment has {len(phones)} channels, but the record has no "channel"')
        channel = next(iter(phones)) if channel is None else channel
        if channel not in phones:
            raise InputError(f"there is no alignment of channel {channel}, counted from 0")
        phones = phones[channel]
    if isinstance(phones, InputError):
        raise phones
    return phones
