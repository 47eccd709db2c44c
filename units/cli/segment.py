"""su-segment: audio files to records of their segments."""

import os

import click

from units.cli.options import PATH, folder_option, output_option, settings
from units.cli.tool import tool
from units.config import SegmentConfig
from units.records import InputError, Record, file_name, warn

FEW, MANY = 0.01, 0.6  # shares of silence that are unusual
LONG = 10.0  # s: a shorter recording need not have a pause


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
@click.option("--vad", is_flag=True, help="Find speech by a neural network instead of by energy.")
@click.option(
    "--channel",
    type=Channel(),
    default="mix",
    metavar="mix|loudest|split|N",
    help="Channels of a recording to take: their mean, the one with the loudest speech, each on its own, or "
    "number N, the first being 0.",
)
@settings(SegmentConfig)
@folder_option("--clips", "Folder for a 16 kHz WAV file of each segment, named in its field `clip`.")
@output_option("Records of the segments")
def main(job, files, vad, channel, config, clips, output):
    """Cut recordings at their silences and write a record for each segment."""
    if config.max_duration < 2 * config.min_duration:
        raise click.UsageError("--max-duration must be at least twice --min-duration")

    from units.audio.segment import recording_names
    from units.files.output import create
    from units.files.streams import write_record

    with create(output) as out:
        for path, name in zip(files, recording_names(files), strict=True):
            with job.item(Record({"id": name}, place=path)):
                for record in _segments(path, name, vad, channel, config):
                    if clips:
                        _write_clip(record, clips)
                    write_record(record, out)


def _segments(path, name, vad, choice, config):
    """Return the records of a recording, channel by channel; raise InputError if it holds no speech."""
    from units.audio.segment import levels, tracks

    found = levels(path)
    chosen = tracks(path, found, choice)
    records = [
        record
        for channel, levels_db in chosen
        for record in _track(path, name, vad, config, channel, levels_db, found.seconds, len(chosen) == 1)
    ]
    if not records:
        raise InputError("no speech in it")
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
        warn(f"{what}: no speech in it")
    if alone:  # who has a channel of their own listens half of the time
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
    """Warn if an unusual share of a recording is taken for silence: the threshold may not suit it."""
    share = 1 - speech.mean() if len(speech) else 1
    if (share < FEW and seconds > LONG) or MANY < share < 1:
        warn(f"{what}: {share:.1%} of it is taken for silence; if that is wrong, see --silence-db and --vad")


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
