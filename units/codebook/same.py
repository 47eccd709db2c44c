"""Units of one codebook: unit 7 of one is not unit 7 of another, so a corpus has units of a single one."""

from units.records import InputError, optional, warn


class SameCodebook:
    """Checks record by record that all units of a corpus are of one codebook; `report` at the end.

    >>> same = SameCodebook()
    >>> same.check({"codebook": "aaaa"})
    >>> same.check({"codebook": "bbbb"})
    Traceback (most recent call last):
    units.records.InputError: units of codebook bbbb after some of aaaa
    """

    def __init__(self, known=None, otherwise=" after some of {}", unnamed=0):
        """known: the hash of the codebook, if it is given; otherwise: what the error says of it.

        unnamed: how many records that name no codebook the corpus holds already.
        """
        self.known, self._otherwise = known, otherwise
        self._unnamed = self._records = unnamed

    def check(self, record):
        """Raise InputError if the units of a record are of another codebook than those before it."""
        found = optional(record, "codebook")
        if found is not None:
            if self.known not in (None, found):
                raise InputError(f"units of codebook {found}{self._otherwise.format(self.known)}")
            self.known = found
        self._records += 1
        self._unnamed += found is None

    def report(self):
        """Report how many records name no codebook if others do."""
        if self._unnamed and self.known is not None:
            warn(
                f"{self._unnamed} of {self._records} records name no codebook; "
                f"their units are taken to be of {self.known}"
            )
