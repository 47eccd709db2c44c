"""su-units: units, pieces and motifs as labels of Praat, ELAN and Audacity, and labels as records."""

import click

from units import __version__
from units.cli.options import PATH, output_option, records_argument
from units.cli.tool import CONTEXT, ToolGroup, tool
from units.labels.export import FILES, STREAMS, open_output
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
    from units.labels.names import Named
    from units.labels.spans import of_record

    if model:
        from units.patterns import bpe

        model = bpe.load_model(model)
    places = Named()
    with open_output(kind, output) as add:
        for record in job.records(records):
            with job.item(record):
                add(of_record(_placed(record, places), fields, model))


def _placed(record, places):
    """Return the record; one that names no file, as of phones, lies where an earlier one of its id does."""
    if "id" in record:
        name = require(record, "id")
        if "audio_filepath" in record:
            kept = ("audio_filepath", "offset", "channel")
            places[name] = {field: record[field] for field in kept if field in record}
        elif (key := places.key(name)) is not None:
            record.update({**places[key], **record})
    return record


@tool("import")
@click.argument("labels", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option(
    "--audio",
    type=PATH,
    metavar="DIR",
    help="Folder of the recordings. Each has the name that its ELAN file gives, the name of its label file, "
    "or in a CTM the name on the line.  [default: where ELAN finds them]",
)
@click.option(
    "--tier",
    "tiers",
    multiple=True,
    metavar="NAME",
    help="Take this tier. May be given again.  [default: all]",
)
@output_option("Records, one a label; standard output if not given.")
def import_(job, labels, audio, tiers, output):
    """Write the labels of TextGrid, ELAN, Audacity, CTM, .lab and .phn files as records, one per label."""
    from units.audio.segment import recording_names
    from units.files.output import create
    from units.files.streams import write_record
    from units.labels.media import Folder
    from units.labels.segments import Segments
    from units.labels.tiers import Choice

    choice, segments, folder = Choice(tiers), Segments(), audio and Folder(audio)
    with create(output) as out:
        for path, name in zip(labels, recording_names(labels), strict=True):
            with job.item(Record({"id": name}, place=path)):
                for record in _records(job, path, name, folder, choice, segments):
                    write_record(record, out)
        choice.check()


def _records(job, path, name, folder, choice, segments):
    """Return the records of a file of labels, all of them or none."""
    from units.labels.alignments import read_tiers
    from units.labels.elan_media import read_media

    is_elan, is_ctm = (path.lower().endswith(suffix) for suffix in (".eaf", ".ctm"))
    recording, origin = (is_elan and read_media(path, folder)) or (None, None)
    found, records = read_tiers(path, job.bad_label, origin), []
    if recording is None and folder is None:
        raise InputError("does not name its recording (--audio DIR)")
    for labels in found:
        chosen = choice.of(labels.tiers, path)
        try:
            audio = recording or folder.find(labels.id)
        except InputError as error:  # in a CTM, the fault of this recording alone
            job.bad_label(InputError(f"{path}: {error}"))
            continue
        own = labels.id if is_ctm else name
        records += segments.of(labels, chosen, own, audio, path, job.bad_label)
    job.total += len(records) - 1  # the file itself counts as one
    return records


for command in (export, import_):
    main.add_command(command)
