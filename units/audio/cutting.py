"""A recording to the records of its segments: what su-segment does with each file."""

import os

from units.audio.segment import levels, segment_id, spans, speech_by_energy, tracks
from units.config import SegmentConfig
from units.records import InputError, Record, warn

FEW, MANY = 0.01, 0.6  # lower and higher shares of silence are unusual
LONG = 10.0  # s; a shorter recording may well have no pause


def segment(path, config=SegmentConfig(), channel="mix", vad=False, name=None):
    """Return the records of the stretches of speech in a recording, in order of time, channel by channel.

    channel: "mix", "loudest", "split", or a number from 0. vad: find speech with a neural network. name: what
    ids begin with; by default the name of the file without suffix. Raises InputError if the file cannot be
    read or has no speech.
    """
    name = os.path.splitext(os.path.basename(path))[0] if name is None else name
    found = levels(path)
    chosen = tracks(path, found, channel)
    records = [
        Record(record)
        for number, levels_db in chosen
        for record in _track(path, name, vad, config, number, levels_db, found.seconds, len(chosen) == 1)
    ]
    if not records:
        raise InputError("no speech found")
    return records


def _track(path, name, vad, config, channel, levels_db, seconds, alone):
    """Yield the records of one channel, or of the mix."""
    if vad:
        from units.audio.vad import speech_by_network

        speech = speech_by_network(path, len(levels_db), channel)
    else:
        speech = speech_by_energy(levels_db, config)
    what = path if channel is None else f"{path}, channel {channel}"
    if channel is not None and not speech.any():
        warn(f"{what}: no speech found")
    if alone:  # a speaker with a separate channel is silent half of the time
        _report_silence(what, speech, seconds)
    chosen = {} if channel is None else {"channel": channel}
    for start, end in spans(speech, levels_db, config):
        offset = start / 100
        yield {
            "id": segment_id(name, start, end, channel),
            "audio_filepath": path,
            "offset": offset,
            "duration": round(min(end / 100, seconds) - offset, 6),
            **chosen,
        }


def _report_silence(what, speech, seconds):
    """Warn if an unusual share of a recording counts as silence: the threshold may not suit it."""
    share = 1 - speech.mean() if len(speech) else 1
    if (share < FEW and seconds > LONG) or MANY < share < 1:
        warn(f"{what}: {share:.1%} of it counts as silence; if that is wrong, see --silence-db and --vad")
