"""Slow plain versions, one frame after the other, that clustering and quantizing are held against."""

import itertools

import numpy as np


def nearest(frames, centroids):
    """Index of the nearest centroid of each frame; of equals the first."""
    return [
        min(
            range(len(centroids)),
            key=lambda k: sum((a - b) ** 2 for a, b in zip(frame, centroids[k], strict=True)),
        )
        for frame in frames.tolist()
    ]


def path_cost(units, frames, centroids, penalty):
    """What smoothing minimises."""
    distances = sum(float(np.square(f - centroids[u]).sum()) for f, u in zip(frames, units, strict=True))
    return distances + penalty * sum(a != b for a, b in itertools.pairwise(units))


def least_cost(frames, centroids, penalty):
    """The least cost over all sequences of units there are."""
    sequences = itertools.product(range(len(centroids)), repeat=len(frames))
    return min(path_cost(units, frames, centroids, penalty) for units in sequences)


def reservoir(frames, size, random):
    """Vitter's algorithm R, a frame at a time."""
    sample = []
    for seen, frame in enumerate(frames):
        if seen < size:
            sample.append(frame)
            continue
        slot = random.integers(0, seen + 1)
        if slot < size:
            sample[slot] = frame
    return np.array(sample)


def normalize(frames, mean, scale, context, projection):
    """Each frame between its neighbours, the outermost repeated at an edge, all normalised and projected."""
    rows = []
    for i in range(len(frames)):
        near = [min(max(i + j, 0), len(frames) - 1) for j in range(-(context // 2), context // 2 + 1)]
        rows.append(np.concatenate([(frames[j] - mean) / scale for j in near]) @ projection)
    return np.array(rows)


def inertia(points, centroids):
    """Mean squared distance of points to their nearest centroid."""
    return float(np.mean([np.square(point - centroids).sum(axis=1).min() for point in points]))


def lloyd(points, centroids, niter):
    """Textbook k-means; a centroid without points stays."""
    centroids = centroids.astype(float)
    for _ in range(niter):
        units = np.array([np.square(point - centroids).sum(axis=1).argmin() for point in points])
        for k in range(len(centroids)):
            if (units == k).any():
                centroids[k] = points[units == k].mean(axis=0)
    return centroids
