"""su-eval speech: resynthesis against recordings."""

from functools import partial

import click

from units.cli.eval_html import SpeechReport, create_report, examples_option, page_option
from units.cli.gates import at_least_option, at_most_option, check
from units.cli.messages import say
from units.cli.options import PATH, codebook_option, device_option, jobs_option, output_option, seed_option
from units.cli.tool import tool
from units.metrics.speech import NAMES
from units.records import InputError, optional, require, warn


class Figures(click.ParamType):
    """Names of figures, separated by commas."""

    name = "LIST"

    def convert(self, value, param, ctx):
        """Return the names in their usual order. An unknown name is wrong usage."""
        if isinstance(value, tuple):
            return value
        for name in (names := value.split(",")):
            if name not in NAMES:
                self.fail(f"there is no figure {name!r}; known figures are {', '.join(NAMES)}", param, ctx)
        return tuple(name for name in NAMES if name in names)


@tool("speech")
@click.argument("reference", metavar="REF", type=PATH)
@click.argument("synthesis", metavar="SYN", type=PATH)
@codebook_option("Codebook of the units that were spoken; it is needed for `uer`.")
@click.option(
    "--metrics",
    type=Figures(),
    metavar="LIST",
    default=NAMES,
    show_default="all",
    help="Compute only these figures, separated by commas.",
)
@device_option
@jobs_option
@seed_option
@at_most_option(NAMES)
@at_least_option(NAMES)
@page_option
@examples_option
@output_option("Records of SYN with their figures, the summary last")
def speech_command(
    job, reference, synthesis, metrics, codebook, device, jobs, at_most, at_least, output, seed, **page
):
    """Compare the audio of records SYN with that of REF, paired by id, and print all figures."""
    from units.files.output import create
    from units.files.streams import write_record
    from units.metrics.bootstrap import summarize
    from units.parallel import ordered_map

    if reference == synthesis == "-":
        raise click.UsageError("only one of REF and SYN can be standard input")
    metrics = computable(job, metrics)
    listener = _listener(job, codebook, device) if codebook and "uer" in metrics else None
    references = _references(job, reference)
    work = partial(measure, metrics=metrics)
    done, differing, same = [], [], 0
    with create_report(SpeechReport, (synthesis, reference), output, **page) as report, create(output) as out:
        for pair, outcome in ordered_map(work, _pairs(job.records([synthesis]), references), jobs):
            record = pair[0]
            with job.item(record):
                figures, differs = outcome.result()
                same += _is_same_audio(*pair)
                differing.append(differs)
                if listener:
                    figures |= _unit_error_rate(listener, record)
                done.append(_add(record, figures, metrics))
                write_record(record, out)
                report.add(record, pair[1], done[-1])
        _report_lengths(differing)
        _report_same(same, len(done))
        job.log(f"{len(references) - len(done)} of {len(references)} records of REF were not compared")
        summary = summarize(done, metrics, seed)
        write_record({"summary": summary, "records": len(done)}, out)
        report.write(job, summary)
    check(summary, at_most, at_least)


def _report_lengths(differing):
    if count := sum(differing):
        warn(
            f"{count} of {len(differing)} records differ in length from REF; only the common part is compared"
        )


def _is_same_audio(record, reference):
    """Return whether a record names the very audio that it is compared with."""
    defaults = {"audio_filepath": None, "offset": 0, "channel": None}
    return all(record.get(name, value) == reference.get(name, value) for name, value in defaults.items())


def _report_same(same, count):
    """Warn that audio was compared with itself, which gives perfect figures that mean nothing."""
    if same:
        warn(f"{same} of {count} records are compared with themselves: REF and SYN name the same audio")


def computable(job, metrics):
    """Return the figures whose libraries are installed; report the others."""
    from units.metrics.speech import missing

    absent = missing(metrics)
    for name, extra in absent.items():
        say(job.name, f"{name} is left out: it needs the extra speech-units[{extra}]")
    return tuple(name for name in metrics if name not in absent)


def _listener(job, path, device):
    from units.codebook.codebook import load_codebook
    from units.metrics.unit_error import UnitListener

    listener = UnitListener(load_codebook(path), device)
    job.log(f"computing on {listener.encoder.place}")
    return listener


def _references(job, path):
    """Return {id: record}, each with only the fields that lead to its audio."""
    from units.files.streams import read_records
    from units.records import Record

    references = {}
    for record in read_records([path], on_fault=job.fault):
        try:
            name = require(record, "id")
            if name in references:
                raise InputError(f'"id" {name!r} occurs twice')
        except InputError as error:
            job.fault(InputError(f"{record.place}: {error}"))
            continue
        fields = ("audio_filepath", "offset", "duration", "channel")
        kept = {field: record[field] for field in fields if field in record}
        references[name] = Record(kept, record.place)
    return references


def _pairs(records, references):
    """Yield each record with its reference, or with the InputError that says why there is none."""
    seen = set()
    for record in records:
        try:
            name = require(record, "id")
            if name in seen:
                raise InputError(f'"id" {name!r} occurs twice')
            if name not in references:
                raise InputError(f"REF has no record with the id {name!r}")
        except InputError as fault:
            yield record, fault
        else:
            seen.add(name)
            yield record, references[name]


def measure(pair, metrics):
    """Return {name: figure} of a record and its reference, and whether they differ in length by over 60 ms.

    Worker processes run this.
    """
    from units.audio.reading import load_record
    from units.audio.timing import FRAME_SHIFT, RATE
    from units.metrics.speech import compare

    record, reference = pair
    if isinstance(reference, InputError):
        raise reference
    try:
        original = load_record(reference)
    except InputError as error:
        raise InputError(f"{reference.place}: {error}") from None
    frame_shift = optional(record, "frame_shift", FRAME_SHIFT)
    spoken = load_record(record)
    differs = abs(len(spoken) - len(original)) > 0.06 * RATE
    return compare(original, spoken, metrics, frame_shift), differs


def _unit_error_rate(listener, record):
    from units.audio.reading import load_record

    rate = listener.error_rate(record, load_record(record))
    return {} if rate is None else {"uer": rate}


def _add(record, figures, metrics):
    """Put the figures into the record in place of older ones; return them and the record's own `rtf`."""
    for name in metrics:
        if name != "rtf":
            record.pop(name, None)
    # a millionth is more exact than any figure, and the same on every machine
    record.update({name: round(figure, 6) for name, figure in figures.items()})
    return {name: record[name] for name in metrics if name in record}
