"""Frames to codebook: k-means over a sample of a corpus. The only home of faiss."""

import numpy as np

from units.codebook.codebook import Codebook
from units.codebook.entropy import perplexity
from units.config import ClusterConfig
from units.records import InputError, warn

_BLOCK = 4096  # frames worked on at once, so that no second array of the size of the sample is held
_SUMMED = 256
_SMALL = 128  # frames per centroid on which starts are tried: many short tries beat a long one
_LEAST = 12_800  # frames, so that some of a rare speaker are among them
_SMALL_NITER = 8
_SMALL_BYTES = 1 << 28  # these frames take at most this, or an eighth of the sample
_SEED_POINTS = 40  # frames per centroid from which the first centroids are chosen
_REPAIRS = 3
_COVARIANCE_FRAMES = 200_000
_KEPT = 0.99  # of the variance


def fit_codebook(frames, config=ClusterConfig(), seed=0, encoder="", weights=None, device="auto"):
    """Return the Codebook of a sample of frames, and a report of it.

    frames: (N, context * D) float32, as `sampling.Reservoir` holds them; they are normalised IN PLACE,
    because a second copy of two million frames takes gigabytes. weights: (N,) float32 or None. device: "cpu",
    "cuda" (all GPUs), or "auto", which is "cuda" if faiss sees a GPU.

    The report has the inertia (mean squared distance of normalised frames to their centroids), the
    perplexity, the size of the smallest cluster and the number of dead ones. Raises InputError if there are
    fewer frames than clusters, or if faiss cannot use the device.
    """
    if len(frames) < config.k:
        raise InputError(f"{len(frames)} frames are too few for {config.k} clusters")
    gpu = uses_gpu(device)
    mean, scale, projection = _normalize(frames, config, weights)
    try:
        found = _centroids(frames, config, seed, weights, gpu)
    except RuntimeError as error:
        if not gpu:
            raise
        reason = " ".join(str(error).split())[:200]
        if device != "auto":
            raise InputError(f"--device {device}: faiss cannot use the GPUs: {reason}") from None
        warn(f"faiss cannot use the GPUs, so k-means runs on the CPU: {reason}")
        found = _centroids(frames, config, seed, weights, gpu=False)
    centroids, nearest, squared = found
    book = Codebook(centroids, mean, scale, encoder, projection)
    return book, _report(nearest, squared, config.k, weights)


def _centroids(frames, config, seed, weights, gpu):
    """Return the (K, D) centroids of normalised frames, and the nearest of each frame with its distance."""
    centroids = _start(frames, config, np.random.default_rng(seed), weights, gpu)
    centroids, _ = _lloyd(frames, centroids, config.niter, weights, gpu)
    return _repair(frames, centroids, weights, gpu)


def uses_gpu(device):
    """Return whether faiss is to use the GPUs. Raises InputError if it cannot use the given device."""
    import faiss

    seen = faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") else 0
    if device.startswith("cuda") and not seen:
        raise InputError(f"--device {device}: faiss sees no GPU (it needs faiss-gpu-cu12)")
    if device.startswith("cuda:"):
        number = device.removeprefix("cuda:")
        raise InputError(
            f"--device {device}: faiss uses all GPUs; "
            f"set CUDA_VISIBLE_DEVICES={number} and give --device cuda"
        )
    return device != "cpu" and seen > 0


def _normalize(frames, config, weights):
    """Normalise (N, context * D) frames in place; return the mean, scale and projection that do it."""
    size = frames.shape[1] // config.context
    side = config.context // 2 * size
    mean, deviation = _moments(frames[:, side : side + size], weights)
    # Without --normalize the mean is still removed: distances stay the same, and are more exact.
    scale = np.where(deviation > 1e-8, deviation, 1.0) if config.normalize else np.ones(size)
    mean, scale = mean.astype(np.float32), scale.astype(np.float32)
    for block in _blocks(frames):
        block -= np.tile(mean, config.context)
        block /= np.tile(scale, config.context)
    projection = _projection(frames, config.whiten, weights) if config.whiten or config.context > 1 else None
    if projection is not None:
        for block in _blocks(frames):
            block[:] = block.astype(np.float64) @ projection  # in float32 the last bits depend on the threads
    return mean, scale, projection


def _blocks(array):
    return (array[start : start + _BLOCK] for start in range(0, len(array), _BLOCK))


def _moments(frames, weights):
    """Return the weighted mean and standard deviation of each dimension, (D,) float64.

    Sums are numpy's own, in float32 over 256 frames and in float64 over these: sums in matrix products depend
    on the number of threads.
    """
    about = frames[:_SUMMED].mean(axis=0)
    total, first, second = 0.0, 0.0, 0.0
    for start in range(0, len(frames), _SUMMED):
        part = frames[start : start + _SUMMED] - about
        weight = None if weights is None else weights[start : start + _SUMMED, None]
        weighted = part if weight is None else part * weight
        total += len(part) if weight is None else float(weight.sum(dtype=np.float64))
        first = first + weighted.sum(axis=0).astype(np.float64)
        second = second + np.multiply(weighted, part, out=part).sum(axis=0).astype(np.float64)
    mean = first / total
    return about + mean, np.sqrt(np.maximum(second / total - np.square(mean), 0.0))


def _weighted(frames, weights):
    for start in range(0, len(frames), _BLOCK):
        block = frames[start : start + _BLOCK]
        some = np.ones(len(block)) if weights is None else weights[start : start + _BLOCK]
        yield block, some[:, None].astype(float)


def _projection(frames, power, weights):
    """Return the symmetric (R, R) float32 matrix that removes correlations: the covariance to the -power / 2.

    At power 1 all directions get the same weight (ZCA whitening), at 0 nothing changes. Directions that hold
    the last 1 % of the variance are left out: they are noise or sums of others. The matrix is symmetric, so
    it does not depend on the signs and the order of eigenvectors.
    """
    step = 1 + len(frames) // _COVARIANCE_FRAMES
    few = frames[::step], None if weights is None else weights[::step]
    mean, _ = _moments(*few)
    covariance = sum(((block - mean) * weight).T @ (block - mean) for block, weight in _weighted(*few))
    values, vectors = np.linalg.eigh(covariance / len(few[0]))
    kept = np.cumsum(values) > (1 - _KEPT) * values.sum()
    vectors, values = vectors[:, kept], values[kept]
    projection = (vectors * values ** (-power / 2)) @ vectors.T
    # The last bits depend on the number of threads, so they are rounded off.
    step = 2.0 ** (np.floor(np.log2(np.abs(projection).max(initial=1e-9))) - 18)
    return (np.round(projection / step) * step).astype(np.float32)


def _start(points, config, random, weights, gpu):
    """Return (K, R) centroids to start from: the best of config.nredo runs on some of the points."""
    most = max(len(points) // 8, _SMALL_BYTES // (4 * points.shape[1]))
    size = min(len(points), max(config.k, min(max(_SMALL * config.k, _LEAST), most)))
    chosen = random.choice(len(points), size, replace=False)
    few, weights = points[chosen], None if weights is None else weights[chosen]
    runs = [_run(few, config.k, random, weights, gpu) for _ in range(config.nredo)]
    return min(runs, key=lambda run: run[1])[0]


def _run(points, k, random, weights, gpu):
    some = random.permutation(len(points))[: max(_SEED_POINTS * k, _LEAST // 3)]
    seeds = some[plus_plus(points[some], k, random, None if weights is None else weights[some])]
    return _lloyd(points, points[seeds], _SMALL_NITER, weights, gpu)


def plus_plus(points, k, random, weights=None):
    """Return the indices of k points that lie far from each other, (K,) int64, by greedy k-means++.

    Candidates are drawn in proportion to their squared distance from the points chosen before; the one that
    lowers the sum of distances most is taken (Arthur & Vassilvitskii, SODA 2007).
    """
    trials = 2 + int(np.log(k))
    norms = np.square(points).sum(axis=1)
    share = None if weights is None else weights / weights.sum(dtype=np.float64)
    chosen = [int(random.choice(len(points), p=share))]
    squared = _squared(points, norms, chosen)[0]
    for _ in range(1, k):
        cumulated = np.cumsum(squared if weights is None else squared * weights, dtype=np.float64)
        drawn = np.searchsorted(cumulated, random.random(trials) * cumulated[-1], side="right")
        candidates = np.minimum(drawn, len(points) - 1)
        nearer = _squared(points, norms, candidates)
        np.minimum(squared, nearer, out=nearer)
        totals = nearer.sum(axis=1) if weights is None else (nearer * weights).sum(axis=1)
        best = int(totals.argmin())
        chosen.append(int(candidates[best]))
        squared = nearer[best]
    return np.array(chosen)


def _squared(points, norms, chosen):
    """Return the squared distances of some of the points to all, (len(chosen), N)."""
    squared = points[chosen] @ points.T
    squared *= -2.0
    squared += norms
    squared += norms[chosen][:, None]
    return np.maximum(squared, 0.0, out=squared)


def _lloyd(points, centroids, niter, weights, gpu):
    """Return the centroids after niter iterations over all points, and the sum of squares before the last.

    By default faiss silently samples 256 points per centroid; here it uses all. It gives half of a large
    cluster to one that loses all its points.
    """
    import faiss

    kmeans = faiss.Kmeans(
        points.shape[1],
        len(centroids),
        niter=niter,
        min_points_per_centroid=1,
        max_points_per_centroid=len(points),
        gpu=gpu,
    )
    kmeans.train(points, weights=weights, init_centroids=np.ascontiguousarray(centroids))
    return np.array(kmeans.centroids, np.float32), float(kmeans.obj[-1])


def _repair(points, centroids, weights, gpu):
    """Return centroids that all have points, if possible; the nearest of each point, and its distance.

    A dead centroid moves to the point that is furthest from its own centroid.
    """
    for left in reversed(range(_REPAIRS + 1)):
        nearest, squared = _nearest(points, centroids)
        dead = np.flatnonzero(np.bincount(nearest, minlength=len(centroids)) == 0)
        if not len(dead) or not left:
            break
        centroids[dead] = points[np.argsort(-squared, kind="stable")[: len(dead)]]
        if left > 1:  # the last time they stay on that point, so that they have one for certain
            centroids, _ = _lloyd(points, centroids, 1, weights, gpu)
    return centroids, nearest, squared


def _nearest(points, centroids):
    import faiss

    index = faiss.IndexFlatL2(points.shape[1])
    index.add(centroids)
    squared, nearest = index.search(points, 1)
    return nearest[:, 0], squared[:, 0]


def _report(nearest, squared, k, weights):
    sizes = np.bincount(nearest, minlength=k)
    mass = np.bincount(nearest, weights, minlength=k)
    return {
        "frames": len(nearest),
        "k": k,
        "inertia": float(np.average(squared.astype(np.float64), weights=weights)),
        "perplexity": perplexity(mass),
        "smallest": int(sizes.min()),
        "dead": int((sizes == 0).sum()),
    }
