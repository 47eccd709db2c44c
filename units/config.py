"""What can be set in each step, as frozen dataclasses; the command line takes its defaults from here.

They stand apart from what they configure so that `--help` need not load numpy.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SegmentConfig:
    """What is silence, and how long segments may be."""

    silence_db: float = -36.0  # dB relative to the speech level of the recording
    min_silence: float = 0.5  # s of silence that end a segment
    min_duration: float = 2.0  # s; shorter segments join a neighbour
    max_duration: float = 20.0  # s; longer ones are cut at their quietest point


@dataclass(frozen=True)
class ClusterConfig:
    """How many units there are, and how they are found."""

    k: int = 100
    max_frames: int = 2_000_000  # frames sampled from the corpus, some 11 h
    niter: int = 8  # k-means iterations over all of them, after 8 over a part
    nredo: int = 10  # starts on that part, of which the best is kept
    normalize: bool = True  # z-score each dimension first
    whiten: float = 0.0  # how far correlations between dimensions are undone, 1 wholly
    context: int = 1  # frames that one unit is decided by, odd


@dataclass(frozen=True)
class BpeConfig:
    """How units become pieces."""

    vocab_size: int = 500  # pieces, <unk> and the single units among them
    model_type: str = "bpe"  # or "unigram"
    max_piece_length: int = 64  # units
    alphabet: int | None = None  # different units; None: as many as the data need


@dataclass(frozen=True)
class MotifConfig:
    """Which pieces are motifs, and what of them is to be listened to."""

    min_count: int = 2
    page: int = 50  # motifs of a page, unless it is said how many
    examples: int = 5  # voices of each


@dataclass(frozen=True)
class DiscoverConfig:
    """What counts as said again."""

    min_duration: float = 0.3  # s, of each of two fragments
    false_alarms: float = 0.001  # alignments in all of a corpus that may be due to chance
    near: float = 0.3  # distance of two units that are alike, of the usual distance of two
    min_count: int = 2  # fragments of a term
    keep_pauses: bool = False
    max_alignments: int = 2_000_000  # best ones, so that memory is bounded
