"""Finds the recording that a label file belongs to, by its name, in a folder."""

import os

from units.labels.names import composed
from units.labels.tiers import LABEL_FILES
from units.records import InputError, warn

AUDIO = {".wav", ".wave", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".aifc"}
AUDIO |= {".au", ".snd", ".caf", ".w64", ".rf64", ".wma", ".amr", ".mp2", ".sph", ".nist", ".gsm", ".mka"}
VIDEO = {".mp4", ".m4v", ".mov", ".mpg", ".mpeg", ".mts", ".m2ts", ".avi", ".mkv", ".webm", ".wmv", ".flv"}
VIDEO |= {".3gp", ".3gpp", ".vob", ".ogv", ".dv"}


class Folder:
    """A folder of recordings, which are found by their names."""

    def __init__(self, path):
        self.path = path
        entries = sorted(entry.name for entry in os.scandir(path) if not entry.is_dir())
        names = [name for name in entries if not name.lower().endswith(tuple(map(str.lower, LABEL_FILES)))]
        self._names = {}  # by complete name and by name without suffix, in Unicode's composed form
        for name in names:
            for key in {name, os.path.splitext(name)[0]}:
                self._names.setdefault(composed(key), []).append(name)

    def find(self, stem):
        """Return the path of the recording of a name, with or without its suffix.

        A name that differs only in Unicode normalization is accepted if no name is exactly equal. Audio comes
        before video, which is reported. A file whose suffix is neither of these nor one of labels is accepted
        if it is the only one. Raises InputError if there are none or several.
        """
        found = self._names.get(composed(stem), [])
        whole = [name for name in found if composed(name) == composed(stem) and _kind(name) < 2]
        found = whole or found
        found = [name for name in found if stem in (name, os.path.splitext(name)[0])] or found
        best = min(map(_kind, found), default=0)
        chosen = [name for name in found if _kind(name) == best]
        if len(chosen) != 1:
            which = f"{len(chosen)} recordings are" if chosen else "no recording is"
            listed = f": {', '.join(map(repr, chosen))}" if chosen else ""
            raise InputError(f"{which} named {stem!r} in {self.path}{listed}")
        others = [name for name in found if _kind(name) == 1 and best == 0]
        if others:
            warn(f"{self.path}: used {chosen[0]!r} for {stem!r}, not {others[0]!r}")
        return os.path.join(self.path, chosen[0])


def _kind(name):
    """Return 0 for audio, 1 for video, 2 for a file that may be neither."""
    suffix = os.path.splitext(name)[1].lower()
    return 0 if suffix in AUDIO else 1 if suffix in VIDEO else 2
