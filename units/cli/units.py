"""su-units: units, pieces and motifs as labels of Praat, ELAN and Audacity, and labels as records."""

import os

import click

from units import __version__
from units.cli import CONTEXT, PATH, ToolGroup, output_option, records_argument, tool
from units.records import InputError, Record, file_name

# what a file's name ends in, and the digits of a second that it holds
_FILES = {"textgrid": (".TextGrid", 6), "eaf": (".eaf", 3), "audacity": (".txt", 6)}


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
    type=click.Choice([*_FILES, "ctm", "json"]),
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
@output_option("The folder of the files, or the file of ctm and json; else standard output.")
def export(job, records, kind, fields, model, output):
    """Write what records say of moments in recordings as labels."""
    from units import bpe
    from units.spans import of_record

    model = model and bpe.load(model)

    def spans(record):
        return of_record(record, fields, model)

    if kind in _FILES:
        _write_files(_collect(job, records, spans, kind), kind, output)
    else:
        _write_stream(job, records, spans, kind, output)


def _collect(job, paths, spans, kind):
    from units.alignments.recordings import Recordings

    found = Recordings(_FILES[kind][1])
    for record in job.records(paths):
        with job.item(record):
            found.add(spans(record))
    return found


def _write_files(recordings, kind, folder):
    """Write a file for each recording, of Audacity's for each tier; with no folder the only one to stdout."""
    from units.segment import recording_names
    from units.streams import create

    names = recording_names(list(recordings))
    files = [
        (name + suffix, recording, tiers)
        for name, recording in zip(names, recordings.values(), strict=True)
        for suffix, tiers in _parts(recording, kind)
    ]
    if folder is None and len(files) > 1:
        raise InputError(f"{len(files)} files: name a folder for them with -o")
    seen = set()
    for name, _, _ in files:
        if name in seen:
            raise InputError(f"two files would be named {name!r}")
        seen.add(file_name(name, ""))
    if folder is not None:
        os.makedirs(folder, exist_ok=True)
    for name, recording, tiers in files:
        with create(folder and os.path.join(folder, name)) as out:
            _write(out, recording, tiers, kind, folder or ".")


def _parts(recording, kind):
    """Return [(what its name ends in, tiers)] of the files of a recording."""
    suffix = _FILES[kind][0]
    if kind != "audacity":
        return [(suffix, recording.tiers)]
    return [(f".{name.replace('/', '_')}{suffix}", {name: tier}) for name, tier in recording.tiers.items()]


def _write(out, recording, tiers, kind, folder):
    from units.alignments.elan import write_eaf
    from units.alignments.labels import write_audacity
    from units.alignments.recordings import layered
    from units.alignments.textgrid import write_textgrid

    if kind == "audacity":  # labels may overlap there
        (tier,) = tiers.values()
        write_audacity(out, sorted(zip(tier.starts, tier.ends, tier.labels, strict=True)))
    elif kind == "eaf":
        write_eaf(out, list(layered(tiers)), recording.audio_filepath, folder)
    else:
        from units.audio import length

        known = recording.audio_filepath and length(recording.audio_filepath)
        write_textgrid(out, list(layered(tiers)), max(recording.until, known or 0.0))


def _write_stream(job, paths, spans, kind, output):
    """Write labels as they come: CTM, of one tier, or JSON Lines."""
    from units.streams import create

    tiers, stems = {}, {}
    with create(output) as out:
        for record in job.records(paths):
            with job.item(record):
                for some in spans(record):
                    if kind == "json":
                        _write_json(out, some)
                    else:
                        _write_ctm(out, some, tiers, stems)
            out.flush()


def _write_json(out, spans):
    from units.records import serialize

    named = {"id": spans.id, "audio_filepath": spans.audio_filepath}
    named = {name: value for name, value in named.items() if value is not None}
    tier = {"tier": spans.tier} if spans.key == "label" else {}
    out.writelines(
        serialize({**named, "start": start, "end": end, **tier, spans.key: label})
        for start, end, label in zip(spans.starts, spans.ends, spans.labels, strict=True)
    )


def _write_ctm(out, spans, tiers, stems):
    """Write the labels of a record as CTM, whose recordings are told apart by their stems alone."""
    from units.alignments.labels import write_ctm

    if tiers.setdefault(spans.tier, True) and len(tiers) > 1:
        raise InputError(f"labels of {' and of '.join(tiers)}: a CTM has one kind, name it with --tier")
    stem = os.path.splitext(os.path.basename(spans.recording))[0] if spans.audio_filepath else spans.id
    other = stems.setdefault(stem, spans.recording)
    if other != spans.recording:
        raise InputError(f"{other!r} and {spans.recording!r} would be one recording in a CTM, {stem!r}")
    write_ctm(out, stem, zip(spans.starts, spans.ends, map(str, spans.labels), strict=True))


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
    from units.segment import recording_names
    from units.streams import create, write_record

    with create(output) as out:
        for path, name in zip(labels, recording_names(labels), strict=True):
            with job.item(Record({"id": name}, place=path)):
                read = read_tiers(path)
                for recording, found in read:
                    known = _recording(path, recording, audio)
                    for record in _records(known, recording if len(read) > 1 else name, found, tiers):
                        write_record(record, out)


def _recording(path, stem, folder):
    """Return the audio file that labels belong to."""
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


def _records(audio_filepath, name, found, tiers):
    for tier, spans in found.items():
        for start, end, label in spans if not tiers or tier in tiers else ():
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
