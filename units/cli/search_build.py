"""su-search build: collect the frames and units of records for an index."""

from units.codebook.same import SameCodebook, check_codebook, check_units
from units.files.streams import features_of
from units.patterns.corpus import of_runs, read_recording
from units.patterns.search.index import MOST_UNITS, make_index
from units.patterns.search.sounds import SoundsBuilder
from units.records import InputError, optional, require, warn

_PLACE = ("audio_filepath", "offset", "channel")


class Collector:
    """The records that are added to an index; those with the id of an old one replace it."""

    def __init__(self, old, book, path):
        """old: the Index so far, at path; book: the codebook that was given, or None."""
        self.old, self.book = old, book or old.codebook
        self._check_old(path, book)
        known = self.book.hash if self.book else old.hash
        owner = "the index" if old.hash is not None else "-c" if book else "an earlier record"
        self._same = SameCodebook(known, owner, len(old.records) if old.hash is None else 0)
        self._owner, self._added = owner, {}
        self._framed = old.sounds is not None if old.records else None  # whether records have frames
        self._builder = SoundsBuilder(old.sounds.space) if old.sounds else None
        self._encoder = old.sounds.space.encoder if old.sounds else None

    def _check_old(self, path, book):
        """Raise InputError if the existing index and the given codebook do not fit together."""
        old = self.old
        if book and old.hash not in (None, book.hash):
            raise InputError(f"{path}: the index has codebook {old.hash}, but -c has codebook {book.hash}")
        if book and old.hash is None and len(old.text) > len(old.records):
            raise InputError(
                f"{path}: the units in the index name no codebook; to use -c, delete it and rebuild it"
            )

    def add(self, record):
        """Add a record; raise InputError if it does not fit the index."""
        if require(record, "id") in self._added:
            raise InputError(f'"id" {record["id"]!r} occurs twice')
        if "units" not in record and "features" not in record:
            raise InputError('no "features" and no "units"')
        recording = of_runs(record, [], []) if "units" not in record else read_recording(record)
        check_units(recording.units, self.book, MOST_UNITS)
        if "units" in record:
            check_codebook(optional(record, "codebook"), self._same.known, self._owner)
        frames = self._frames(record, recording)
        if "units" in record:
            self._same.check(record)
        if frames is not None:
            self._builder.add(frames)
        self._added[record["id"]] = recording

    def _frames(self, record, recording):
        """Return the frames of a record, None if the index has none."""
        framed = "features" in record
        if self._framed is None:
            self._framed = framed
        if framed and not self._framed:
            return None
        if self._framed and not framed:
            raise InputError('no "features", but the other records of the index have them')
        if not framed:
            return None
        frames, encoder = features_of(record), optional(record, "encoder", "")
        if self._encoder is None:
            self._encoder, self._builder = encoder, SoundsBuilder(encoder=encoder)
        if encoder != self._encoder:
            names = [name or "no named encoder" for name in (encoder, self._encoder)]
            raise InputError(f"these frames come from {names[0]}, but those of the index from {names[1]}")
        if len(recording.units) and len(frames) != sum(recording.counts):
            raise InputError(f"{len(frames)} frames do not fit {sum(recording.counts)} units")
        return frames

    def index(self):
        """Return the Index of the old records that were not replaced, and the new ones."""
        if not self.book:
            self._same.report()
        self._report_replaced()
        kept = [number for number, record in enumerate(self.old.records) if record["id"] not in self._added]
        old = list(self.old.recordings())
        recordings = [*(old[number] for number in kept), *self._added.values()]
        return make_index(recordings, self.book, self._same.known, self._sounds(kept))

    def _sounds(self, kept):
        added = self._builder.finish() if self._builder and self._added else None
        if self.old.sounds is None:
            return added
        builder = SoundsBuilder(self.old.sounds.space)
        for sounds, numbers in ((self.old.sounds, kept), (added, range(len(self._added)))):
            for number in numbers:
                builder.keep(sounds, number)
        return builder.finish()

    def _report_replaced(self):
        """Report how many records of the index are replaced by records of other audio with the same ids."""
        pairs = (
            (record, self._added[record["id"]].fields)
            for record in self.old.records
            if record["id"] in self._added
        )
        if count := sum(any(one.get(name) != other.get(name) for name in _PLACE) for one, other in pairs):
            warn(f"{count} records of the index are replaced by records of other audio with the same id")
