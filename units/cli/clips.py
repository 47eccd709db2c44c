"""Clips for a person to listen to, cut out of recordings."""

import os

from units.audio.timing import CLIP_CONTEXT


def cut_examples(found, recordings, number, stem):
    """Write the best examples of a motif or a term as STEM-1.wav and so on; return the names of the files."""
    from units.patterns.occurrences import choose_examples

    os.makedirs(os.path.dirname(stem) or ".", exist_ok=True)
    names = []
    for i, example in enumerate(choose_examples(found, recordings, number), start=1):
        recording = recordings[found.where[example]]
        names.append(f"{stem}-{i}.wav")
        span = float(found.starts[example]), float(found.ends[example])
        cut_clip(names[-1], recording.audio_filepath, *span, recording.end, recording.channel)
    return names


def cut_clip(path, audio_filepath, start, end, last=None, channel=None):
    """Write the audio from start to end (s) of a recording as a WAV file, with CLIP_CONTEXT on both sides.

    last: time in s after which nothing is cut; None is the end of the recording.
    """
    from units.audio.reading import load_audio
    from units.audio.writing import save_clip
    from units.files.output import create

    first, end = max(0.0, start - CLIP_CONTEXT), end + CLIP_CONTEXT
    samples = load_audio(audio_filepath, first, (end if last is None else min(last, end)) - first, channel)
    with create(path) as out:
        save_clip(out, samples, audio_filepath)
