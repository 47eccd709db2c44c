"""The skeleton of a report: one HTML file that asks nothing of any network, and says so in its own policy.

Styles and scripts are files beside this module, put into the page and allowed there by their hashes alone;
pictures and sounds are data URIs. Whatever comes from records goes through `text`.
"""

import base64
import hashlib
import html
import json
import re
from importlib import resources
from urllib.parse import quote

from units import __version__

_URI_SAFE = " !$'()*+,-./0123456789:;=?@[]_{|}~"  # what may stand as it is in a double-quoted data URI
_SHOWN = {"\n": "\u23ce", "\r": "\u240d", "\t": "\u2409"}


def visible(value):
    """Return the text of a value with nothing in it that a page cannot show.

    Line breaks and tabs become signs; other control characters, and bytes of a file name that are no UTF-8,
    become U+FFFD.

    >>> visible("two\\nlines")
    'two⏎lines'
    """
    value = "".join(_SHOWN.get(letter, letter) for letter in str(value))
    return re.sub("[\0-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "\ufffd", value)


def text(value):
    """Return a value as HTML that shows it, in an element or in a quoted attribute.

    >>> text('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    """
    return html.escape(visible(value))


def name(value):
    """Return HTML of a name that somebody else gave, kept from turning round the text about it."""
    return f"<bdi>{text(value)}</bdi>"


def data_uri(data, kind):
    """Return bytes as a data URI of a media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def svg_uri(svg):
    """Return the text of an SVG as a data URI."""
    return "data:image/svg+xml," + quote(svg, safe=_URI_SAFE)


def figure(picture, alt, wide=None, **data):
    """Return a picture with its description in words, HTML; a wide one scrolls in a frame of its own.

    picture: (SVG, width, height), the last two in CSS pixels; wide: class of that frame.
    """
    svg, width, height = picture
    image = f'<img src="{svg_uri(svg)}" width="{width}" height="{height}" alt="{text(alt)}">'
    if wide:
        marks = "".join(f' data-{key}="{text(value)}"' for key, value in data.items())
        frame = f'<div class="scroller {wide}" tabindex="0" role="region" aria-label="{text(alt)}"{marks}>'
        image = f"{frame}{image}</div>"
    return f"<figure>{image}</figure>\n"


def section(anchor, heading, body):
    """Return a section with its heading, HTML."""
    head = f'<section id="{anchor}" aria-labelledby="{anchor}-head">\n<h2 id="{anchor}-head">'
    return f"{head}{text(heading)}</h2>\n{body}\n</section>\n"


def json_data(anchor, value):
    """Return a value as data for the script, HTML: no text in it can end the element."""
    return f'<script type="application/json" id="{anchor}">{_json(value)}</script>\n'


def _json(value):
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")


def page(title, lead, sections, maker="su-eval", styles=("page.css",), scripts=("page.js",)):
    """Return the whole page, HTML.

    title: text; lead: HTML under the title; sections: [(anchor, heading, HTML)]; maker: the tool that made
    it; styles, scripts: names of files beside this module.
    """
    style, script = ("".join(map(_file, files)) for files in (styles, scripts))
    links = "".join(f'<li><a href="#{anchor}">{text(head)}</a></li>' for anchor, head, _ in sections)
    nav = f'<nav aria-label="Sections"><ul>{links}</ul></nav>' if len(sections) > 1 else ""
    body = "".join(section(*part) for part in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{text(title)}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<h1>{text(title)}</h1>
{lead}
{nav}
</header>
<main id="main" tabindex="-1">
{body}</main>
<footer>
<p>Made by {maker} {text(__version__)}. This file holds all that it shows; it needs no network.</p>
</footer>
<script>{script}</script>
</body>
</html>
"""


def _file(file_name):
    return resources.files("units.report").joinpath(file_name).read_text("utf-8")


def _policy(style, script):
    """Return a policy that lets nothing in but this page's own style, script, pictures and sounds."""
    return (
        "default-src 'none'; img-src data:; media-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )


def _hash(content):
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
