"""One codebook per corpus: unit 7 of one codebook is not unit 7 of another; and units that exist in it."""

from units.records import InputError, optional, warn


def check_codebook(found, known, owner, remedy=""):
    """Raise InputError if units have another codebook than expected. The one wording of that error.

    found, known: hashes; None is unknown and accepted. owner: the owner of the codebook `known`, as "the
    vocoder". remedy: what the user can do.

    >>> check_codebook("bbbb", "aaaa", "the vocoder")
    Traceback (most recent call last):
    units.records.InputError: these units have codebook bbbb, but the vocoder has codebook aaaa
    """
    if found and known and found != known:
        hint = f"; {remedy}" if remedy else ""
        raise InputError(f"these units have codebook {found}, but {owner} has codebook {known}{hint}")


def check_units(units, book, most):
    """Raise InputError if there are units that a Codebook does not have or, without one, from `most` on.

    >>> check_units([3, 9], None, 8)
    Traceback (most recent call last):
    units.records.InputError: unit 9 is too large: units must be below 8
    """
    size = most if book is None else len(book.centroids)
    largest = max(map(int, units), default=0)
    if largest >= size:
        limit = f"the codebook has units 0 to {size - 1}" if book else f"units must be below {size}"
        raise InputError(f"unit {largest} is too large: {limit}")


class SameCodebook:
    """Checks record by record that all units of a corpus have one codebook; call `report` at the end.

    >>> same = SameCodebook()
    >>> same.check({"codebook": "aaaa"})
    >>> same.check({"codebook": "bbbb"})
    Traceback (most recent call last):
    units.records.InputError: these units have codebook bbbb, but an earlier record has codebook aaaa
    """

    def __init__(self, known=None, owner="an earlier record", unnamed=0):
        """known: the hash of the expected codebook, or None; owner: its owner, for the error.

        unnamed: number of records without a codebook that the corpus holds already.
        """
        self.known, self._owner = known, owner
        self._unnamed = self._records = unnamed

    def check(self, record):
        """Raise InputError if a record's units have another codebook than those before it."""
        found = optional(record, "codebook")
        check_codebook(found, self.known, self._owner)
        self.known = self.known or found
        self._records += 1
        self._unnamed += found is None

    def report(self):
        """Warn if some records name no codebook although others do."""
        if self._unnamed and self.known is not None:
            warn(
                f"{self._unnamed} of {self._records} records name no codebook; "
                f"their units are assumed to have codebook {self.known}"
            )
