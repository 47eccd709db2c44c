"""The time line that units, F0 and audio share: 16 kHz samples, and one frame every 20 ms."""

RATE = 16000  # Hz, of all audio inside
HOP = 320  # samples between frames: 20 ms
RECEPTIVE_FIELD = 400  # samples that one frame sees: 25 ms
FRAME_SHIFT = HOP / RATE  # s


def frame_count(samples):
    """Return how many frames that many samples at 16 kHz have, as wav2vec 2.0's convolutions count.

    >>> frame_count(399), frame_count(400), frame_count(16000)
    (0, 1, 49)
    """
    return max(0, (samples - RECEPTIVE_FIELD) // HOP + 1)
