"""The index: one file with the units and frames of recordings and the fields that lead to their audio."""

import io
import json
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from units.audio.timing import FRAME_SHIFT
from units.codebook.codebook import Codebook, parse_codebook, save_codebook
from units.codebook.runs import frame_edges
from units.files.arrays import parse_array, read_members, save_arrays
from units.files.damage import damaged
from units.files.opening import read_whole
from units.patterns.corpus import of_runs
from units.patterns.moments import recording_of
from units.patterns.search.sounds import Sounds, Space, check
from units.records import InputError, require

VERSION = 2
MOST_UNITS = (1 << 16) - 1
_LARGEST = 1 << 32  # bytes of an index: about ten thousand hours
_KINDS = {"text": "u", "counts": "u", "starts": "i", "records": "u", "about": "u", "codebook": "u"}
_SPACE = ("mean", "weight", "sample", "classes")
_SOUNDS = ("frames", "common", "edges", "sounds", "lengths")  # names in the file, in the order of the fields
_FRAME_KINDS = dict(zip((*_SPACE, *_SOUNDS), "ffffiiiuu", strict=True))


@dataclass(frozen=True)
class Index:
    """The runs of R recordings.

    text: (T,) uint8 or uint16, one unit per run, and a separator, larger than all units, after each
    recording; counts: (T,) uint, frames per run; starts: (R,) int64, the place in them at which each
    recording begins; records: the fields corpus.KEPT of each; codebook: the units' codebook, if known, and
    its hash; sounds: the frames of the recordings, if known.
    """

    text: np.ndarray
    counts: np.ndarray
    starts: np.ndarray
    records: list = field(default_factory=list)
    codebook: Codebook | None = None
    hash: str | None = None
    sounds: Sounds | None = None

    @property
    def separator(self):
        """The number between recordings; 0 if the index is empty."""
        return int(self.text[-1]) if len(self.text) else 0

    def recordings(self):
        """Yield the Recordings."""
        ends = [*self.starts.tolist(), len(self.text)][1:]
        for record, start, end in zip(self.records, self.starts.tolist(), ends, strict=True):
            yield of_runs(record, self.text[start : end - 1], self.counts[start : end - 1])

    @cached_property
    def _places(self):
        """The offset and the frame shift of each recording, s, (R,) float each."""
        pairs = [
            (record.get("offset", 0.0), record.get("frame_shift", FRAME_SHIFT)) for record in self.records
        ]
        return np.array(pairs, np.float64).reshape(-1, 2).T

    @cached_property
    def files(self):
        """The number of each recording's audio file, in order of first occurrence, (R,) int64."""
        names = (recording_of(record.get("audio_filepath"), record["id"]) for record in self.records)
        numbers = {}
        return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)

    @cached_property
    def _frames(self):
        """The number of frames before each run, (T + 1,) int64."""
        return frame_edges(self.counts)

    def times(self, recordings, begins, ends):
        """Return starts and ends, s in their audio files, of runs [begin, end) of the text, as arrays."""
        offsets, shifts = (column[recordings] for column in self._places)
        first = self._frames[self.starts[recordings]]
        return tuple((offsets + (self._frames[at] - first) * shifts).round(6) for at in (begins, ends))

    def frame_times(self, recordings, begins, ends):
        """Return starts and ends, s in their audio files, of frames [begin, end) of the Sounds, as arrays."""
        offsets, shifts = (column[recordings] for column in self._places)
        first = self.sounds.edges[recordings]
        return tuple((offsets + (at - first) * shifts).round(6) for at in (begins, ends))

    @cached_property
    def lengths(self):
        """The length of each recording, runs or frames, (R,) int64."""
        if self.sounds is not None:
            return np.diff(self.sounds.edges)
        return np.diff(np.append(self.starts, len(self.text)))


def make_index(recordings, codebook=None, hash_=None, sounds=None):
    """Return the Index of [Recording] and their Sounds. Raises InputError if it cannot hold their units."""
    recordings = list(recordings)
    lengths = np.array([len(recording.units) + 1 for recording in recordings], np.int64)
    largest = max((int(np.max(r.units)) for r in recordings if len(r.units)), default=0)
    separator = len(codebook.centroids) if codebook else largest + 1
    if largest >= separator:
        raise InputError(f"unit {largest} is not in the codebook, whose units are 0 to {separator - 1}")
    if separator > MOST_UNITS:
        raise InputError(f"unit {largest} is too large for an index, whose units are below {MOST_UNITS}")
    ends = np.cumsum(lengths)
    text = np.full(int(lengths.sum()), separator, np.min_scalar_type(separator))
    counts = np.zeros(len(text), np.uint32)
    for recording, start, end in zip(recordings, ends - lengths, ends, strict=True):
        text[start : end - 1], counts[start : end - 1] = recording.units, recording.counts
    counts = counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
    fields = [recording.fields for recording in recordings]
    return Index(text, counts, ends - lengths, fields, codebook, hash_, sounds)


def save_index(index, file):
    """Write an Index to a binary file; the same index gives the same bytes."""
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in index.records)
    book = io.BytesIO()
    if index.codebook is not None:
        save_codebook(index.codebook, book)
    sounds = index.sounds
    about = {"version": VERSION, "hash": index.hash, "encoder": sounds.space.encoder if sounds else ""}
    arrays = {"text": index.text, "counts": index.counts, "starts": index.starts.astype(np.int64)}
    if sounds:
        arrays |= {name: getattr(sounds.space, name) for name in _SPACE}
        parts = sounds.frames, sounds.common, sounds.edges, sounds.text, sounds.counts
        arrays |= dict(zip(_SOUNDS, parts, strict=True))
    held = {"records": lines, "about": json.dumps(about).encode(), "codebook": book.getvalue()}
    save_arrays({**arrays, **{name: np.frombuffer(data, np.uint8) for name, data in held.items()}}, file)


def load_index(path):
    """Return the Index in a file that `save_index` wrote.

    Raises InputError, naming it, if it is not an index.
    """
    content = read_whole(path, _LARGEST)
    with damaged(path, "an index", InputError):
        index = _parse(content)
        _check(index)
        return index


def _parse(content):
    kinds = _KINDS | _FRAME_KINDS
    # compressed members may expand to anything
    members = read_members(content, kinds, optional=tuple(_FRAME_KINDS), most=len(content))
    arrays = {name: parse_array(member, kinds[name]) for name, member in members.items()}
    about = json.loads(arrays.pop("about").tobytes())
    if about["version"] != VERSION:
        raise ValueError(f"it has version {about['version']!r}, and this program reads version {VERSION}")
    records = [json.loads(line) for line in arrays.pop("records").tobytes().splitlines()]
    book = arrays.pop("codebook").tobytes()
    held = {name: arrays.pop(name) for name in _FRAME_KINDS if name in arrays}
    if len(held) not in (0, len(_FRAME_KINDS)):
        raise ValueError("some arrays of its frames are missing")
    return Index(
        **arrays,
        sounds=_sounds(held, str(about["encoder"])) if held else None,
        records=records,
        codebook=parse_codebook(book) if book else None,
        hash=None if about["hash"] is None else str(about["hash"]),
    )


def _sounds(held, encoder):
    space = Space(*(held[name] for name in _SPACE), encoder)
    return Sounds(space, *(held[name] for name in _SOUNDS))


def _check(index):
    """Raise ValueError if the arrays of an index do not fit each other."""
    lasts = np.append(index.starts[1:], len(index.text)) - 1
    if not index.text.ndim == index.starts.ndim == 1 or index.text.shape != index.counts.shape:
        raise ValueError("its arrays do not fit each other")
    if len(index.starts) != len(index.records) or (len(index.text) > 0) != (len(index.starts) > 0):
        raise ValueError("its records do not fit its arrays")
    if len(index.starts) and (index.starts[0] != 0 or (np.diff(index.starts) < 1).any() or lasts[-1] < 0):
        raise ValueError("its recordings do not follow each other")
    if not np.array_equal(np.flatnonzero(index.text >= index.separator), lasts[: len(index.starts)]):
        raise ValueError("its recordings are not separated")
    if index.codebook is not None and len(index.text) and index.separator != len(index.codebook.centroids):
        raise ValueError("its units are not of its codebook")
    if index.sounds is not None:
        check(index.sounds, len(index.records))
    for record in index.records:
        if not isinstance(record, dict) or "id" not in record:
            raise ValueError("a record has no id")
        require(record, *record)
