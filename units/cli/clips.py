"""--clips of the tools that find: examples cut out of recordings, for a person to listen to."""

import click

from units.cli.options import output_option

CONTEXT = 0.075  # s before and after


def clips_options(what):
    """Return the decorator for --clips and the -o that goes with it; what: is cut, as "of each term"."""
    clips = click.option(
        "--clips",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"Cut the N best {what} as WAV, with 75 ms around, into the folder of -o.",
    )
    output = output_option("The folder of the clips.", metavar="DIR")
    return lambda command: clips(output(command))


def check_clips(clips, output):
    """Raise UsageError where one of --clips and -o is given without the other."""
    if bool(clips) != bool(output):
        raise click.UsageError("--clips and -o go together")


def cut_examples(found, recordings, number, stem):
    """Write the best examples of a motif or a term as STEM-1.wav and so on; return the names of the files."""
    import os

    from units.patterns.motifs import choose

    os.makedirs(os.path.dirname(stem) or ".", exist_ok=True)
    names = []
    for i, example in enumerate(choose(found, recordings, number), start=1):
        recording = recordings[found.where[example]]
        names.append(f"{stem}-{i}.wav")
        span = float(found.starts[example]), float(found.ends[example])
        cut(names[-1], recording.audio_filepath, *span, recording.end, recording.channel)
    return names


def cut(path, audio_filepath, start, end, last=None, channel=None):
    """Write what stands from start to end (s) of a recording, with CONTEXT around it, as a WAV file.

    last: s, where what may be cut ends; None is where the recording does.
    """
    from units.audio.reading import load
    from units.audio.writing import save_clip
    from units.files.output import create

    first, end = max(0.0, start - CONTEXT), end + CONTEXT
    samples = load(audio_filepath, first, (end if last is None else min(last, end)) - first, channel)
    with create(path) as out:
        save_clip(out, samples, audio_filepath)
