"""The settings of every step that loads no network, as frozen dataclasses, each setting written once.

The settings of networks are in vocoder/config.py, encoders/network.py and training/. They are separate from
the code that they configure so that `--help` need not load numpy.
"""

from dataclasses import dataclass

from units.settings import setting


@dataclass(frozen=True)
class SegmentConfig:
    """The silence threshold, and how long segments may be."""

    silence_db: float = setting(
        -36.0,
        "Silence threshold, relative to the speech level of the recording.",
        unit="dB",
        low=-120,
        high=0,
    )
    min_silence: float = setting(0.5, "Shortest silence that ends a segment.", unit="s", low=0.05, high=60)
    min_duration: float = setting(2.0, "Join shorter segments to a neighbour.", unit="s", low=0.1, high=60)
    max_duration: float = setting(
        20.0,
        "Cut longer segments at their quietest point. At least twice --min-duration.",
        unit="s",
        low=1,
        high=3600,
    )


@dataclass(frozen=True)
class PitchConfig:
    """The range of F0."""

    floor_hz: float = setting(50.0, "Lowest F0.", unit="Hz", low=20, high=1000, names=("--floor",))
    ceiling_hz: float = setting(400.0, "Highest F0.", unit="Hz", low=20, high=2000, names=("--ceiling",))


@dataclass(frozen=True)
class ClusterConfig:
    """How many units there are, and how they are found."""

    k: int = setting(
        100, "Number of clusters, and so of units.", low=2, high=20000, names=("-k", "--clusters")
    )
    max_frames: int = setting(
        2_000_000, "Frames to sample from the corpus; 2,000,000 are about 11 hours.", unit="frames", low=2
    )
    niter: int = setting(
        8,
        "Iterations of k-means over all sampled frames, after 8 iterations over a part of them.",
        low=1,
        high=1000,
    )
    nredo: int = setting(
        10, "Number of times k-means is run on that part; the best result is kept.", low=1, high=100
    )
    normalize: bool = setting(True, "z-score each dimension first.")
    whiten: float = setting(
        0.0, "How far to remove correlations between dimensions: 0 not at all, 1 completely.", low=0, high=1
    )
    context: int = setting(
        1,
        "Number of consecutive frames, centred on each frame, that determine its unit.",
        unit="frames",
        low=1,
        high=31,
        odd=True,
    )


@dataclass(frozen=True)
class BpeConfig:
    """How units become pieces."""

    vocab_size: int = setting(
        500,
        "Number of pieces, including <unk> and the single units. About 20 per minute of speech.",
        low=2,
        high=1_000_000,
    )
    model_type: str = setting(
        "bpe",
        "Merge the most frequent pair repeatedly (bpe), or prune a large vocabulary by likelihood (unigram).",
        choices=("bpe", "unigram"),
        names=("--model-type",),
    )
    max_piece_length: int = setting(64, "Longest piece.", unit="units", low=1, high=512)
    alphabet: int | None = setting(
        None,
        "Size of the unit inventory, so that units that do not occur get a piece too.",
        low=1,
        high=20000,
        names=("--units",),
        words="the units that occur",
    )


@dataclass(frozen=True)
class QuantizeConfig:
    """How strongly units are smoothed."""

    smooth: float = setting(
        0.0,
        "Penalty per change of unit, a squared distance; the optimal sequence is found exactly.",
        low=0,
    )
    smooth_rate: float | None = setting(
        None,
        "Choose the smallest penalty that leaves at most this many runs per second, measured on the first "
        "ten minutes. -v logs the penalty. Use instead of --smooth.",
        unit="Hz",
        low=0,
        low_open=True,
    )


@dataclass(frozen=True)
class MotifConfig:
    """Which pieces are motifs, and in what order."""

    ranking: str = setting(
        "words",
        "Which motifs come first: those that occur at least 5 times and last at least 0.2 s on average, "
        "since these are most often words (words); those whose counts exceed most what a bigram model "
        "predicts (llr, the log-likelihood ratio); or the most frequent ones (count).",
        choices=("words", "llr", "count"),
        names=("--by",),
    )
    min_count: int = setting(2, "Smallest number of occurrences of a motif.", low=1)


@dataclass(frozen=True)
class DiscoverConfig:
    """Which stretches of speech count as repetitions."""

    min_duration: float = setting(0.3, "Shortest duration of a term.", unit="s", low=0, high=60)
    false_alarms: float = setting(
        0.001,
        "Keep an alignment if chance alone would produce at most this many as good or better in the "
        "whole corpus. A larger number finds more terms, including more false ones.",
        low=0,
        low_open=True,
        high=1_000_000,
    )
    near: float = setting(
        0.3,
        "Two units are similar if their distance is below this fraction of the median distance of a pair.",
        low=0,
        low_open=True,
        high=1,
    )
    min_count: int = setting(2, "Smallest number of occurrences of a term.", low=2)
    keep_pauses: bool = setting(False, "Do not exclude pauses.")
    max_alignments: int = 2_000_000  # the best are kept, so that memory is bounded


@dataclass(frozen=True)
class SearchConfig:
    """Which hits of a query are written."""

    min_score: float | None = setting(
        None,
        "Leave out hits with a lower score.",
        low=0,
        high=1,
        words="0.5 if the query is spoken, that is, at most one false alarm by chance; otherwise 0",
    )
    exhaustive: bool = setting(False, "Align the query with every place, not only with the likely ones.")


@dataclass(frozen=True)
class SpeakConfig:
    """How units are spoken."""

    f0: str = setting(
        "record",
        "Source of F0: the record's `f0` if it has one, or the vocoder's prediction.",
        choices=("record", "predict"),
    )
    durations: str = setting(
        "record",
        "Source of durations. record: use `counts`, or one frame per unit; predict: treat units as runs and "
        "predict their durations.",
        choices=("record", "predict"),
    )
    pitch_shift: float = setting(0.0, "Raise the pitch.", unit="semitones", low=-24, high=24)
    speed: float = setting(1.0, "Speaking rate; 2 is twice as fast.", low=0.25, high=4)
    speaker: str | None = setting(
        None,
        "Speak as this speaker of the vocoder, in the speaker's pitch range.",
        unit="name",
        words="the record's own",
    )


@dataclass(frozen=True)
class UnitsEvalConfig:
    """How units are compared with phones."""

    inventory: int | None = setting(
        None,
        "Size of the unit inventory, to count units that never occur.",
        low=1,
        high=20000,
        names=("--units",),
        words="the largest unit plus 1",
    )
    label_shift: float = setting(
        0.0,
        "Move all phones by this time, if they are late or early as a whole; negative is earlier.",
        unit="s",
        low=-10,
        high=10,
    )
    abx: bool = setting(True, "Compute ABX, which takes longest.")
    abx_cell: int = setting(
        10, "Largest number of tokens per triphone and speaker in ABX, drawn at random.", low=2
    )
    abx_pairs: int = setting(
        5_000_000, "Largest number of pairs of tokens that ABX compares, drawn as complete contexts.", low=1
    )
    distance: str = setting(
        "angular",
        "Distance of two frames of features; angular is as in Libri-Light.",
        choices=("angular", "cosine"),
    )
