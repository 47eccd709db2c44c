"""su-segment: audio files to records of their segments."""

import os

import click

from units.cli.options import PATH, folder_option, jobs_option, output_option, settings
from units.cli.tool import tool
from units.config import SegmentConfig
from units.records import Record, file_name


class Channel(click.ParamType):
    """Which channels to take: mix, loudest, split, or a number."""

    name = "channel"

    def convert(self, value, param, ctx):
        """Return the word, or the number as an int; fail as wrong usage."""
        if value in ("mix", "loudest", "split"):
            return value
        if not (value.isascii() and value.isdigit() and int(value) < 1 << 16):
            self.fail(f"{value!r} is not mix, loudest, split or the number of a channel.", param, ctx)
        return int(value)


class Shard(click.ParamType):
    """One of several parts, I/N as in split(1): (I, N), counted from 1."""

    name = "shard"

    def convert(self, value, param, ctx):
        """Return the two numbers, or fail as wrong usage."""
        if isinstance(value, tuple):
            return value
        parts = value.split("/")
        if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
            self.fail(f"{value!r} is not a shard such as 3/16.", param, ctx)
        number, count = map(int, parts)
        if not 1 <= number <= count:
            self.fail(f"{value!r} is not a shard from 1/{count} to {count}/{count}.", param, ctx)
        return number, count


@tool("su-segment")
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option(
    "--vad", is_flag=True, help="Find speech with a neural network, Silero VAD, instead of by energy."
)
@click.option(
    "--channel",
    type=Channel(),
    default="mix",
    metavar="mix|loudest|split|N",
    help="Channels to use: their mean (mix), the one with the loudest speech (loudest), each separately "
    "(split), or number N, counted from 0.",
)
@settings(SegmentConfig)
@click.option("--speaker", metavar="NAME", help="Set the field `speaker` of all records.")
@click.option("--language", metavar="NAME", help="Set the field `language` of all records.")
@click.option(
    "--shard",
    type=Shard(),
    default="1/1",
    metavar="I/N",
    help="Cut only the Ith of N equal parts of the list of files, counted from 1. The ids are those that the "
    "whole list gives.",
)
@folder_option("--clips", "Folder for a 16 kHz WAV file of each segment, named in its field `clip`.")
@jobs_option
@output_option("Records of the segments")
def main(job, files, vad, channel, config, speaker, language, shard, clips, jobs, output):
    """Cut recordings at their silences and write a record for each segment."""
    if config.max_duration < 2 * config.min_duration:
        raise click.UsageError("--max-duration must be at least twice --min-duration")

    from functools import partial

    from units.audio.segment import recording_names
    from units.files.output import create
    from units.files.streams import write_record
    from units.parallel import ordered_map

    known = {name: value for name, value in (("speaker", speaker), ("language", language)) if value}
    work = partial(_segments, vad=vad, channel=channel, config=config, clips=clips)
    number, count = shard
    own = slice(len(files) * (number - 1) // count, len(files) * number // count)
    names = list(zip(files, recording_names(files), strict=True))[own]
    with create(output) as out:
        for (path, name), segments in ordered_map(work, names, max(1, min(jobs, len(names)))):
            with job.item(Record({"id": name}, place=path)):
                for record in segments.result():
                    write_record({**record, **known}, out)


def _segments(recording, vad, channel, config, clips):
    """Return the records of a recording, (path, name), and write their clips. Worker processes run this."""
    from units.audio.cutting import segment

    path, name = recording
    records = segment(path, config, channel, vad, name)
    for record in records if clips else ():
        _write_clip(record, clips)
    return records


def _write_clip(record, folder):
    from units.audio.reading import load_record
    from units.audio.writing import save_clip
    from units.files.output import create
    from units.files.sources import keep_apart

    record["clip"] = os.path.join(folder, file_name(record["id"], ".wav"))
    keep_apart(record["clip"], record)
    os.makedirs(folder, exist_ok=True)
    with create(record["clip"]) as out:
        save_clip(out, load_record(record), record["audio_filepath"])
