"""Names that are equal byte for byte, or after Unicode normalization: macOS decomposes file names."""

import unicodedata

from units.records import InputError


def composed(name):
    """Return the name in Unicode's composed form, NFC.

    >>> composed("e\\u0301") == "\\u00e9"
    True
    """
    return unicodedata.normalize("NFC", name)


def uncased(name):
    """Return a form that is the same for names that differ only in case or in normalization."""
    return composed(composed(name).casefold())


def equals(name, names, forms=(composed,)):
    """Return those of the names that equal one name: exactly, or if none does, in the first form that helps.

    forms: functions of a name, tried in order.

    >>> equals("e\\u0301", ["\\u00e9", "e"]) == ["\\u00e9"]
    True
    >>> equals("Story.WAV", ["story.wav"]), equals("Story.WAV", ["story.wav"], (composed, uncased))
    ([], ['story.wav'])
    """
    found = [other for other in names if other == name]
    for form in forms:
        found = found or [other for other in names if form(other) == form(name)]
    return found


class Named(dict):
    """Values by name. `key` finds a name that differs in Unicode normalization only.

    users: {name: the file that it was first taken for}, as far as callers give it.
    """

    def __init__(self, values=()):
        super().__init__()
        self._by_form, self.users = {}, {}
        for name, value in dict(values).items():
            self[name] = value

    def __setitem__(self, name, value):
        if name not in self:
            self._by_form.setdefault(composed(name), []).append(name)
        super().__setitem__(name, value)

    def key(self, name):
        """Return the key that equals a name, or None. Raise InputError if several do and none exactly.

        >>> Named({"\\u00e9": 1}).key("e\\u0301") == "\\u00e9"
        True
        """
        if name in self:
            return name
        names = self._by_form.get(composed(name), [])
        if len(names) > 1:
            raise InputError(
                f"{name!a} differs only in Unicode normalization from {' and '.join(map(ascii, names))}"
            )
        return names[0] if names else None
