"""su-search: find a query, spoken or given as units, in a corpus."""

import click

from units import __version__
from units.cli.options import (
    PATH,
    codebook_option,
    device_option,
    folder_option,
    output_option,
    records_argument,
    settings,
    top_option,
)
from units.cli.patterns import check_examples, examples_option_of
from units.cli.tool import CONTEXT, ToolGroup, tool
from units.config import SearchConfig
from units.records import InputError, optional, require


@click.group("su-search", cls=ToolGroup, context_settings=CONTEXT)
@click.version_option(__version__, message="%(prog)s %(version)s")
def main():
    """Find where a sequence of units occurs exactly or nearly: spoken, written as units, or from a record."""


@tool("build")
@records_argument("records")
@codebook_option("Codebook of the units. With it, similar units match; without it, only identical ones.")
@output_option("The index. If it exists, records are added to it", required=True)
def build(job, records, codebook, output):
    """Write the frames and units of a corpus as an index, or add them to an existing index."""
    import os

    from units.cli.search_build import Collector
    from units.codebook.codebook import load_codebook
    from units.files.output import create
    from units.patterns.search.index import load_index, make_index, save_index

    with create(output) as out:  # before the old index is read: no other job may add to it meanwhile
        old = load_index(output) if os.path.isfile(output) else make_index([])
        collector = Collector(old, load_codebook(codebook) if codebook else None, output)
        for record in job.records(records):
            with job.item(record):
                collector.add(record)
        save_index(collector.index(), out)


@tool("find")
@click.argument("queries", nargs=-1, metavar="[QUERY]...")
@click.option("-i", "--index", "path", type=PATH, required=True, metavar="INDEX", help="Index to search in.")
@top_option("hits of each query")
@settings(SearchConfig)
@folder_option("--clips", "Write the best hits as WAV files, with 75 ms of context, to this folder.")
@examples_option_of("Number of hits of each query in --clips.")
@device_option
@output_option("Records of the hits")
def find(job, queries, path, top, config, clips, examples, device, output):
    """Write where each query occurs, or the places most similar to it, best first."""
    from units.files.output import create
    from units.files.streams import write_record
    from units.patterns.search.find import Finder
    from units.patterns.search.index import load_index

    check_examples(("--clips", clips))
    finder = Finder(load_index(path))
    with create(output) as out:
        for number, (query, rows) in enumerate(_queries(job, queries, finder.index, device), start=1):
            with job.item(query):
                for rank, hit in enumerate(_hits(finder, rows(), config, top), start=1):
                    record = _describe(finder.index, hit, query["query"])
                    if clips and rank <= examples:
                        record["clip"] = _cut(record, clips, number, rank)
                    write_record(record, out)


def _hits(finder, rows, config, top):
    import itertools

    found = itertools.islice(finder.find(rows, config.exhaustive), top)
    least = config.min_score
    if least is None:
        least = 0.5 if getattr(rows, "ndim", 1) == 2 else 0.0
    return itertools.takewhile(lambda hit: hit.score >= least, found)


def _queries(job, words, index, device):
    """Yield ({"query": name}, a function that returns the query for Finder.find) for each query."""
    from units.patterns.search import query
    from units.records import Record

    encoder = query.QueryEncoder(index, device, log=lambda place: job.log(f"computing on {place}"))
    for word in words or ("-",):
        if query.is_pattern(word):
            yield Record({"query": word}, word), lambda word=word: query.parse_pattern(word)
        elif word == "-" or _holds_records(word):
            for record in job.records([word]):
                named = Record({"query": record.get("id", record.place)}, record.place)
                yield named, lambda record=record: _of_record(record, index, encoder)
        else:
            yield Record({"query": word}, word), lambda word=word: encoder.whole(word)


def _holds_records(path):
    try:
        with open(path, "rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path!r} is neither a sequence of units nor a file name") from None


def _of_record(record, index, encoder):
    """Return the runs of a record's units, or if it has none its frames, or the frames of its audio."""
    from units.codebook.runs import run_lengths
    from units.codebook.same import check_codebook
    from units.files.streams import features_of

    if "units" in record:
        check_codebook(optional(record, "codebook"), index.hash, "the index")
        return run_lengths(require(record, "units"))[0]
    if "features" in record:
        return encoder.frames(features_of(record), optional(record, "encoder"))
    if "duration" in record or optional(record, "offset", 0.0) > 0:
        offset, duration = optional(record, "offset", 0.0), optional(record, "duration")
        return encoder.span(require(record, "audio_filepath"), offset, duration, optional(record, "channel"))
    if "audio_filepath" in record:
        return encoder.whole(require(record, "audio_filepath"), optional(record, "channel"))
    raise InputError('a query needs "units", "features" or "audio_filepath"')


def _describe(index, hit, query):
    """Return a hit as the fields of a record; start and end in s."""
    known = index.records[hit.recording]
    names = {name: known[name] for name in ("id", "audio_filepath", "channel", "speaker") if name in known}
    chance = {} if hit.false_alarms is None else {"false_alarms": hit.false_alarms}
    return {"query": query, **names, "start": hit.start, "end": hit.end, "score": hit.score, **chance}


def _cut(record, folder, number, rank):
    """Write the audio of a hit as a WAV file; return its name."""
    import os

    from units.cli.clips import cut_clip

    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{number:04d}-{rank:02d}.wav")
    cut_clip(
        path, require(record, "audio_filepath"), record["start"], record["end"], channel=record.get("channel")
    )
    return path


for command in (build, find):
    main.add_command(command)
