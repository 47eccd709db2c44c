"""su-labels: records to labels of Praat, ELAN and Audacity, and labels to records."""

import click

from units import __version__
from units.cli.options import PATH, folder_option, output_option, records_argument
from units.cli.tool import CONTEXT, ToolGroup, tool
from units.labels.export import FILES, STREAMS, open_output
from units.records import InputError, Record, require


@click.group("su-labels", cls=ToolGroup, context_settings=CONTEXT)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main():
    """Write units, pieces and motifs as labels for Praat, ELAN and Audacity, and read labels made there."""


@tool("export")
@records_argument("records")
@click.option(
    "-t",
    "--to",
    "kind",
    type=click.Choice([*FILES, *STREAMS]),
    required=True,
    metavar="FORMAT",
    help=f"Format: {', '.join(FILES)} have one file per recording, {' and '.join(STREAMS)} one file for all.",
)
@click.option(
    "--tier",
    "fields",
    multiple=True,
    metavar="FIELD",
    show_default="units, pieces, phones and words, or the name of motifs and terms",
    help="Show only this field: units, pieces, phones, words, or any with a text or number. May be given "
    "several times.",
)
@click.option(
    "-m",
    "--model",
    type=PATH,
    metavar="BPE",
    help="Model made by su-bpe train; it is needed to place pieces in time.",
)
@folder_option("--folder", "Write one file per recording to this folder.")
@output_option("The labels, if they fit in one file")
def export(job, records, kind, fields, model, folder, output):
    """Write the units, pieces, motifs and other labels of records in a format of Praat, ELAN and others."""
    from units.labels.names import Named
    from units.labels.spans import of_record

    if folder and (output or kind in STREAMS):
        fault = "give either --folder or -o, not both" if output else f"{kind} is one file for all: use -o"
        raise click.UsageError(fault)
    if model:
        from units.patterns import bpe

        model = bpe.load_model(model)
    places = Named()
    with open_output(kind, output, folder) as add:
        for record in job.records(records):
            with job.item(record):
                add(of_record(_placed(record, places), fields, model))


def _placed(record, places):
    """Return the record; if it names no audio file, with the place of an earlier record of its id."""
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
    show_default="the places that the ELAN file names",
    help="Folder of the recordings. A recording is found by the name in its ELAN file, by the name of its "
    "label file, or by the name on the line of a CTM.",
)
@click.option(
    "--tier",
    "tiers",
    multiple=True,
    metavar="NAME",
    show_default="all",
    help="Take only this tier. May be given several times.",
)
@output_option("Records, one per label")
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
    """Return the records of a label file, all of them or none."""
    from units.labels.alignments import read_tiers
    from units.labels.elan_media import read_media

    is_elan, is_ctm = (path.lower().endswith(suffix) for suffix in (".eaf", ".ctm"))
    recording, origin = (is_elan and read_media(path, folder)) or (None, None)
    found, records = read_tiers(path, job.bad_label, origin), []
    if recording is None and folder is None:
        raise InputError("the file does not name its recording; use --audio DIR")
    for labels in found:
        chosen = choice.of(labels.tiers, path)
        try:
            audio = recording or folder.find(labels.id)
        except InputError as error:  # in a CTM, only this recording is at fault
            job.bad_label(InputError(f"{path}: {error}"))
            continue
        own = labels.id if is_ctm else name
        records += segments.of(labels, chosen, own, audio, path, job.bad_label)
    job.total += len(records) - 1  # the file itself counts as one
    return records


for command in (export, import_):
    main.add_command(command)
