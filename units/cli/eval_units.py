"""su-eval units: units against the phones they were said with."""

import click

from units.cli.eval_html import UnitsReport, create_report, html_option
from units.cli.gates import at_least_option, at_most_option, check
from units.cli.options import PATH, jobs_option, output_option, seed_option
from units.cli.tool import tool
from units.metrics.names import SILENCE, UNIT_FIGURES
from units.records import InputError, optional, require, warn


@tool("units")
@click.argument("units", type=PATH)
@click.argument("alignments", nargs=-1, required=True, type=PATH)
@click.option("--features", type=PATH, metavar="FILE", help="Records with features: ABX of them as well.")
@click.option(
    "--silence",
    default=" ".join(SILENCE),
    metavar="LABELS",
    help="Labels that do not count as phones, separated by spaces.",
)
@click.option(
    "--tier", metavar="NAME", help="Tier of phones.  [default: the only one, or the one named phones]"
)
@click.option("--size", type=click.IntRange(min=1), help="Size of the codebook.  [default: highest unit + 1]")
@click.option("--abx/--no-abx", default=True, help="Compute ABX, which takes the longest.")
@click.option(
    "--abx-cell",
    type=click.IntRange(min=2),
    default=10,
    metavar="N",
    help="Most tokens of one triphone and speaker in ABX, drawn at random.",
)
@click.option(
    "--abx-pairs",
    type=click.IntRange(min=1),
    default=5_000_000,
    metavar="N",
    help="Most pairs of tokens that ABX compares, drawn as whole contexts.",
)
@click.option(
    "--distance",
    type=click.Choice(["angular", "cosine"]),
    default="angular",
    help="Distance of two frames of features; angular as in Libri-Light.",
)
@jobs_option
@seed_option
@at_most_option(UNIT_FIGURES)
@at_least_option(UNIT_FIGURES)
@html_option
@output_option("Figures of each record, the summary last; standard output if not given.")
def units_command(job, units, alignments, silence, tier, size, at_most, at_least, output, html, **abx):
    """Measure the units of records against phones in ALIGNMENTS, and print the figures of each and of all.

    Alignments are records with `phones`, Praat TextGrid, Kaldi or NIST CTM, TIMIT .phn, Festival .lab or ELAN
    .eaf files. One belongs to a record of its own id, or to all records cut from the recording of that name.
    """
    from units.files.output import create
    from units.files.streams import write_record
    from units.metrics.phones import Corpus

    if [units, *alignments, abx["features"]].count("-") > 1:
        raise click.UsageError("only one file can be standard input")
    with create_report(UnitsReport, (units, *alignments), output, html) as report, create(output) as out:
        aligned = _read(job, units, alignments, tier, silence.split(), size)
        corpus = Corpus(aligned) if aligned else None
        summary = _summary(job, corpus, size, **abx) if corpus else {}
        for number, record in enumerate(aligned):
            write_record({"id": record.id, **corpus.record_figures(number)}, out)
        write_record({"summary": summary, "records": len(aligned)}, out)
        report.write(job, corpus, summary)
    check(summary, at_most, at_least)


def _read(job, units, alignments, tier, silence, size):
    """Return the Aligned records; one with no alignment is a fault, an alignment with no record is none."""
    from units.codebook.same import SameCodebook
    from units.labels.alignments import find, read_all
    from units.metrics.aligned import align

    phones = read_all(alignments, tier, job.bad_label)
    aligned, seen, same = [], set(), SameCodebook()
    for record in job.records([units]):
        with job.item(record):
            if require(record, "id") in seen:
                raise InputError(f"a second record of {record['id']!r}")
            found = find(record, phones)
            one = align(record, found, silence)
            if size and (largest := one.units.max(initial=0)) >= size:
                raise InputError(f"unit {largest}, but --size is {size}")
            same.check(record)
            aligned.append(one)
            seen.add(record["id"])
            if not found and len(one.units):
                warn(f"{record.place}: no phone of its alignment lies in {record['id']!r}")
    same.report()
    unnamed = sum(not record.speaker for record in aligned)
    if 0 < unnamed < len(aligned):
        warn(f"{unnamed} of {len(aligned)} records name no speaker; taken to be of one more speaker")
    return aligned


def _summary(job, corpus, size, abx, **options):
    """Return {name: interval} of all figures that can be computed, in the order of UNIT_FIGURES."""
    figures = corpus.summary(size, options["seed"])
    if abx:
        figures |= _abx(job, corpus.records, **options)
    return {name: figures[name] for name in UNIT_FIGURES if name in figures}


def _abx(job, records, abx_cell, abx_pairs, features, distance, seed, jobs):
    from units.metrics.abx import abx
    from units.metrics.triphones import TokenFrames, sample, sample_contexts, triphones

    drawn = sample_contexts(sample(triphones(records), abx_cell, seed), abx_pairs, seed)
    frames = TokenFrames(drawn)
    for number, record in enumerate(records):
        frames.add(number, record.units, record.frame_shift)
    found = abx(*frames.tokens(), seed=seed, jobs=jobs)
    figures = {f"abx_{kind}": figure for kind, figure in found.items()}
    if found and not any(record.speaker for record in records):
        warn("no record names a speaker; all are taken to be of one, so there is no abx_across")
    if features:
        frames = _read_features(job, features, records, TokenFrames(drawn))
        found = abx(*frames.tokens(), metric=distance, seed=seed, jobs=jobs)
        figures |= {f"abx_{kind}_features": figure for kind, figure in found.items()}
    return figures


def _read_features(job, path, records, frames):
    """Return the TokenFrames with the features of the records; that one has none is a fault."""
    from units.files.streams import features_of
    from units.metrics.dtw import unit_length

    numbers, seen = {record.id: number for number, record in enumerate(records)}, set()
    for record in job.records([path]):
        with job.item(record):
            number = numbers.get(require(record, "id"))
            if number is not None:
                if number in seen:
                    raise InputError(f"features of {record['id']!r} a second time")
                shift = optional(record, "frame_shift", records[number].frame_shift)
                frames.add(number, unit_length(features_of(record)), shift)
                seen.add(number)
    if lacking := [record.id for number, record in enumerate(records) if number not in seen]:
        more = f", nor of {len(lacking) - 1} more" if len(lacking) > 1 else ""
        others = "; the ABX of features is of the other records" if job.keep_going else ""
        job.bad_label(InputError(f"{path}: no features of {lacking[0]!r}{more}{others}"))
    return frames
