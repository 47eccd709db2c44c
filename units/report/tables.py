"""Tables of a page: the summary with its intervals, and tables that sort, filter and turn pages."""

from dataclasses import dataclass, field

from units.files.text import visible
from units.metrics.figures import written

PAGE_ROWS = 100  # shown at once: a table of 10,000 rows takes seconds to lay out, and longer on a phone
MOST_ROWS = 20_000  # kept in the page


def summary_rows(summary, figures):
    """Return the rows of the table of means, dicts of texts.

    summary: {name: {"mean", "low", "high"}}; figures: {name: Figure}.
    """
    return [_summary_row(key, summary[key], figures[key]) for key in figures if key in summary]


def _summary_row(key, interval, figure):
    low, mean, high = (figure.write(interval[part]) for part in ("low", "mean", "high"))
    arrow, direction = figure.direction
    return {
        "key": key,
        "label": figure.label,
        "meaning": figure.meaning,
        "arrow": arrow,
        "direction": direction,
        "mean": mean,
        "interval": f"{low} to {high}" if low != high else "\u2013",
    }


@dataclass(frozen=True)
class Column:
    """A column of a table that sorts. decimals: of its numbers; None for text."""

    label: str
    decimals: int | None = None
    title: str = ""


@dataclass(frozen=True)
class SortableTable:
    """A table that sorts by each column. The page shows the first rows and keeps all as data for the script.

    columns: the first is a name; rows: lists of a name and numbers, texts or None; links: {index of row:
    anchor}. Rows beyond MOST_ROWS are left out, and the caption says so.
    """

    anchor: str
    caption: str
    columns: list
    rows: list
    links: dict = field(default_factory=dict)

    @property
    def left_out(self):
        """The sentence about rows that are left out; "" if all rows are kept."""
        if len(self.rows) <= MOST_ROWS:
            return ""
        return f". Only the first {MOST_ROWS:,} of {len(self.rows):,} rows are in this page."

    @property
    def shown(self):
        """The rows of the first page: (anchor or None, name, [(text, whether it is a number)])."""
        return [
            (self.links.get(index), row[0], list(map(_cell, row[1:], self.columns[1:])))
            for index, row in enumerate(self.rows[:PAGE_ROWS])
        ]

    @property
    def data(self):
        """All rows, as the script reads them."""
        return {
            "decimals": [column.decimals for column in self.columns],
            "rows": [list(map(_kept, row, self.columns)) for row in self.rows[:MOST_ROWS]],
            "links": self.links,
            "page": PAGE_ROWS,
        }


def figures_table(rows, figures, links=()):
    """Return the SortableTable of the figures of recordings.

    rows: [(id, {name: figure})]; figures: {name: Figure}; links: as of SortableTable.
    """
    columns = [Column("Recording"), *(Column(key, f.decimals, f.label) for key, f in figures.items())]
    values = [[key, *(found.get(name) for name in figures)] for key, found in rows]
    return SortableTable("all", "Figures of each recording", columns, values, dict(links))


def _cell(value, column):
    return (value, False) if column.decimals is None else (written(value, column.decimals), True)


def _kept(value, column):
    if column.decimals is None:
        return visible(value)
    return None if value is None else round(value, column.decimals + 2)
