"""su-segment: audio files to records of their segments."""

import os

import click

from units.cli.options import PATH, folder_option, jobs_option, output_option, settings
from units.cli.tool import tool
from units.config import SegmentConfig
from units.records import InputError, Record, file_name, warn

FEW, MANY = 0.01, 0.6  # lower and higher shares of silence are unusual
LONG = 10.0  # s; a shorter recording may well have no pause


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
@folder_option("--clips", "Folder for a 16 kHz WAV file of each segment, named in its field `clip`.")
@jobs_option
@output_option("Records of the segments")
def main(job, files, vad, channel, config, clips, jobs, output):
    """Cut recordings at their silences and write a record for each segment."""
    if config.max_duration < 2 * config.min_duration:
        raise click.UsageError("--max-duration must be at least twice --min-duration")

    from functools import partial

    from units.audio.segment import recording_names
    from units.files.output import create
    from units.files.streams import write_record
    from units.parallel import ordered_map

    work = partial(_segments, vad=vad, choice=channel, config=config, clips=clips)
    names = zip(files, recording_names(files), strict=True)
    with create(output) as out:
        for (path, name), segments in ordered_map(work, names, min(jobs, len(files))):
            with job.item(Record({"id": name}, place=path)):
                for record in segments.result():
                    write_record(record, out)


def _segments(recording, vad, choice, config, clips):
    """Return the records of a recording, (path, name), channel by channel, and write their clips.

    Raises InputError if there is no speech in it. Worker processes run this.
    """
    from units.audio.segment import levels, tracks

    path, name = recording
    found = levels(path)
    chosen = tracks(path, found, choice)
    records = [
        record
        for channel, levels_db in chosen
        for record in _track(path, name, vad, config, channel, levels_db, found.seconds, len(chosen) == 1)
    ]
    if not records:
        raise InputError("no speech found")
    for record in records if clips else ():
        _write_clip(record, clips)
    return records


def _track(path, name, vad, config, channel, levels_db, seconds, alone):
    """Yield the records of one channel, or of the mix."""
    from units.audio.segment import segment_id, spans, speech_by_energy

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
