"""The output of su-labels export: one file per recording, or one for all."""

import contextlib
import os

from units.records import InputError, file_name, serialize

# suffix of the file name, and number of decimals of a time in s
FILES = {"textgrid": (".TextGrid", 6), "eaf": (".eaf", 3), "audacity": (".txt", 6)}
STREAMS = ("ctm", "json")


@contextlib.contextmanager
def open_output(kind, path, folder=None):
    """Give a function that takes the Spans of each record in turn.

    kind: one of FILES, one file per recording, or of STREAMS, one file for all. path: the one file; None is
    standard output. folder: the folder for several files, which are written at the end.
    """
    from units.files.output import create
    from units.labels.recordings import Recordings

    if kind in STREAMS:
        with create(path) as out:
            yield _json(out) if kind == "json" else _ctm(out)
        return
    recordings = Recordings(FILES[kind][1])

    def add(several):
        several = list(several)
        for spans in several:  # now, when the record at fault is known and can be skipped
            _check_name(spans.recording)
        recordings.add(several)

    yield add
    files = _files(recordings, kind)
    if folder is not None:
        os.makedirs(folder, exist_ok=True)
    elif len(files) > 1:
        raise InputError(f"there are {len(files)} files to write; use --folder DIR")
    for name, (recording, tiers) in files.items():
        with create(os.path.join(folder, name) if folder is not None else path) as out:
            _write(out, recording, tiers, kind, folder or os.path.dirname(path or "") or ".")


def _check_name(recording):
    """Raise InputError if neither the file nor the id of a recording can name a file."""
    stem = os.path.splitext(os.path.basename(recording))[0]
    try:
        file_name(os.fsencode(stem)[:100].decode(errors="ignore"), "")
    except (InputError, UnicodeEncodeError):
        raise InputError(f"{recording!a} cannot name a file") from None


def _files(recordings, kind):
    """Return {name: (recording, tiers)} of the files to write; Audacity has one file per tier."""
    from units.audio.segment import recording_names

    files, suffix = {}, FILES[kind][0]
    for stem, recording in zip(recording_names(list(recordings)), recordings.values(), strict=True):
        parts = {"": recording.tiers}
        if kind == "audacity":
            parts = {"." + name: {name: tier} for name, tier in recording.tiers.items()}
        for part, tiers in parts.items():
            name = file_name(stem + part.replace("/", "_"), suffix)
            if name in files:
                raise InputError(f"two files would have the same name, {name!r}")
            files[name] = recording, tiers
    return files


def _write(out, recording, tiers, kind, folder):
    from units.audio.reading import length
    from units.labels.elan import write_eaf
    from units.labels.lines import write_audacity
    from units.labels.recordings import layered
    from units.labels.textgrid import write_textgrid

    if kind == "audacity":  # its labels may overlap
        (tier,) = tiers.values()
        write_audacity(out, sorted(zip(tier.starts, tier.ends, tier.labels, strict=True)))
    elif kind == "eaf":
        write_eaf(out, list(layered(tiers)), recording.audio_filepath, folder)
    else:
        known = recording.audio_filepath and length(recording.audio_filepath)
        write_textgrid(out, list(layered(tiers)), max(recording.until, known or 0.0))


def _json(out):
    """Return a function that writes one record per label."""

    def write(several):
        for spans in several:
            record = {"id": spans.id, "audio_filepath": spans.audio_filepath, "channel": spans.channel}
            record = {name: value for name, value in record.items() if value is not None}
            tier = {"tier": spans.tier} if spans.key == "label" else {}
            out.writelines(
                serialize({**record, "start": start, "end": end, **tier, spans.key: label})
                for start, end, label in zip(spans.starts, spans.ends, spans.labels, strict=True)
            )
        out.flush()

    return write


def _ctm(out):
    """Return a function that writes lines of CTM, which has no tiers and names recordings by their stems."""
    from units.labels.ctm import write_ctm
    from units.records import warn

    tiers, recordings = {}, {}

    def write(several):
        tiers.update((spans.tier, True) for spans in several)
        if len(tiers) > 1:
            raise InputError(
                f"a CTM holds one tier, but there are {', '.join(tiers)}; choose one with --tier"
            )
        for spans in several:
            stem = (
                os.path.splitext(os.path.basename(spans.recording))[0] if spans.audio_filepath else spans.id
            )
            other = recordings.setdefault(stem, spans.recording)
            if other != spans.recording:
                raise InputError(f"{other!r} and {spans.recording!r} have the same name in a CTM, {stem!r}")
            labels = list(map(str, spans.labels))
            if "" in labels:
                warn(f"{stem}: empty labels are left out, because a CTM cannot hold them")
            write_ctm(out, stem, zip(spans.starts, spans.ends, labels, strict=True), spans.channel)
        out.flush()

    return write
