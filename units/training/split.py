"""Which records are held out to measure on: whole recordings, drawn by seed."""

import numpy as np

from units.patterns.moments import recording_of
from units.records import InputError, warn


def split_held_out(records, share, seed, keep_speakers=False):
    """Return (training, held-out) records, each in the order given, at least one on each side.

    Whole recordings are held out, so that nothing next to what is measured is trained on. keep_speakers: each
    speaker keeps a recording to learn from. If there is only one recording, or each is the only one of a
    speaker, one stretch of neighbouring records is held out instead, which is reported. If no recording has
    two records, speakers cannot be kept. Raises InputError for fewer than two records.
    """
    if len(records) < 2:
        raise InputError("one record is too little: some must be held out to measure on")
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
        why = "there is only one" if len(groups) == 1 else "each is the only one of a speaker"
        warn(f"no recording can be held out ({why}): {len(held_out)} neighbouring records are")
    training = [record for i, record in enumerate(records) if i not in held_out]
    return training, [record for i, record in enumerate(records) if i in held_out]


def _recording(record):
    # whatever their channels: what is said on one can often be heard on the other
    path = record.get("audio_filepath")
    return recording_of(path if isinstance(path, str) else None, record.get("id"))


def _offset(record):
    offset = record.get("offset")
    return (
        offset if isinstance(offset, (int, float)) else 0.0
    )  # what is wrong with it is said where it is read


def _draw(speakers, share, seed):
    """Return the names of recordings to hold out, of which each speaker keeps one; a set, maybe empty.

    speakers: for each recording the set of those who speak in it.
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
    """Return the indices of neighbours in time, a set: of the recording with most records, not all of it."""
    order = sorted(max(groups.values(), key=len), key=lambda i: (_offset(records[i]), i))
    count = min(max(1, round(share * len(records))), len(order) - 1)
    first = int(np.random.default_rng(seed).integers(len(order) - count + 1))
    return set(order[first : first + count])
