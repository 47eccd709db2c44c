"""The time line that units, F0 and audio share: 16 kHz samples, and one frame every 20 ms."""

RATE = 16000  # Hz; all audio is resampled to it
HOP = 320  # samples between frames: 20 ms
RECEPTIVE_FIELD = 400  # samples that one frame depends on: 25 ms
FRAME_SHIFT = HOP / RATE  # s
CLIP_CONTEXT = 0.075  # s on both sides of a clip that a person listens to


def frame_count(samples):
    """Return the number of frames of a number of samples, as wav2vec 2.0's convolutions count them.

    >>> frame_count(399), frame_count(400), frame_count(16000)
    (0, 1, 49)
    """
    return max(0, (samples - RECEPTIVE_FIELD) // HOP + 1)
