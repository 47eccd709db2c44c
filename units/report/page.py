"""Turn templates into pages: one HTML file that needs no network. The home of Jinja2.

The templates escape every value. Styles and scripts are files next to this module. The page's content
security policy allows them by their hashes, and nothing else. Pictures and sounds are data URIs.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape

from units import __version__
from units.files.text import visible

_URI_SAFE = " !$'()*+,-./0123456789:;=?@[]_{|}~"  # needs no quoting in a data URI in double quotes


def text(value):
    """Return a value as HTML text, as the templates write it in elements and in quoted attributes.

    >>> text('<b> & "c"')
    '&lt;b&gt; &amp; &#34;c&#34;'
    """
    return str(escape(visible(value)))


def _safe(content):
    """Return text that needs no escaping: our own files, and Base64 or quoted data for attributes."""
    return Markup(content)  # noqa: S704 - only here does text become markup


def base64_of(data):
    """Return bytes in Base64, for a quoted attribute."""
    return _safe(base64.b64encode(data).decode())


def data_uri(data, kind):
    """Return bytes as a data URI of a media type, for a quoted attribute."""
    return _safe(f"data:{kind};base64,{base64_of(data)}")


@dataclass(frozen=True)
class Picture:
    """A picture on a page: a data URI, its size in CSS pixels, and a description in words."""

    source: Markup
    width: int
    height: int
    alt: str


def picture_of(drawing, alt):
    """Return the Picture of (SVG, width, height)."""
    svg, width, height = drawing
    return Picture(_safe("data:image/svg+xml," + quote(svg, safe=_URI_SAFE)), width, height, alt)


def page(template, title, styles=("page.css",), scripts=("page.js",), **values):
    """Return a page, HTML: a template filled with values.

    template: the name of a file in templates/; styles, scripts: names of files next to this module.
    """
    style, script = ("".join(map(_file, files)) for files in (styles, scripts))
    return (
        _templates()
        .get_template(template)
        .render(
            title=title,
            style=_safe(style),
            script=_safe(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
            version=__version__,
            **values,
        )
    )


@cache
def _templates():
    """Return the environment in which every value is made visible and then escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("units.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else visible(value),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return environment


def _file(file_name):
    return resources.files("units.report").joinpath(file_name).read_text("utf-8")


def _hash(content):
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
