"""Frames to codebook: a seeded sample of the corpus, k-means over it. The only home of faiss."""

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from units.config import ClusterConfig
from units.records import InputError


@dataclass(frozen=True)
class Codebook:
    """K centroids, and what happens to a frame before it meets them.

    centroids: (K, D) float32, of frames normalised as (frame - mean) / scale; mean, scale: (D,) float32;
    encoder: what made the frames.
    """

    centroids: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    encoder: str = ""

    @cached_property
    def hash(self):
        """A short hash of the content, the same wherever the file lies."""
        digest = hashlib.sha256(self.encoder.encode())
        for array in (self.centroids, self.mean, self.scale):
            digest.update(np.ascontiguousarray(array, "<f4").tobytes())
        return digest.hexdigest()[:12]

    def normalize(self, frames):
        """Return (N, D) frames as the centroids expect them."""
        return (frames - self.mean) / self.scale


class Reservoir:
    """A uniform sample, of at most `size`, of all frames ever added: one pass, bounded memory.

    Vitter's algorithm R, a block at a time (ACM TOMS 11(1), 1985).
    """

    def __init__(self, size, seed):
        self.size, self.seen = size, 0
        self._random = np.random.default_rng(seed)
        self._frames = None

    def add(self, frames):
        """Add (N, D) frames; raises InputError where D is not that of the frames before."""
        if self._frames is None:
            self._frames = np.empty((0, frames.shape[1]), np.float32)
        if frames.shape[1] != self._frames.shape[1]:
            raise InputError(f"frames of {frames.shape[1]} dimensions after some of {self._frames.shape[1]}")
        room = max(0, min(len(frames), self.size - self.seen))
        if room:
            self._grow(self.seen + room)
            self._frames[self.seen : self.seen + room] = frames[:room]
        rest = frames[room:]
        slots = self._random.integers(0, self.seen + room + 1 + np.arange(len(rest)))
        kept = slots < self.size
        self._frames[slots[kept]] = rest[kept]
        self.seen += len(frames)

    def _grow(self, needed):
        if needed > len(self._frames):
            more = np.empty(
                (min(self.size, max(needed, 2 * len(self._frames))), self._frames.shape[1]), np.float32
            )
            more[: self.seen] = self._frames[: self.seen]
            self._frames = more

    def frames(self):
        """Return the (min(size, seen), D) float32 sample."""
        if self._frames is None:
            return np.empty((0, 0), np.float32)
        return self._frames[: min(self.size, self.seen)]


def fit(frames, config=ClusterConfig(), seed=0, encoder=""):
    """Return the Codebook of (N, D) float32 frames, and a report of it.

    Lloyd's k-means by faiss on all the frames given (unless told, faiss silently takes 256 a centroid). The
    report has inertia (mean squared distance), perplexity, the smallest cluster and the dead ones. Raises
    InputError where there are fewer frames than clusters.
    """
    import faiss

    if len(frames) < config.k:
        raise InputError(f"{len(frames)} frames are too few for {config.k} clusters")
    mean, scale = (
        _z_score(frames) if config.normalize else (np.zeros(frames.shape[1]), np.ones(frames.shape[1]))
    )
    book = Codebook(np.empty(0), np.float32(mean), np.float32(scale), encoder)
    points = np.ascontiguousarray(book.normalize(frames), np.float32)
    kmeans = faiss.Kmeans(
        points.shape[1],
        config.k,
        niter=config.niter,
        nredo=config.nredo,
        seed=seed,
        min_points_per_centroid=1,
        max_points_per_centroid=len(points),
        gpu=hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0,
    )
    kmeans.train(points)
    squared, nearest = kmeans.index.search(points, 1)
    book = Codebook(np.array(kmeans.centroids, np.float32), book.mean, book.scale, encoder)
    return book, _report(nearest[:, 0], squared[:, 0], config.k)


def _z_score(frames):
    scale = frames.std(axis=0, dtype=np.float64)
    return frames.mean(axis=0, dtype=np.float64), np.where(scale > 1e-8, scale, 1.0)


def _report(nearest, squared, k):
    sizes = np.bincount(nearest, minlength=k)
    share = sizes[sizes > 0] / sizes.sum()
    return {
        "frames": len(nearest),
        "k": k,
        "inertia": float(squared.mean(dtype=np.float64)),
        "perplexity": float(np.exp(-(share * np.log(share)).sum())),
        "smallest": int(sizes.min()),
        "dead": int((sizes == 0).sum()),
    }


def save_codebook(book, file):
    """Write a codebook to a binary file as .npz."""
    np.savez(file, centroids=book.centroids, mean=book.mean, scale=book.scale, encoder=np.array(book.encoder))


def load_codebook(path):
    """Return the Codebook in an .npz that su-cluster wrote, or of a bare (K, D) .npy.

    Raises InputError naming the file where it is neither, or where its arrays do not fit each other.
    """
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            centroids = np.asarray(content, np.float32)
            book = Codebook(centroids, np.zeros(centroids.shape[-1:]), np.ones(centroids.shape[-1:]))
        else:
            with content:
                book = Codebook(
                    *(np.asarray(content[name], np.float32) for name in ("centroids", "mean", "scale")),
                    encoder=str(content["encoder"]),
                )
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or 'not a codebook'}") from None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: not a codebook ({str(error).splitlines()[0] if str(error) else 'empty'})"
        ) from None
    if book.centroids.ndim != 2 or not len(book.centroids) or book.mean.shape != book.scale.shape:
        raise InputError(f"{path}: not a codebook of (K, D) centroids")
    if book.mean.shape != book.centroids.shape[1:] or not np.isfinite(book.centroids).all():
        raise InputError(f"{path}: not a codebook of finite (K, D) centroids")
    return book
