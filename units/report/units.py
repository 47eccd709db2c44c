"""The page of su-eval units: units against phones."""

from units.metrics.figures import UNITS
from units.report.distributions import distributions
from units.report.inventory import Inventory
from units.report.page import page
from units.report.tables import figures_table, summary_rows


def units_page(title, summary, corpus):
    """Return the page, HTML.

    title: text; summary: {name: {"mean", "low", "high"}}; corpus: AlignedCorpus.
    """
    rows = [(record.id, corpus.record_figures(n)) for n, record in enumerate(corpus.records)]
    figures = {key: UNITS[key] for key in UNITS if any(key in found for _, found in rows)}
    return page(
        "units.html",
        title,
        counts=[f"{number:,}" for number in (len(corpus.units), len(corpus.labels), len(rows))],
        summary=summary_rows(summary, UNITS),
        inventory=Inventory(corpus) if len(corpus.units) else None,
        pictures=distributions(summary, rows, figures),
        table=figures_table(rows, figures),
    )
