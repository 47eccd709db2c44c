"""The recording of an ELAN file, searched as ELAN does."""

import os
import re
import urllib.parse
from dataclasses import dataclass
from xml.etree import ElementTree

from units.files.opening import read_whole
from units.labels.media import AUDIO, VIDEO
from units.labels.names import composed, equals, uncased
from units.labels.tiers import LARGEST
from units.records import InputError, warn

_URL = re.compile(r"(file:|[a-z][\w+.-]+:(?=//))?(?://([^/\\]*))?(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Medium:
    """A media file that an ELAN file names.

    url, relative: as in the file; kind: "audio", "video" or "" if nothing says which; origin: s in the
    recording at which the annotations' time starts.
    """

    url: str
    relative: str
    kind: str
    origin: float

    @property
    def name(self):
        """The name of the file without its folder."""
        return os.path.basename(next(iter(_paths(self.url) + _paths(self.relative))))


def parse(path):
    """Return the root of the XML of an ELAN file. Raises InputError naming the file."""
    data = read_whole(path, LARGEST)
    if b"<!ENTITY" in data.replace(b"\0", b""):  # in UTF-16 as well
        raise InputError(f"{path}: XML entities are not allowed in an ELAN file")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the last two for odd encodings
        raise InputError(f"{path}: not XML: {error}") from None
    if root.tag != "ANNOTATION_DOCUMENT":
        raise InputError(f"{path}: not an ELAN file")
    header = root.find("HEADER")
    measure = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if measure != "milliseconds":
        raise InputError(f"{path}: times must be in milliseconds, not in {measure}")
    return root


def read_media(path, folder=None):
    """Return (recording, origin) of an ELAN file: its path and its TIME_ORIGIN in s; None if it names none.

    folder: the Folder of the recording; None searches as ELAN does: at MEDIA_URL, at RELATIVE_MEDIA_URL
    relative to the ELAN file, and next to the ELAN file. A name that differs only in Unicode normalization or
    case is accepted if no file has the exact name. If several media are named, a file that exists comes
    before one that does not, then audio before video, then the first; the choice is reported if there are
    several of its kind.

    Without a folder, the path of a recording below the working directory is relative, any other is absolute.
    Raises InputError if no file is found.
    """
    media = _media(parse(path), path)
    if not media:
        return None
    there = _there(media, path, folder)
    if not there and folder is not None:
        there = _by_stem(media, folder)
    if not there:
        places = dict.fromkeys(place for medium in media for place in _places(medium, path, folder))
        raise InputError(
            f"{path}: its recording was not found; searched at {' and '.join(map(repr, places))}"
        )
    found, medium = there[0]
    _report(there, media, path)
    if folder is None:
        _report_places(medium, path)
    return (_shown(found, path) if folder is None else found), medium.origin


def default_origin(root, path):
    """Return the TIME_ORIGIN, in s, of the recording that an ELAN file names, even if it does not exist."""
    media = _media(root, path)
    if len({medium.origin for medium in media}) < 2:
        return media[0].origin if media else 0.0
    there = _there(media, path, None)
    medium = there[0][1] if there else media[0]
    warn(f"{path}: its recordings start at different times; used the TIME_ORIGIN of {medium.name!r}")
    return medium.origin


def _media(root, path):
    """Return the Medium of each media descriptor that names a file: audio, then unknown, then video."""
    found = [_medium(descriptor, path) for descriptor in root.iterfind("HEADER/MEDIA_DESCRIPTOR")]
    header = root.find("HEADER")
    if not found and header is not None:  # EAF 1
        found = [Medium(header.get("MEDIA_FILE", ""), "", "", 0.0)]
    found = [medium for medium in found if _paths(medium.url) + _paths(medium.relative)]
    return sorted(found, key=lambda medium: ("audio", "", "video").index(medium.kind))


def _medium(descriptor, path):
    url, relative = descriptor.get("MEDIA_URL", ""), descriptor.get("RELATIVE_MEDIA_URL", "")
    kind = descriptor.get("MIME_TYPE", "").partition("/")[0]
    suffix = os.path.splitext(url or relative)[1].lower()
    if kind not in ("audio", "video"):
        kind = "audio" if suffix in AUDIO else "video" if suffix in VIDEO else ""
    try:
        origin = int(descriptor.get("TIME_ORIGIN") or 0) / 1000
    except (ValueError, OverflowError):
        raise InputError(f"{path}: TIME_ORIGIN must be a whole number of milliseconds") from None
    return Medium(url, relative, kind, origin)


def _paths(url):
    """Return the paths that a URL or path may mean: as it is, without percent-encoding, without backslashes.

    >>> _paths("file:///C:/corpus/a%20b.wav")
    ['/C:/corpus/a%20b.wav', '/C:/corpus/a b.wav']
    >>> _paths("file:/./a.wav"), _paths("D:\\\\corpus\\\\a.wav"), _paths("file://host/share/a.wav")
    (['./a.wav'], ['D:\\\\corpus\\\\a.wav', 'D:/corpus/a.wav'], ['/share/a.wav'])
    """
    scheme, host, path = _URL.fullmatch(url).groups()
    if host in (".", "..") or (host and scheme is None):
        path = url.removeprefix("file://")
    elif re.match(r"[/\\]+\.\.?[/\\]", path):
        path = path.lstrip("/\\")
    if scheme and scheme.lower() != "file:":
        path = os.path.basename(path)
    names = [path, urllib.parse.unquote(path, errors="surrogateescape")]
    names += [name.replace("\\", "/") for name in names]
    return [name for name in dict.fromkeys(names) if os.path.basename(name) and "\0" not in name]


def _places(medium, path, folder):
    """Return the paths at which a medium may be, in the order in which they are tried."""
    here = os.path.dirname(path)
    names = [os.path.basename(name) for url in (medium.url, medium.relative) for name in _paths(url)]
    if folder is not None:
        return list(dict.fromkeys(os.path.join(folder.path, name) for name in names))
    named = [os.path.join(here, name) for url in (medium.url, medium.relative) for name in _paths(url)]
    return list(dict.fromkeys(os.path.normpath(p) for p in named + [os.path.join(here, n) for n in names]))


def _there(media, path, folder):
    """Return [(file, Medium)] of the media that exist, each file once."""
    found = {}
    for medium in media:
        places = _places(medium, path, folder)
        for form in (None, composed, uncased):
            files = [file for place in places if (file := _find(place, form))]
            if files:
                found.setdefault(os.path.realpath(files[0]), (files[0], medium))
                break
    return list(found.values())


def _find(path, form):
    """Return the file at a path; its parts only need to be equal in the given form; None if there is none."""
    if form is None or os.path.isfile(path):
        return path if os.path.isfile(path) else None
    at = "/" if path.startswith("/") else ""
    for part in path.split("/"):
        if not os.path.lexists(os.path.join(at, part)):
            part = _only(part, at, form)
            if part is None:
                return None
        at = os.path.join(at, part)
    return at if os.path.isfile(at) else None


def _only(part, folder, form):
    try:
        names = equals(part, os.listdir(folder or "."), (form,))
    except OSError:
        return None
    if len(names) > 1:
        raise InputError(f"{part!r} may be {' or '.join(map(repr, sorted(names)))} in {folder or '.'}")
    return names[0] if names else None


def _by_stem(media, folder):
    """Return [(file, Medium)] of the first medium that a recording in the folder shares its name with."""
    stems = {os.path.splitext(medium.name)[0]: medium for medium in reversed(media)}
    errors = []
    for stem in reversed(stems):
        try:
            return [(folder.find(stem), stems[stem])]
        except InputError as error:
            errors.append(error)
    raise errors[0]


def _report(there, media, path):
    """Report the choice of the first existing file, if another would have been as good or better."""
    found, medium = there[0]
    others = [other for other, like in there[1:] if like.kind == medium.kind]
    if others:
        warn(f"{path}: names {len(there)} recordings; used the first, {found!r}, not {others[0]!r}")
    elif media[0].kind == "audio" and medium.kind != "audio":
        warn(f"{path}: {media[0].name!r} does not exist; used {found!r}")


def _report_places(medium, path):
    """Report that MEDIA_URL and RELATIVE_MEDIA_URL lead to two files, as in a copy of a corpus."""
    here, there = os.path.dirname(path), []
    for url in (medium.url, medium.relative):
        places = [os.path.normpath(os.path.join(here, name)) for name in _paths(url)]
        there += list(filter(os.path.isfile, places))[:1]
    if len(there) == 2 and not os.path.samefile(*there):
        warn(f"{path}: used {there[0]!r}, its MEDIA_URL, not {there[1]!r}, its RELATIVE_MEDIA_URL")


def _shown(found, start):
    """Return a path to a file: relative if it is below and `start` was relative, otherwise absolute."""
    below = os.path.relpath(found)
    return os.path.abspath(found) if os.path.isabs(start) or below.startswith("../") else below
