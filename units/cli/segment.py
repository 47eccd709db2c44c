"""su-segment: audio files to records of their segments."""

import os

import click

from units.cli import PATH, output_option, tool
from units.config import SegmentConfig
from units.records import InputError, Record, file_name

DEFAULT = SegmentConfig()


@tool("su-segment")
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option("--vad", is_flag=True, help="Find speech by a neural network instead of by energy.")
@click.option(
    "--silence-db",
    type=click.FloatRange(-120, 0),
    default=DEFAULT.silence_db,
    help="What is silent, in dB relative to the recording's loudest 25 ms.",
)
@click.option(
    "--min-silence",
    type=click.FloatRange(0.05, 60),
    default=DEFAULT.min_silence,
    help="Seconds of silence that end a segment.",
)
@click.option(
    "--min-duration",
    type=click.FloatRange(0.1, 60),
    default=DEFAULT.min_duration,
    help="Seconds; shorter segments join a neighbour.",
)
@click.option(
    "--max-duration",
    type=click.FloatRange(1, 3600),
    default=DEFAULT.max_duration,
    help="Seconds; longer segments are cut at their quietest point. At least twice --min-duration.",
)
@output_option("Folder for a 16 kHz WAV of each segment, named in its field `clip`.", metavar="DIR")
def main(job, files, vad, output, **settings):
    """Cut recordings at their silences and write a record for each segment."""
    config = SegmentConfig(**settings)
    if config.max_duration < 2 * config.min_duration:
        raise click.UsageError("--max-duration must be at least twice --min-duration")

    import sys

    from units.audio.segment import recording_names
    from units.streams import write_record

    for path, name in zip(files, recording_names(files), strict=True):
        with job.item(Record({"id": name}, place=path)):
            for record in _segments(path, name, vad, config):
                if output:
                    _write_clip(record, output)
                write_record(record, sys.stdout.buffer)


def _segments(path, name, vad, config):
    from units.audio.segment import energies_db, segment_id, spans, speech_by_energy

    levels_db, duration = energies_db(path)
    if vad:
        from units.audio.vad import speech_by_network

        speech = speech_by_network(path, len(levels_db))
    else:
        speech = speech_by_energy(levels_db, config)
    if not speech.any():
        raise InputError("no speech in it")
    for start, end in spans(speech, levels_db, config):
        offset = start / 100
        yield {
            "id": segment_id(name, start, end),
            "audio_filepath": path,
            "offset": offset,
            "duration": round(min(end / 100, duration) - offset, 6),
        }


def _write_clip(record, folder):
    from units.audio.reading import load_record
    from units.audio.writing import save
    from units.streams import create

    record["clip"] = os.path.join(folder, file_name(record["id"], ".wav"))
    os.makedirs(folder, exist_ok=True)
    with create(record["clip"]) as out:
        save(out, load_record(record))
