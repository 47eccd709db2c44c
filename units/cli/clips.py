"""Examples cut out of recordings, for a person to listen to."""

CONTEXT = 0.075  # s before and after


def cut_examples(found, recordings, number, stem):
    """Write the best examples of a motif or a term as STEM-1.wav and so on; return the names of the files."""
    import os

    from units.motifs import choose

    os.makedirs(os.path.dirname(stem) or ".", exist_ok=True)
    names = []
    for i, example in enumerate(choose(found, recordings, number), start=1):
        recording = recordings[found.where[example]]
        names.append(f"{stem}-{i}.wav")
        span = float(found.starts[example]), float(found.ends[example])
        cut(names[-1], recording.audio_filepath, *span, recording.end)
    return names


def cut(path, audio_filepath, start, end, last=None):
    """Write what stands from start to end (s) of a recording, with CONTEXT around it, as a WAV file.

    last: s, where what may be cut ends; None is where the recording does.
    """
    from units.audio import load, save
    from units.streams import create

    first, end = max(0.0, start - CONTEXT), end + CONTEXT
    samples = load(audio_filepath, first, (end if last is None else min(last, end)) - first)
    with create(path) as out:
        save(out, samples)
