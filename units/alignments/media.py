"""The recording in a folder that a file of labels is of: the one of its name."""

import os

from units.alignments.names import equals
from units.alignments.tiers import LABEL_FILES
from units.records import InputError, warn

AUDIO = {".wav", ".wave", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".aifc"}
AUDIO |= {".au", ".snd", ".caf", ".w64", ".rf64", ".wma", ".amr", ".mp2", ".sph", ".nist", ".gsm", ".mka"}
VIDEO = {".mp4", ".m4v", ".mov", ".mpg", ".mpeg", ".mts", ".m2ts", ".avi", ".mkv", ".webm", ".wmv", ".flv"}
VIDEO |= {".3gp", ".3gpp", ".vob", ".ogv", ".dv"}


def in_folder(stem, folder):
    """Return the path of the recording of a name in a folder.

    stem: its name without the suffix, or with it. A name that differs in Unicode normalization only is taken
    if none is the same. Audio goes before video, which is reported; a file that by its suffix is neither, nor
    one of labels, is taken if there is no other. Raises InputError if there is none or several.
    """
    names = sorted(name for name in os.listdir(folder) if not os.path.isdir(os.path.join(folder, name)))
    stems = {name: os.path.splitext(name)[0] for name in names}
    found = equals(stem, names)
    if not found or _kind(found[0]) == 2:
        same = set(equals(stem, stems.values()))
        found = [name for name, own in stems.items() if own in same]
    found = [name for name in found if not name.lower().endswith(tuple(map(str.lower, LABEL_FILES)))]
    best = min(map(_kind, found), default=0)
    chosen = [name for name in found if _kind(name) == best]
    if len(chosen) != 1:
        which = f"{len(chosen)} recordings are" if chosen else "no recording is"
        listed = f": {', '.join(map(repr, chosen))}" if chosen else ""
        raise InputError(f"{which} named {stem!r} in {folder}{listed}")
    others = [name for name in found if _kind(name) == 1 and best == 0]
    if others:
        warn(f"{folder}: took {chosen[0]!r} for {stem!r}, not {others[0]!r}")
    return os.path.join(folder, chosen[0])


def _kind(name):
    """Return 0 for audio, 1 for video, 2 for what may be neither."""
    suffix = os.path.splitext(name)[1].lower()
    return 0 if suffix in AUDIO else 1 if suffix in VIDEO else 2
