"""su-search: where in a corpus a query stands, spoken or of units."""

import click

from units import __version__
from units.cli.clips import check_clips, clips_options
from units.cli.options import PATH, device_option, output_option, records_argument
from units.cli.tool import CONTEXT, ToolGroup, tool
from units.records import InputError, optional, require, warn


@click.group("su-search", cls=ToolGroup, context_settings=CONTEXT)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main():
    """Find where a sequence of units occurs, or nearly so: spoken, written as units, or of a record."""


@tool("build")
@records_argument("units")
@click.option("-c", "--codebook", type=PATH, metavar="FILE", help="The codebook of the units.")
@output_option("The index; where there is one, records are added to it.", required=True)
def build(job, units, codebook, output):
    """Write the units of a corpus as an index, or add them to the one that is there."""
    import os

    from units.codebook.codebook import load_codebook
    from units.codebook.same import SameCodebook
    from units.files.output import create
    from units.patterns.search import index

    with create(output) as out:  # before the old one is read: no other job may add to it meanwhile
        old = index.load(output) if os.path.isfile(output) else index.join([])
        book = load_codebook(codebook) if codebook else old.codebook
        known = book.hash if book else old.hash
        if old.hash not in (None, known):
            raise InputError(f"{output}: an index of codebook {old.hash}, not of {known}")
        if book and old.hash is None and old.records:
            raise InputError(f"{output}: holds units of no known codebook; build it anew to give it one (-c)")
        unnamed = len(old.records) if old.hash is None else 0
        same, added = SameCodebook(known, ", but the index is of {}", unnamed), {}
        for record in job.records(units):
            with job.item(record):
                _check(record, same, book, added)
                added[record["id"]] = _recording(record)
        if not codebook:
            same.report()
        _say_replaced(old, added)
        kept = (entry for entry in old.recordings() if entry[0]["id"] not in added)
        index.save(index.join([*kept, *added.values()], book, same.known), out)


def _say_replaced(old, added):
    """Say how many records of an index give way to records of other audio that have the same ids."""
    names = ("audio_filepath", "offset", "channel")
    pairs = ((record, added[record["id"]][0]) for record in old.records if record["id"] in added)
    if count := sum(any(one.get(name) != other.get(name) for name in names) for one, other in pairs):
        warn(f"{count} records of the index are replaced by records of other audio with the same id")


def _check(record, same, book, added):
    """Raise InputError where a record does not fit the index; same: the SameCodebook of the job."""
    from units.patterns.search.index import MOST_UNITS

    if require(record, "id") in added:
        raise InputError(f'"id" {record["id"]!r} occurs twice')
    units = require(record, "units")
    size = len(book.centroids) if book else MOST_UNITS
    if max(units, default=0) >= size:
        of = " of this codebook" if book else ""
        raise InputError(f"unit {max(units)}, but an index{of} has units below {size}")
    same.check(record)


def _recording(record):
    from units.codebook.quantize import run_lengths
    from units.patterns.search.index import KEPT
    from units.records import frame_units

    fields = {name: require(record, name) for name in KEPT if name in record}
    return fields, *run_lengths(frame_units(record))


@tool("find")
@click.argument("queries", nargs=-1, metavar="[QUERY]...")
@click.option("-i", "--index", "path", type=PATH, required=True, metavar="INDEX", help="Where to search.")
@click.option("--top", type=click.IntRange(1), default=20, help="Write so many of the best, for each query.")
@click.option("--min-score", type=click.FloatRange(0, 1), default=0.0, help="Write none of lower score.")
@click.option("--exhaustive", is_flag=True, help="Align with every place, not the likely ones alone.")
@clips_options("of each query")
@device_option
def find(job, queries, path, top, min_score, exhaustive, clips, output, device):
    """Write where each query occurs, or what is most like it, best first."""
    import itertools
    import sys

    from units.files.streams import write_record
    from units.patterns.search.find import Finder
    from units.patterns.search.index import load

    check_clips(clips, output)
    finder = Finder(load(path))
    for number, (query, rows) in enumerate(_queries(job, queries, finder.index, device), start=1):
        with job.item(query):
            hits = itertools.islice(finder.find(rows(), exhaustive), top)
            for rank, hit in enumerate(itertools.takewhile(lambda h: h.score >= min_score, hits), start=1):
                record = _describe(finder.index, hit, query["query"])
                if rank <= (clips or 0):
                    record["clip"] = _cut(record, output, number, rank)
                write_record(record, sys.stdout.buffer)


def _queries(job, words, index, device):
    """Yield ({"query": its name}, a function that returns what Finder.find takes) of each query."""
    from units.patterns.search import query
    from units.records import Record

    listener = query.Listener(index, device)
    for word in words or ("-",):
        if query.is_pattern(word):
            yield Record({"query": word}, word), lambda word=word: query.parse_pattern(word)
        elif word == "-" or _holds_records(word):
            for record in job.records([word]):
                named = Record({"query": record.get("id", record.place)}, record.place)
                yield named, lambda record=record: _of_record(record, index, listener)
        else:
            yield Record({"query": word}, word), lambda word=word: listener.whole(word)


def _holds_records(path):
    try:
        with open(path, "rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path!r}: neither units nor a file name") from None


def _of_record(record, index, listener):
    """Return the runs of a record's units; of one without, its frames, or those of its audio."""
    from units.codebook.quantize import run_lengths
    from units.files.streams import features_of

    if "units" in record:
        if "codebook" in record and index.hash not in (None, require(record, "codebook")):
            raise InputError(f"units of codebook {record['codebook']}, but the index is of {index.hash}")
        return run_lengths(require(record, "units"))[0]
    if "features" in record:
        if index.codebook and "encoder" in record and require(record, "encoder") != index.codebook.encoder:
            raise InputError(
                f"frames of {record['encoder']}, but the index is of {index.codebook.encoder or 'others'}"
            )
        return listener.frames(features_of(record))
    if "duration" in record or optional(record, "offset", 0.0) > 0:
        offset, duration = optional(record, "offset", 0.0), optional(record, "duration")
        return listener.span(require(record, "audio_filepath"), offset, duration, optional(record, "channel"))
    if "audio_filepath" in record:
        return listener.whole(require(record, "audio_filepath"), optional(record, "channel"))
    raise InputError('no "units", "features" or "audio_filepath"')


def _describe(index, hit, query):
    """Return a hit as the fields of a record; start and end in s."""
    start, end = index.span(hit.recording, hit.begin, hit.end)
    known = index.records[hit.recording]
    names = {name: known[name] for name in ("id", "audio_filepath", "channel", "speaker") if name in known}
    return {"query": query, **names, "start": start, "end": end, "score": hit.score}


def _cut(record, folder, number, rank):
    """Write the sound of a hit; return the file's name."""
    import os

    from units.cli.clips import cut

    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{number:04d}-{rank:02d}.wav")
    cut(
        path, require(record, "audio_filepath"), record["start"], record["end"], channel=record.get("channel")
    )
    return path


for command in (build, find):
    main.add_command(command)
