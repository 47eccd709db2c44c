"""The report of su-eval units: units against the phones they were said with."""

from units.metrics.figures import UNITS
from units.report.distributions import distributions
from units.report.inventory import Inventory
from units.report.page import page
from units.report.tables import Column, sortable_table, summary_table


def units_page(title, summary, corpus):
    """Return the report, HTML.

    title: text; summary: {name: {"mean", "low", "high"}}; corpus: of units.metrics.phones.
    """
    rows = [(record.id, corpus.record_figures(n)) for n, record in enumerate(corpus.records)]
    own = {key: UNITS[key] for key in UNITS if any(key in found for _, found in rows)}
    lead = (
        f"<p>{len(corpus.units):,} units and {len(corpus.labels):,} phones in {len(rows):,} recordings. Each "
        "figure comes with a bootstrap 95 % interval over recordings; arrows tell which way is better.</p>"
    )
    columns = [Column("Recording"), *(Column(k, f.decimals, f.label) for k, f in own.items())]
    table = [[key, *(found.get(k) for k in own)] for key, found in rows]
    parts = [
        ("summary", "Summary", summary_table(summary, UNITS)),
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
