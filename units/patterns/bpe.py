"""Units to pieces and back: byte-pair encoding of unit sequences. The only home of sentencepiece.

Unit n is the character U+4E00 + n. Nothing is split, normalised or left out, so that a merge may join any
units. The model is a plain SentencePiece file, which `spm_encode` loads too. Sennrich et al. 2016,
https://arxiv.org/abs/1508.07909 (bpe); Kudo 2018, https://arxiv.org/abs/1804.10959 (unigram).
"""

import contextlib
import hashlib
import io
import os
import re
import tempfile

import numpy as np
import sentencepiece

from units.config import BpeConfig
from units.files.opening import read_whole
from units.patterns.repeats import repeats
from units.records import InputError

FIRST = 0x4E00  # the character of unit 0
MAX_ALPHABET = 20_000  # characters from there on that are assigned and have no case or decomposition
_LARGEST = 1 << 26  # bytes of a model: ten times those of 20,000 pieces of 64 units
_PATH_LENGTH = 512  # bytes to which the name of a temporary file is padded
_WHOLE = {  # nothing is normalised, split, left out or added
    "normalization_rule_name": "identity",
    "character_coverage": 1.0,
    "max_sentence_length": 1 << 30,  # bytes, the largest value it accepts
    "add_dummy_prefix": False,
    "remove_extra_whitespaces": False,
    "split_by_whitespace": False,
    "split_by_unicode_script": False,
    "split_by_number": False,
    "unk_id": 0,
    "bos_id": -1,
    "eos_id": -1,
    # not the machine's number: unigram adds up floats thread by thread, which changes the bytes
    "num_threads": 16,
    "minloglevel": 3,  # only fatal errors, which are raised as well
}


def to_text(units):
    """Return units as text, one character per unit.

    units: sequence of int, each below MAX_ALPHABET. Raises InputError naming a unit that is not.

    >>> to_text([0, 1])
    '一丁'
    """
    units = np.asarray(units, np.int64)
    if units.size and units.max() >= MAX_ALPHABET:
        raise InputError(f"unit {units.max()} is too large: units must be below {MAX_ALPHABET}")
    return (units + FIRST).astype("<u4").tobytes().decode("utf-32-le")


def to_units(text):
    """Return the units of a text as (N,) int64, the inverse of `to_text`.

    >>> to_units("一丁")
    array([0, 1])
    """
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.int64) - FIRST


def train(texts, config=BpeConfig(), seed=0):
    """Return the bytes of a SentencePiece model trained on texts of `to_text`.

    texts: iterable of str of any length. Every unit from 0 to the highest in the texts, or to config.alphabet
    - 1, gets a piece. Raises InputError if the vocabulary does not fit the units or the data.
    """
    texts = [text for text in texts if text]
    if not texts:
        raise InputError("no units to train on")
    needed = ord(max(map(max, texts))) - FIRST + 1
    alphabet = config.alphabet or needed
    if needed > alphabet:
        raise InputError(f"unit {needed - 1} is too large: --units {alphabet} has units 0 to {alphabet - 1}")
    if config.vocab_size <= alphabet:
        raise InputError(
            f"--vocab-size {config.vocab_size} is too small: units and <unk> are {alphabet + 1} pieces"
        )
    # A text per unit makes it known without making any pair: required_chars ignores units that do not occur.
    # Units rarer than 2**-24 would still be left out, because the coverage is a float32 there.
    often = 1 + (sum(map(len, texts)) >> 24)
    singles = list(to_text(range(alphabet))) * often
    if config.model_type == "bpe":
        return _train(_cut(texts, 1 << 28) + singles, config, seed)
    with _seeds(texts, config) as path:
        # over long texts the float32 sums of unigram lose precision
        model = _train(_cut(texts, 1024) + singles, config, seed, seed_sentencepieces_file=path)
    # The model contains its settings, and this one differs from run to run.
    return model.replace(path.encode(), b"/" * _PATH_LENGTH)


@contextlib.contextmanager
def _seeds(texts, config):
    """Give the path, which always has the same length, of a file with the candidates for unigram's pieces.

    SentencePiece compares bytes to find candidates, and so misses most strings whose next characters begin
    with the same byte, as those of all units do.
    """
    joined = np.maximum(to_units("\0".join([*texts, ""])), -1)
    found = repeats(joined, config.max_piece_length, max(100_000, 8 * config.vocab_size))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".tsv") as file:
        for start, length, count in found.tolist():
            file.write(f"{to_text(joined[start : start + length])}\t{count}\n")
        file.flush()
        folder, name = os.path.split(file.name)
        yield folder + "/" * (_PATH_LENGTH - len(os.fsencode(folder + name))) + name


def _cut(texts, longest):
    """Return the texts cut into equal parts of at most that many characters."""
    parts = [(text, -(-len(text) // longest)) for text in texts]
    return [text[len(text) * i // n : len(text) * (i + 1) // n] for text, n in parts for i in range(n)]


def _train(texts, config, seed, **settings):
    model = io.BytesIO()
    sentencepiece.set_random_generator_seed(seed)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            model_type=config.model_type,
            vocab_size=config.vocab_size,
            max_sentencepiece_length=config.max_piece_length,
            **_WHOLE,
            **settings,
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(_reason(str(error), config.vocab_size)) from None
    return model.getvalue()


def _reason(message, vocab_size):
    most = re.search(r"too high .* value <= (\d+)", message)
    if most:
        return f"--vocab-size {vocab_size} is too large for these data: at most {most[1]} pieces are possible"
    return f"SentencePiece cannot train on these data: {' '.join(message.split())}"


class Model:
    """A trained model: pieces as sequences of units.

    Attributes: lengths, (V,) int64, units per piece, 0 for <unk> and the like; flat, the units of all pieces,
    concatenated; starts, (V,) int64, the beginning of each piece in `flat`; hash, a short hash of the file.
    """

    def __init__(self, data, name="model"):
        """data: the bytes of a SentencePiece file; name: its name in errors. Raises InputError."""
        self.hash = hashlib.sha256(data).hexdigest()[:12]
        self._processor = p = sentencepiece.SentencePieceProcessor()
        try:
            p.LoadFromSerializedProto(data)
            pieces = range(p.GetPieceSize())
            texts = ["" if p.IsUnknown(i) or p.IsControl(i) else p.IdToPiece(i) for i in pieces]
        except (RuntimeError, ValueError):  # a piece that is not UTF-8 is a ValueError
            raise InputError(f"{name}: not a SentencePiece model") from None
        self.flat = to_units("".join(texts))
        if self.flat.size and not 0 <= self.flat.min() <= self.flat.max() < MAX_ALPHABET:
            raise InputError(f"{name}: a SentencePiece model, but not of units")
        self.lengths = np.array([len(text) for text in texts], np.int64)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self._known = np.zeros(MAX_ALPHABET, bool)
        self._known[self.flat[self.starts[self.lengths == 1]]] = True

    def encode(self, units):
        """Return the pieces of units, one sequence: (P,) int64. Raises InputError naming an unknown unit."""
        return self._processor.Encode(self._text(units), return_type="numpy").astype(np.int64)

    def encode_all(self, sequences):
        """Return the pieces of many sequences, using all processors: a list of (P,) int32."""
        texts = [self._text(units) for units in sequences]
        return self._processor.Encode(texts, return_type="numpy", num_threads=os.cpu_count())

    def _text(self, units):
        units = np.asarray(units, np.int64)
        known = self._known[np.minimum(units, MAX_ALPHABET - 1)] & (units < MAX_ALPHABET)
        if not known.all():
            raise InputError(f"unit {units[~known][0]} is not in the model")
        return to_text(units)

    def decode(self, pieces):
        """Return the units of pieces, (N,) int64, the inverse of `encode`. Raises InputError."""
        pieces = np.asarray(pieces, np.int64)
        if pieces.size and pieces.max() >= len(self.lengths):
            raise InputError(f"piece {pieces.max()} is not in the model, which has {len(self.lengths)}")
        lengths = self.lengths[pieces]
        if not lengths.all():
            raise InputError(f"piece {pieces[lengths == 0][0]} has no units")
        ends = np.cumsum(lengths)
        within = np.arange(ends[-1] if ends.size else 0) - np.repeat(ends - lengths, lengths)
        return self.flat[np.repeat(self.starts[pieces], lengths) + within]

    def units_of(self, piece):
        """Return the units of one piece as a list."""
        return self.flat[self.starts[piece] :][: self.lengths[piece]].tolist()


def load_model(path):
    """Return the Model in a file. Raises InputError if the file is not a SentencePiece model of units."""
    return Model(read_whole(path, _LARGEST), path)
