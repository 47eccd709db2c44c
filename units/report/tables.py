"""Tables of a report: the summary with its intervals, and one of any length that sorts, filters and pages."""

from dataclasses import dataclass

from units.metrics.figures import written
from units.report.page import json_data, name, text, visible

PAGE_ROWS = 100  # shown at once: a table of 10,000 rows takes seconds to lay out, more on a phone
MOST_ROWS = 20_000  # kept in the page


def arrow(figure):
    """Return the arrow that shows which direction is better, HTML."""
    sign, words = figure.direction
    return (
        f' <span class="arrow" role="img" aria-label="{words}" title="{words}">{sign}</span>' if sign else ""
    )


def summary_table(summary, figures):
    """Return the table of means with their intervals, HTML.

    summary: {name: {"mean", "low", "high"}}; figures: {name: Figure}.
    """
    rows = "".join(_summary_row(key, summary[key], figures[key]) for key in figures if key in summary)
    return (
        '<div class="scroller" tabindex="0" role="region" aria-label="Summary"><table class="summary">\n'
        '<thead><tr><th scope="col">Figure</th><th scope="col" class="number">Mean</th>'
        '<th scope="col" class="number">95 % interval</th></tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table></div>\n"
    )


def _summary_row(key, interval, figure):
    low, high = (figure.write(interval[end]) for end in ("low", "high"))
    span = f"{low} to {high}" if low != high else "\u2013"
    return (
        f'<tr><th scope="row">{text(figure.label)}{arrow(figure)} <code>{text(key)}</code>'
        f'<span class="meaning">{text(figure.meaning)}</span></th>'
        f'<td class="number mean">{figure.write(interval["mean"])}</td><td class="number">{span}</td></tr>\n'
    )


@dataclass(frozen=True)
class Column:
    """A column of a table that sorts; decimals: of its numbers, None for text."""

    label: str
    decimals: int | None = None
    title: str = ""


def sortable_table(anchor, caption, columns, rows, links=()):
    """Return a table that sorts by each column, HTML: the first page as it is, all of it as data beside it.

    columns: of the first, a name, then the others; rows: lists of a name and numbers, texts or None;
    links: {index of row: anchor of what tells more of it}. Rows beyond MOST_ROWS are left out, and this said.
    """
    kept, links = rows[:MOST_ROWS], dict(links)
    head = "".join(_head(column) for column in columns)
    body = "".join(_row(row, columns, links.get(index)) for index, row in enumerate(kept[:PAGE_ROWS]))
    data = {
        "decimals": [column.decimals for column in columns],
        "rows": [[_kept(value, column) for value, column in zip(row, columns, strict=True)] for row in kept],
        "links": links,
        "page": PAGE_ROWS,
    }
    less = f" The first {MOST_ROWS:,} of {len(rows):,} are kept here." if len(kept) < len(rows) else ""
    return (
        f'<div class="sortable" data-rows="{anchor}-data">\n<div class="tools" hidden>'
        f'<label>Find <input type="search" autocomplete="off" spellcheck="false"></label>'
        '<span class="pager"><button type="button" class="back">Previous</button>'
        '<button type="button" class="next">Next</button></span><output aria-live="polite"></output></div>\n'
        f'<div class="scroller" tabindex="0" role="region" aria-label="{text(caption)}"><table>\n'
        f"<caption>{text(caption)}{less}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
        f"</div>\n{json_data(f'{anchor}-data', data)}"
    )


def _head(column):
    kind = "" if column.decimals is None else ' class="number"'
    return (
        f'<th scope="col"{kind} aria-sort="none"><button type="button" title="{text(column.title)}">'
        f'{text(column.label)}<span class="order" aria-hidden="true"></span></button></th>'
    )


def _row(row, columns, link):
    first = name(row[0]) if link is None else f'<a href="#{link}">{name(row[0])}</a>'
    cells = "".join(_cell(value, column) for value, column in zip(row[1:], columns[1:], strict=True))
    return f'<tr><th scope="row">{first}</th>{cells}</tr>\n'


def _cell(value, column):
    if column.decimals is None:
        return f"<td>{name(value)}</td>"
    return f'<td class="number">{written(value, column.decimals)}</td>'


def _kept(value, column):
    if column.decimals is None:
        return visible(value)
    return None if value is None else round(value, column.decimals + 2)
