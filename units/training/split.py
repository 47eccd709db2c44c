"""Choose the records to hold out for validation: complete recordings, drawn by seed."""

import numpy as np

from units.patterns.moments import recording_of
from units.records import InputError, warn


def split_held_out(records, share, seed, keep_speakers=False):
    """Return (training, held-out) records, each in the order given, with at least one on each side.

    All records of a recording are on the same side, so that no neighbour of a held-out record is trained on.
    keep_speakers: leave each speaker at least one recording to train on. If there is only one recording, or
    only one per speaker, a stretch of neighbouring records is held out instead, with a warning. If no
    recording has two records, speakers cannot be kept. Raises InputError for fewer than two records.
    """
    if len(records) < 2:
        raise InputError("at least two records are needed: one is held out for validation")
    groups = {}
    for i, record in enumerate(records):
        groups.setdefault(_recording(record), []).append(i)
    speakers = {name: {records[i].get("speaker") for i in group} for name, group in groups.items()}
    of_one = {name: {None} for name in groups}
    chosen = _draw(speakers if keep_speakers else of_one, share, seed)
    if not chosen and max(map(len, groups.values())) == 1:
        chosen = _draw(of_one, share, seed)
    held_out = {i for name in chosen for i in groups[name]}
    if not held_out:
        held_out = _stretch(records, groups, share, seed)
        why = "there is only one" if len(groups) == 1 else "no speaker has more than one"
        warn(
            f"cannot hold out a complete recording ({why}); "
            f"{len(held_out)} neighbouring records are held out instead"
        )
    training = [record for i, record in enumerate(records) if i not in held_out]
    return training, [record for i, record in enumerate(records) if i in held_out]


def _recording(record):
    # the same for all channels: one channel can often be heard on another
    path = record.get("audio_filepath")
    return recording_of(path if isinstance(path, str) else None, record.get("id"))


def _offset(record):
    offset = record.get("offset")  # the code that reads the audio reports a wrong type
    return offset if isinstance(offset, (int, float)) else 0.0


def _draw(speakers, share, seed):
    """Return the names of recordings to hold out, a set, maybe empty; each speaker keeps one recording.

    speakers: {recording: set of its speakers}.
    """
    left = {}
    for those in speakers.values():
        for speaker in those:
            left[speaker] = left.get(speaker, 0) + 1
    wanted, chosen = max(1, round(share * len(speakers))), set()
    for name in np.random.default_rng(seed).permutation(sorted(speakers)).tolist():
        if len(chosen) < wanted and all(left[speaker] > 1 for speaker in speakers[name]):
            chosen.add(name)
            for speaker in speakers[name]:
                left[speaker] -= 1
    return chosen


def _stretch(records, groups, share, seed):
    """Return the indices of consecutive records of the recording that has most, a set; never all of them."""
    order = sorted(max(groups.values(), key=len), key=lambda i: (_offset(records[i]), i))
    count = min(max(1, round(share * len(records))), len(order) - 1)
    first = int(np.random.default_rng(seed).integers(len(order) - count + 1))
    return set(order[first : first + count])
