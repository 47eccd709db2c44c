"""su-units: units, pieces and motifs as labels of Praat, ELAN and Audacity, and labels as records."""

import os

import click

from units import __version__
from units.cli import CONTEXT, PATH, ToolGroup, output_option, records_argument, tool
from units.cli.units_output import FILES, STREAMS, open_output
from units.records import InputError, Record, require


@click.group("su-units", cls=ToolGroup, context_settings=CONTEXT)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main():
    """Show units, pieces and motifs in Praat, ELAN and Audacity, and take labels made there as records."""


@tool("export")
@records_argument("records")
@click.option(
    "-t",
    "--to",
    "kind",
    type=click.Choice([*FILES, *STREAMS]),
    required=True,
    help="Format: a file for each recording, or with ctm and json one of all.",
)
@click.option(
    "--tier",
    "fields",
    multiple=True,
    metavar="FIELD",
    help="Show this field and no other: units, pieces, phones, words, or one with a text or number. May be "
    "given again.  [default: all of those four; of motifs and the like their name]",
)
@click.option(
    "-m", "--model", type=PATH, metavar="FILE", help="The model of su-bpe train, which pieces are placed by."
)
@output_option("The folder of the files, or the file of ctm and json; else standard output.", metavar="PATH")
def export(job, records, kind, fields, model, output):
    """Write what records say of moments in recordings as labels."""
    from units.spans import of_record

    if model:
        from units import bpe

        model = bpe.load(model)
    places = {}
    with open_output(kind, output) as add:
        for record in job.records(records):
            with job.item(record):
                add(of_record(_placed(record, places), fields, model))


def _placed(record, places):
    """Return the record; one that names no file, as of phones, stands where one of its id did before."""
    if "id" in record:
        name = require(record, "id")
        if "audio_filepath" in record:
            places[name] = record["audio_filepath"], record.get("offset", 0.0)
        elif name in places:
            record["audio_filepath"], record["offset"] = places[name]
    return record


@tool("import")
@click.argument("labels", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option(
    "--audio",
    type=PATH,
    metavar="DIR",
    help="The folder of the recordings, each named as its labels are.  [default: what an ELAN file names]",
)
@click.option("--tier", "tiers", multiple=True, metavar="NAME", help="Take this tier only.  [default: all]")
@output_option("Records, one a label; standard output if not given.")
def import_(job, labels, audio, tiers, output):
    """Write the labels of TextGrid, .eaf, Audacity, CTM, .lab and .phn files as records of what they mark."""
    from units.alignments import read_tiers
    from units.audio.segment import recording_names
    from units.streams import create, write_record

    missing = set(tiers)
    with create(output) as out:
        for path, name in zip(labels, recording_names(labels), strict=True):
            with job.item(Record({"id": name}, place=path)):
                records = []
                for recording, found in read_tiers(path):
                    missing -= set(found)
                    chosen = {tier: spans for tier, spans in found.items() if not tiers or tier in tiers}
                    own = recording if path.lower().endswith(".ctm") else name
                    records += _records(_recording(path, recording, audio), own, chosen)
                for record in records:
                    write_record(record, out)
        if missing:
            raise InputError(f"no tier {min(missing)!r} in any file")


def _recording(path, stem, folder):
    """Return the audio file that labels belong to: of the folder, or the one that an ELAN file names."""
    from units.alignments import LABEL_FILES
    from units.alignments.elan import read_media

    media = read_media(path) if path.lower().endswith(".eaf") else None
    if folder is None:
        if media is None:
            raise InputError("does not name its recording (--audio DIR)")
        return media
    stem = os.path.splitext(os.path.basename(media))[0] if media else stem
    others = tuple(map(str.lower, LABEL_FILES))
    names = [n for n in sorted(os.listdir(folder)) if os.path.splitext(n)[0] == stem]
    names = [n for n in names if not n.lower().endswith(others)]
    if len(names) != 1:
        found = f"{len(names)} recordings are" if names else "no recording is"
        raise InputError(f"{found} named {stem!r} in {folder}")
    return os.path.join(folder, names[0])


def _records(audio_filepath, name, tiers):
    for tier, spans in tiers.items():
        for start, end, label in spans:
            if start == end:
                raise InputError(f"{label!r} at {start} s has no length")
            times = "-".join(f"{round(1000 * time):08d}" for time in (start, end))
            yield {
                "id": f"{name}-{tier}-{times}".replace("/", "_"),
                "audio_filepath": audio_filepath,
                "offset": start,
                "duration": round(end - start, 6),
                "tier": tier,
                "label": label,
            }


for command in (export, import_):
    main.add_command(command)
