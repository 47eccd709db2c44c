"""Plain English: idioms that take a second reading are counted in all our texts, and may only get fewer."""

import io
import re
import tokenize
from pathlib import Path

import pytest
from processes import ROOT

HOUSE = Path(ROOT)
TEXTS = ("README.md", "CONTRIBUTING.md", "HISTORY.md", "Makefile", "setup.cfg", "man/*.[157]", "docs/**/*.md")
TEXTS += ("docs/*.mk", "units/**/*.html", "units/**/*.js", "units/**/*.css")
SOURCES = ("units/**/*.py", "bench/*.py", "docs/*.py", "man/*.py")
_THING = "(second|minute|hour|frame|record|recording|line|step|epoch|speaker|query|run|file|unit|crop|round)"

# Each pattern, a better way to say it, and how often it still occurs. If that falls, lower the number.
IDIOMS = {
    r"\bwhere\b": ("`if` for conditions; `where` for places only", 19),
    r"\bstands?\b": ("is, lies, follows", 0),
    r"\b(tells?|told)\b": ("report, print, log, say", 0),
    r"\bof which\b": ("two sentences", 0),
    r"\bwhat (is|are|was|were|stands?|lies|has)\b": ("name the thing", 7),
    r"\b(is|are|was|were) none\b": ("name the thing", 15),
    r"\b(is|are|was) no (?!longer|more|need|reason|way|such)\w+": ("is not a ...", 20),
    r"\bbeside\b": ("next to", 0),
    r"\banew\b": ("again", 0),
    r"\bso many\b": ("at most N, this many", 0),
    r"\bsome (\d|an? |two|three|ten|hundred|thousand)": ("about", 0),
    rf"\b(\w+s|ms|Hz|MB|bytes) an? {_THING}\b": ("per", 17),
    rf"\bone an? {_THING}\b": ("one per ...", 0),
    r"\beach \d+ ms\b": ("every 20 ms", 0),
    r"\bwhoever\b|\bwhatever\b|\bwhich is of\b": ("plainer words", 0),
}


def prose_of(path):
    """Return what a person reads of a file: of Python code the comments and strings, else all of it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    kinds = (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))
    words = (t.string for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type in kinds)
    return "\n".join(re.sub(r'"\n\s*f?"', "", word) for word in words)


def places():
    """Return {file: its prose}."""
    paths = {path for pattern in (*TEXTS, *SOURCES) for path in HOUSE.glob(pattern)}
    return {path: prose_of(path) for path in sorted(paths) if path.is_file()}


@pytest.fixture(scope="module")
def prose():
    """The prose of all files."""
    return places()


@pytest.mark.parametrize("pattern", IDIOMS)
def test_idioms_that_must_be_read_twice_only_get_fewer(prose, pattern):
    better, most = IDIOMS[pattern]
    found = [
        f"{path.relative_to(HOUSE)}: ...{text[max(0, m.start() - 40) : m.end() + 30]!r}"
        for path, text in prose.items()
        for m in re.finditer(pattern, text, re.IGNORECASE)
    ]
    listed = "\n".join(found)
    assert len(found) <= most, f"{len(found)} instead of {most}; rather: {better}\n{listed}"
