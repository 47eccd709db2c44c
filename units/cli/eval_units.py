"""su-eval units: units against phones."""

import click

from units.cli.eval_html import UnitsReport, create_report, page_option
from units.cli.gates import at_least_option, at_most_option, check
from units.cli.options import PATH, jobs_option, output_option, seed_option, settings
from units.cli.tool import tool
from units.config import UnitsEvalConfig
from units.metrics.names import SILENCE, UNIT_FIGURES
from units.records import InputError, optional, require, warn

_LAG = 0.03  # s: alignments that are less late or early than this are not reported
_GAIN = 0.01  # nor are those that would gain less PNMI than this


@tool("units")
@click.argument("records", metavar="UNITS", type=PATH)
@click.argument("alignments", nargs=-1, required=True, type=PATH)
@click.option(
    "--features", type=PATH, metavar="FILE", help="Records with features, to compute ABX of these as well."
)
@click.option(
    "--silence",
    default=" ".join(SILENCE),
    metavar="LABELS",
    help="Labels that do not count as phones, separated by spaces.",
)
@click.option(
    "--tier",
    metavar="NAME",
    show_default="the only tier, or the one named phones",
    help="Name of the tier that holds the phones.",
)
@settings(UnitsEvalConfig)
@jobs_option
@seed_option
@at_most_option(UNIT_FIGURES)
@at_least_option(UNIT_FIGURES)
@page_option
@output_option("Figures of each record, the summary last")
def units_command(
    job, records, alignments, silence, tier, at_most, at_least, output, html, features, config, seed, jobs
):
    """Compare the units of records with phones in ALIGNMENTS, and print the figures of each and of all.

    Alignments are records with `phones`, or Praat TextGrid, Kaldi or NIST CTM, TIMIT .phn, Festival .lab or
    ELAN .eaf files. An alignment belongs to the record with its id, or to all records of that recording.
    """
    from units.files.output import create
    from units.files.streams import write_record
    from units.metrics.phones import AlignedCorpus

    if [records, *alignments, features].count("-") > 1:
        raise click.UsageError("only one file can be standard input")
    with create_report(UnitsReport, (records, *alignments), output, html) as report, create(output) as out:
        aligned = _read(job, records, alignments, tier, silence.split(), config)
        corpus = AlignedCorpus(aligned) if aligned else None
        summary = _summary(job, corpus, config, features, seed, jobs) if corpus else {}
        if aligned:
            _report_lag(aligned, config.label_shift)
        for number, record in enumerate(aligned):
            write_record({"id": record.id, **corpus.record_figures(number)}, out)
        write_record({"summary": summary, "records": len(aligned)}, out)
        report.write(job, corpus, summary)
    check(summary, at_most, at_least)


def _read(job, units, alignments, tier, silence, config):
    """Return the Aligned records.

    A record without alignment is a fault; an alignment without record is not.
    """
    from units.codebook.same import SameCodebook
    from units.labels.alignments import read_alignment_files
    from units.labels.matching import phones_of
    from units.metrics.aligned import align

    phones, size = read_alignment_files(alignments, tier, job.bad_label), config.inventory
    aligned, seen, same = [], set(), SameCodebook()
    for record in job.records([units]):
        with job.item(record):
            if require(record, "id") in seen:
                raise InputError(f'"id" {record["id"]!r} occurs twice')
            found = phones_of(record, phones, config.label_shift)
            one = align(record, found, silence)
            if size and (largest := one.units.max(initial=0)) >= size:
                raise InputError(f"unit {largest} is too large: --units {size} has units 0 to {size - 1}")
            same.check(record)
            aligned.append(one)
            seen.add(record["id"])
            if not found and len(one.units):
                warn(f"{record.place}: the alignment has no phones in {record['id']!r}")
    same.report()
    unnamed = sum(not record.speaker for record in aligned)
    if 0 < unnamed < len(aligned):
        warn(f"{unnamed} of {len(aligned)} records name no speaker; they are counted as one more speaker")
    return aligned


def _report_lag(records, shift):
    """Warn if phones are late or early as a whole, enough for all figures to suffer."""
    from units.metrics.label_lag import label_lag

    found = label_lag(records)
    if found is None:
        return
    lag, now, better = found
    if abs(lag) >= _LAG and better > now + _GAIN:
        when = f"{abs(lag):.2f} s {'late' if lag > 0 else 'early'}"
        warn(
            f"the phones seem to be {when} as a whole: PNMI would be {better:.3f} instead of {now:.3f} with "
            f"--label-shift {shift - lag:.2f}"
        )


def _summary(job, corpus, config, features, seed, jobs):
    """Return {name: interval} of all figures that can be computed, in the order of UNIT_FIGURES."""
    figures = corpus.summary(config.inventory, seed)
    if config.abx:
        figures |= _abx(job, corpus.records, config, features, seed, jobs)
    return {name: figures[name] for name in UNIT_FIGURES if name in figures}


def _abx(job, records, config, features, seed, jobs):
    from units.metrics.abx import abx
    from units.metrics.triphones import TokenFrames, sample, sample_contexts, triphones

    drawn = sample_contexts(sample(triphones(records), config.abx_cell, seed), config.abx_pairs, seed)
    frames = TokenFrames(drawn)
    for number, record in enumerate(records):
        frames.add(number, record.units, record.frame_shift)
    found = abx(*frames.tokens(), seed=seed, jobs=jobs)
    figures = {f"abx_{kind}": figure for kind, figure in found.items()}
    if found and not any(record.speaker for record in records):
        warn("no record names a speaker; all are counted as one speaker, so there is no abx_across")
    if features:
        frames = _read_features(job, features, records, TokenFrames(drawn))
        found = abx(*frames.tokens(), metric=config.distance, seed=seed, jobs=jobs)
        figures |= {f"abx_{kind}_features": figure for kind, figure in found.items()}
    return figures


def _read_features(job, path, records, frames):
    """Return the TokenFrames with the features of the records. A record without features is a fault."""
    from units.files.streams import features_of
    from units.metrics.dtw import unit_length

    numbers, seen = {record.id: number for number, record in enumerate(records)}, set()
    for record in job.records([path]):
        with job.item(record):
            number = numbers.get(require(record, "id"))
            if number is not None:
                if number in seen:
                    raise InputError(f'"id" {record["id"]!r} occurs twice')
                shift = optional(record, "frame_shift", records[number].frame_shift)
                frames.add(number, unit_length(features_of(record)), shift)
                seen.add(number)
    if lacking := [record.id for number, record in enumerate(records) if number not in seen]:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        others = "; the ABX of features leaves them out" if job.keep_going else ""
        job.bad_label(InputError(f"{path}: there are no features of {lacking[0]!r}{more}{others}"))
    return frames
