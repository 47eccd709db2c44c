"""The report of su-eval units: units against the phones they were said with."""

from units.report.distributions import distributions
from units.report.inventory import Inventory
from units.report.page import page
from units.report.tables import Column, Figure, sortable_table, summary_table

FIGURES = {
    "pnmi": Figure("PNMI", "share of what there is to know of the phone that the unit tells", 1),
    "phone_purity": Figure("Phone purity", "frames whose phone is the commonest of their unit", 1),
    "cluster_purity": Figure("Cluster purity", "frames whose unit is the commonest of their phone", 1),
    "abx_within": Figure("ABX within speakers", "triphones taken for another, one speaker", -1),
    "abx_across": Figure("ABX across speakers", "triphones taken for another, two speakers", -1),
    "abx_within_features": Figure("ABX of features within", "the same of the frames before clustering", -1),
    "abx_across_features": Figure("ABX of features across", "the same of the frames before clustering", -1),
    "boundary_precision": Figure("Boundary precision", "changes of unit that are phone boundaries", 1),
    "boundary_recall": Figure("Boundary recall", "phone boundaries where the unit changes", 1),
    "boundary_f1": Figure("Boundary F1", "harmonic mean of the two", 1),
    "boundary_os": Figure("Over-segmentation", "changes beyond the number of boundaries; 0 is best"),
    "boundary_r": Figure("Boundary R-value", "as F1, but not improved by cutting everywhere", 1),
    "mapped_precision": Figure("Precision, mapped", "the same for units mapped to their best phones", 1),
    "mapped_recall": Figure("Recall, mapped", "the same for units mapped to their best phones", 1),
    "mapped_f1": Figure("F1, mapped", "the same for units mapped to their best phones", 1),
    "mapped_os": Figure("Over-segmentation, mapped", "the same for units mapped to their best phones"),
    "mapped_r": Figure("R-value, mapped", "the same for units mapped to their best phones", 1),
    "per": Figure("Phone error rate", "of units mapped to their best phones", -1),
    "entropy": Figure("Entropy, bits", "of a unit", 0, 2),
    "bigram_entropy": Figure("Bigram entropy, bits", "of a unit when the one before is known", 0, 2),
    "bitrate": Figure("Bit rate, bit/s", "of all frames at that entropy", 0, 0),
    "compression": Figure("Compression", "times fewer bits than 16-bit PCM", 0, 0),
    "mean_run": Figure("Mean run, frames", "how long a unit lasts", 0, 2),
    "short_runs": Figure("Short runs", "share of runs of one frame: flicker", -1),
    "dead_units": Figure("Dead units", "units of the codebook that never occur", -1, 0),
}


def units_page(title, summary, corpus):
    """Return the report, HTML.

    title: text; summary: {name: {"mean", "low", "high"}}; corpus: of units.metrics.phones.
    """
    rows = [(record.id, corpus.record_figures(n)) for n, record in enumerate(corpus.records)]
    own = {key: FIGURES[key] for key in FIGURES if any(key in found for _, found in rows)}
    lead = (
        f"<p>{len(corpus.units):,} units and {len(corpus.labels):,} phones in {len(rows):,} recordings. Each "
        "figure comes with a bootstrap 95 % interval over recordings; arrows tell which way is better.</p>"
    )
    columns = [Column("Recording"), *(Column(k, f.decimals, f.label) for k, f in own.items())]
    table = [[key, *(found.get(k) for k in own)] for key, found in rows]
    parts = [
        ("summary", "Summary", summary_table(summary, FIGURES)),
        *(_inventory(corpus) if len(corpus.units) else ()),
        ("distributions", "Distributions", distributions(summary, rows, own)),
        ("recordings", "Recordings", sortable_table("all", "Figures of each recording", columns, table)),
    ]
    return page(title, lead, parts)


def _inventory(corpus):
    inventory = Inventory(corpus)
    yield "phones", "Units and phones", inventory.phones()
    yield "durations", "Durations", inventory.durations()
    yield "confusion", "Confusion of units", inventory.confusion()
    yield "units", "Units", inventory.table()
