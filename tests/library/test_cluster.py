"""A codebook is the k-means of a uniform sample, the same bytes every time, and read with suspicion."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import reference_cluster as reference
from hostile import archive, npy
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import ROOT

from units.codebook.codebook import Codebook, load_codebook, save_codebook
from units.codebook.kmeans import fit_codebook, plus_plus
from units.codebook.quantize import assign
from units.codebook.sampling import Reservoir, group_weights
from units.config import ClusterConfig
from units.files.streams import write_record
from units.records import InputError, Record

SEEDS = st.integers(0, 2**32 - 1)


def blobs(seed=0, size=200, centres=((0, 0), (30, 0), (0, 40))):
    """Frames around some centres, in random order."""
    random = np.random.default_rng(seed)
    frames = np.concatenate([random.standard_normal((size, len(centre))) + centre for centre in centres])
    return random.permutation(frames).astype(np.float32)


def written(book):
    file = io.BytesIO()
    save_codebook(book, file)
    return file.getvalue()


@given(
    SEEDS, st.integers(1, 30), st.lists(st.integers(0, 25), min_size=1, max_size=8), st.sampled_from([1, 3])
)
def test_a_sample_is_that_of_one_frame_at_a_time(seed, size, lengths, context):
    frames = np.arange(2 * sum(lengths), dtype=np.float32).reshape(-1, 2)
    parts = np.split(frames, np.cumsum(lengths)[:-1])
    sample = Reservoir(size, seed, context)
    for number, part in enumerate(parts):
        sample.add(part, number)
    projection = np.eye(2 * context)
    rows = [reference.normalize(part, 0, 1, context, projection) for part in parts if len(part)]
    expected = reference.reservoir(np.concatenate(rows), size, np.random.default_rng(seed)) if rows else []
    assert sample.seen == len(frames)
    assert np.array_equal(sample.frames(), np.reshape(expected, sample.frames().shape))
    centre = sample.frames()[:, context // 2 * 2] // 2
    assert sample.groups().tolist() == np.repeat(np.arange(len(parts)), lengths)[centre.astype(int)].tolist()


def test_every_frame_is_as_likely_to_be_in_the_sample():
    counts = np.zeros(60)
    for seed in range(2000):
        sample = Reservoir(20, seed)
        for start in range(0, 60, 15):
            sample.add(np.arange(start, start + 15, dtype=np.float32)[:, None])
        counts[sample.frames()[:, 0].astype(int)] += 1
    assert np.abs(counts / 2000 - 1 / 3).max() < 5 * np.sqrt(1 / 3 * 2 / 3 / 2000)


def test_a_sample_of_two_sorts_of_frames_is_refused():
    sample = Reservoir(10, 0)
    sample.add(np.zeros((2, 3), np.float32))
    with pytest.raises(InputError, match="these frames have 4 dimensions, but earlier ones have 3"):
        sample.add(np.zeros((2, 4), np.float32))


@pytest.mark.parametrize("normalize", [True, False])
def test_blobs_are_found(normalize):
    frames = blobs()
    book, report = fit_codebook(frames.copy(), ClusterConfig(k=3, normalize=normalize), seed=1)
    found = book.centroids * book.scale + book.mean
    assert np.abs(found[np.argsort(found @ [1, 2])] - [[0, 0], [30, 0], [0, 40]]).max() < 0.4
    assert report["smallest"] == 200 and report["dead"] == 0
    assert report["perplexity"] == pytest.approx(3)
    assert report["inertia"] == pytest.approx(reference.inertia(book.normalize(frames), book.centroids), 1e-4)


@settings(max_examples=10)
@given(SEEDS)
def test_clusters_are_as_tight_as_those_of_textbook_k_means(seed):
    frames = np.random.default_rng(seed).standard_normal((300, 2)).astype(np.float32)
    book, report = fit_codebook(frames.copy(), ClusterConfig(k=8, nredo=8), seed)
    points = book.normalize(frames)
    starts = [points[plus_plus(points, 8, np.random.default_rng(seed + n))] for n in range(3)]
    others = [reference.inertia(points, reference.lloyd(points, start, 15)) for start in starts]
    assert report["inertia"] < 1.1 * np.median(others)


def test_more_starts_and_more_iterations_are_never_worse():
    frames = np.random.default_rng(3).standard_normal((3000, 4)).astype(np.float32)
    inertias = [
        fit_codebook(frames.copy(), ClusterConfig(k=40, niter=niter, nredo=nredo), 0)[1]["inertia"]
        for niter, nredo in ((1, 1), (30, 1), (30, 4))
    ]
    assert inertias == sorted(inertias, reverse=True)


def test_starting_points_lie_apart():
    points = blobs(centres=[(x, y) for x in (0, 50, 100) for y in (0, 50, 100)])
    chosen = points[plus_plus(points, 9, np.random.default_rng(0))]
    assert len(np.unique(np.round(chosen / 50), axis=0)) == 9


def test_blobs_are_found_in_many_dimensions_too():
    centres = 10 * np.random.default_rng(0).standard_normal((30, 300))
    _, report = fit_codebook(blobs(size=50, centres=centres), ClusterConfig(k=30, niter=2), 0)
    assert (report["smallest"], report["perplexity"]) == (50, pytest.approx(30))


def test_no_cluster_is_dead_where_there_are_points_enough():
    frames = np.repeat(np.arange(40, dtype=np.float32) ** 2, 50)[:, None]
    _, report = fit_codebook(frames, ClusterConfig(k=40, niter=5), 0)
    assert (report["dead"], report["smallest"]) == (0, 50)


def test_frames_all_alike_leave_dead_clusters_and_say_so():
    _, report = fit_codebook(np.ones((100, 3), np.float32), ClusterConfig(k=4), 0)
    assert (report["dead"], report["smallest"], report["inertia"]) == (3, 0, 0.0)


def test_fewer_frames_than_clusters_are_refused():
    with pytest.raises(InputError, match="3 frames are too few for 4 clusters"):
        fit_codebook(np.ones((3, 2), np.float32), ClusterConfig(k=4))


def test_a_speaker_of_few_words_weighs_as_much_as_one_of_many():
    random = np.random.default_rng(0)
    many, few = random.normal(0, 1, (5000, 1)), random.normal(8, 1, (50, 1))
    frames = np.concatenate([many, few]).astype(np.float32)
    weights = group_weights(np.repeat([0, 1], [5000, 50]))
    assert weights[:5000].sum() == pytest.approx(weights[5000:].sum())
    plain, _ = fit_codebook(frames.copy(), ClusterConfig(k=10), 0)
    fair, report = fit_codebook(frames.copy(), ClusterConfig(k=10), 0, weights=weights)
    near_few = [int((book.centroids[:, 0] * book.scale + book.mean > 4).sum()) for book in (plain, fair)]
    assert near_few[0] < near_few[1] and 4 <= near_few[1] <= 6
    assert fair.mean[0] == pytest.approx(4, abs=0.1) and report["perplexity"] > 7


def test_whitened_frames_are_uncorrelated_and_of_one_variance():
    random = np.random.default_rng(0)
    frames = (random.standard_normal((4000, 3)) @ random.standard_normal((3, 3)) + 5).astype(np.float32)
    book, _ = fit_codebook(frames.copy(), ClusterConfig(k=2, whiten=1.0))
    assert np.allclose(np.cov(book.normalize(frames).T), np.eye(3), atol=0.01)
    half, _ = fit_codebook(frames.copy(), ClusterConfig(k=2, whiten=0.5))
    values = np.linalg.eigvalsh(np.corrcoef(frames.T))
    assert np.allclose(np.linalg.eigvalsh(np.cov(half.normalize(frames).T)), np.sqrt(values), atol=0.01)


@given(SEEDS, st.integers(1, 12), st.sampled_from([1, 3, 5]))
def test_normalising_is_what_its_formula_says(seed, length, context):
    random = np.random.default_rng(seed)
    frames, mean = random.standard_normal((length, 2)), random.standard_normal(2)
    projection = random.standard_normal((2 * context, 3))
    arrays = [np.float32(array) for array in (np.zeros((4, 3)), mean, [2.0, 3.0])]
    book = Codebook(*arrays, projection=np.float32(projection))
    expected = reference.normalize(frames, mean, np.array([2.0, 3.0]), context, projection)
    assert np.allclose(book.normalize(np.float32(frames)), expected, atol=1e-4)


def test_frames_in_the_sample_are_normalised_as_those_to_come():
    random = np.random.default_rng(0)
    records = [random.standard_normal((length, 2)).astype(np.float32) for length in (9000, 50, 7)]
    config = ClusterConfig(k=4, context=3, whiten=0.7)
    sample = Reservoir(10**5, 0, 3)
    for record in records:
        sample.add(record)
    book, _ = fit_codebook(sample.frames(), config)
    expected = np.concatenate([book.normalize(record) for record in records])
    assert np.allclose(sample.frames(), expected, atol=1e-4)


@pytest.mark.parametrize("fields", [{}, {"projection": np.ones((6, 2), np.float32)}])
def test_a_codebook_is_read_as_it_was_written(tmp_path, fields):
    arrays = [np.float32(array) for array in ([[1, 2], [3, 4]], [0, 5], [1, 2])]
    book = Codebook(*arrays, "mms-300m:14 ñ", **fields)
    (tmp_path / "book.npz").write_bytes(written(book))
    read = load_codebook(tmp_path / "book.npz")
    assert (read.hash, read.encoder, read.context) == (book.hash, book.encoder, book.context)
    assert all(np.array_equal(array, book.arrays()[name]) for name, array in read.arrays().items())
    with np.load(tmp_path / "book.npz") as npz:
        assert str(npz["encoder"]) == book.encoder and npz["centroids"].dtype == np.float32


def test_a_bare_array_is_a_codebook_too(tmp_path):
    np.save(tmp_path / "book.npy", np.array([[1.0, 2.0], [3.0, 4.0]]))
    book = load_codebook(tmp_path / "book.npy")
    assert assign(book.normalize(np.float32([[3, 3]])), book.centroids).tolist() == [1]
    assert book.encoder == ""


def test_every_part_of_a_codebook_is_in_its_hash():
    base = {"centroids": np.ones((2, 2)), "mean": np.zeros(2), "scale": np.ones(2), "encoder": "a"}
    changes = [{}, {"centroids": np.zeros((2, 2))}, {"mean": np.ones(2)}, {"scale": np.array([1, 2])}]
    changes += [{"encoder": "b"}, {"projection": np.eye(2)}]
    assert len({Codebook(**{**base, **change}).hash for change in changes}) == 6


class Trap:
    def __reduce__(self):
        return os.mkdir, ("sprung",)


def parts(**changes):
    arrays = {"centroids": np.ones((2, 2)), "mean": np.zeros(2), "scale": np.ones(2), "encoder": "a"}
    arrays = {name: array for name, array in {**arrays, **changes}.items() if array is not None}
    return {
        f"{name}.npy": array if isinstance(array, bytes) else npy(array) for name, array in arrays.items()
    }


def lying_header(shape):
    return npy(np.zeros((1, 1))).replace(b"(1, 1), }" + b" " * (len(shape) - 6), f"{shape}, }}".encode())


HOSTILE = {
    "empty": b"",
    "text": b"not a codebook\n",
    "a pickle": pickle.dumps(Trap()),
    "a pickled array": npy(np.array([Trap()], object), allow_pickle=True),
    "an archive with a pickled array": archive(
        parts(mean=npy(np.array([Trap()], object), allow_pickle=True))
    ),
    "an archive with a pickle": archive(parts(encoder=pickle.dumps(Trap()))),
    "a shape that lies": lying_header("(1000000000, 1000000)"),
    "a negative shape": lying_header("(-1, -1)"),
    "a bomb": archive(parts(centroids=bytes(600 << 20)), zipfile.ZIP_DEFLATED),
    "an unknown compression": archive(parts(), zipfile.ZIP_DEFLATED)
    .replace(b"PK\x03\x04\x14\x00\x00\x00\x08", b"PK\x03\x04\x14\x00\x00\x00\x63")
    .replace(b"\x14\x00\x00\x00\x08\x00", b"\x14\x00\x00\x00\x63\x00"),
    "many arrays": archive({str(i): b"" for i in range(100)}),
    "no mean": archive(parts(mean=None)),
    "no encoder": archive(parts(encoder=None)),
    "an encoder that is a number": archive(parts(encoder=np.array(3.0))),
    "an encoder that is no text": archive(
        parts(encoder=npy(np.array("a")).replace(b"a\0\0\0", b"\0\xd8\0\0"))
    ),
    "whole numbers": npy(np.ones((2, 2), int)),
    "one dimension": npy(np.ones(3)),
    "three dimensions": npy(np.ones((2, 2, 2))),
    "no centroids": npy(np.ones((0, 3))),
    "NaN": npy(np.array([[1.0, np.nan]])),
    "more than float32 holds": npy(np.array([[1e300]])),
    "a scale of nothing": archive(parts(scale=np.zeros(2))),
    "a mean too long": archive(parts(mean=np.zeros(3))),
    "a projection to elsewhere": archive(parts(projection=np.ones((2, 3)))),
    "a window without a middle": archive(parts(projection=np.ones((4, 2)))),
    "a projection of one row": archive(parts(projection=np.ones(2))),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_codebook_is_refused_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book").write_bytes(HOSTILE[name])
    with pytest.raises(InputError, match=r"^book: not a codebook \(.+\)$"):
        load_codebook("book")
    assert os.listdir(tmp_path) == ["book"]


def test_a_codebook_that_is_not_there_or_without_end_is_refused(tmp_path):
    for path, reason in ((tmp_path / "none", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=reason):
            load_codebook(path)
    with pytest.raises(InputError, match="not a regular file"):
        load_codebook("/dev/zero")


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_codebook_is_refused_or_read(tmp_path_factory, data):
    compression = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
    content = bytearray(data.draw(st.sampled_from([archive(parts(), compression), npy(np.ones((2, 3)))])))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )
    try:
        assert np.isfinite(load_codebook(path).centroids).all()
    except InputError as error:
        assert str(error).startswith(f"{path}: not a codebook (") and "\n" not in str(error)


def stream(**fields):
    out = io.BytesIO()
    for i, frames in enumerate(np.split(blobs(size=300), [200, 210])):
        record = {"id": str(i), "features": "-", "encoder": "test", "speaker": "ab"[i % 2], **fields}
        write_record(Record(record, array=frames), out)
    return out.getvalue()


@pytest.mark.parametrize("options", [[], ["--whiten", "0.7", "--context", "3", "--weight-by", "speaker"]])
def test_the_same_frames_and_seed_make_the_same_bytes(run, tmp_path, options):
    reports = [
        run("su-cluster", "-k", "5", *options, "-o", tmp_path / name, stdin=stream()) for name in ("a", "b")
    ]
    assert [report.status for report in reports] == [0, 0] and reports[0].stdout == reports[1].stdout
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    said = json.loads(reports[0].stdout)
    assert (said["seen"], said["k"], said["encoder"], said["dead"]) == (900, 5, "test", 0)
    assert said["codebook"] == load_codebook(tmp_path / "a").hash


def test_the_number_of_threads_changes_nothing(tmp_path):
    code = (
        "import sys, numpy as np; from units.codebook.kmeans import fit_codebook\n"
        "from units.codebook.codebook import save_codebook\n"
        "from units.config import ClusterConfig; random = np.random.default_rng(0)\n"
        "frames = random.standard_normal((20000, 40)).cumsum(axis=1).astype('f')\n"
        "book, _ = fit_codebook(frames, ClusterConfig(k=50, niter=5, whiten=0.5), 0)\n"
        "save_codebook(book, open(sys.argv[1], 'wb'))"
    )
    for threads in "12":
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        command = [sys.executable, "-c", code, tmp_path / threads]
        subprocess.run(command, env=environment, cwd=ROOT, check=True)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_frames_of_two_encoders_are_refused_in_one_line(run, tmp_path):
    given_ = stream() + stream(encoder="other")
    result = run("su-cluster", "-k", "5", "-o", tmp_path / "a", stdin=given_)
    assert result.stderr == "su-cluster: -:4: these frames come from other, but earlier ones from test\n"
    assert result.status == 1 and not (tmp_path / "a").exists()


def test_a_window_without_a_middle_is_refused(run, tmp_path):
    assert run("su-cluster", "--context", "4", "-o", tmp_path / "a").status == 2


def test_fields_of_any_name_can_weigh_and_one_that_is_missing_is_named(run, tmp_path):
    frames = stream(language="sw")
    options = {"-k": "5", "-o": tmp_path / "book"}
    words = [word for option in options.items() for word in option]
    one_group = run("su-cluster", *words, "--weight-by", "language", stdin=frames).records[0]
    by_speaker = run("su-cluster", *words, "--weight-by", "speaker", stdin=frames).records[0]
    plain = run("su-cluster", *words, stdin=frames).records[0]
    assert one_group["inertia"] == pytest.approx(plain["inertia"], rel=1e-3)
    assert by_speaker["codebook"] != one_group["codebook"]
    missing = run("su-cluster", "--weight-by", "dialect", "-o", tmp_path / "none", stdin=frames)
    assert missing.status == 1 and missing.stderr == 'su-cluster: -:1: no "dialect"\n'
    assert not (tmp_path / "none").exists()
