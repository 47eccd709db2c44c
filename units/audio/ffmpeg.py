"""FFmpeg's libraries as PyAV brings them: files opened as files, and frames as arrays.

A name is never taken for an address or a pattern, and a playlist never for a recording: it could name other
files, and these others still.
"""

import contextlib
import os

import av
import numpy as np

from units.records import InputError, warn

FFmpegError = av.FFmpegError
_DELAY_SECONDS = 0.06
_DEMUXERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dss,eac3,flac,flv,gsm,loas,matroska,webm,"
    "mov,mp4,m4a,3gp,3g2,mj2,mp3,mpc,mpc8,mpeg,mpegts,nut,ogg,qcp,rm,tta,voc,w64,wav,wv,xwma"
)
_OPTIONS = {
    "format_whitelist": _DEMUXERS,
    "protocol_whitelist": "file",
    "indexmem": str(
        1 << 26
    ),  # bytes: the places of all frames of 20 hours of MP3; with less, seeks come out far away
}


def open_container(path):
    """Return the open container of a file; raise FFmpegError if FFmpeg does not read it."""
    return av.open(f"file:{path}", options=_OPTIONS)


def first_frame(path):
    """Return the first frame of a file's sound that can be decoded: a header may be wrong, a frame is not.

    Raises InputError if there is no sound track. The first of several is used, with a warning.
    """
    if os.path.getsize(path) == 0:
        raise InputError(f"{path}: the file is empty")
    try:
        with open_container(path) as container:
            tracks = container.streams.audio
            if not tracks:
                raise InputError(f"{path}: no sound in this file")
            if tracks[0].codec_context is None:
                raise InputError(f"{path}: its sound is in a format that cannot be decoded")
            frame = _first_frame(container, tracks[0])
            _warn_of_delay(path, container, tracks[0])
    except av.FFmpegError as error:
        raise InputError(f"{path}: {_reason(path, error)}") from None
    if frame is None:
        raise InputError(f"{path}: cut short or damaged: none of its sound can be decoded")
    if len(tracks) > 1:
        warn(f"{path}: holds {len(tracks)} sound tracks; the first is taken")
    return frame


def _first_frame(container, stream):
    with contextlib.suppress(IndexError):  # PyAV's, of a track that was not there when the file was opened
        for packet in container.demux(stream):
            with contextlib.suppress(av.FFmpegError):
                for frame in packet.decode():
                    return frame
    return None


def _warn_of_delay(path, container, stream):
    """Warn if the sound of a film begins after its pictures, from which other programs count."""
    if stream.start_time is None or container.start_time is None or len(container.streams) == 1:
        return
    delay = float(stream.start_time * stream.time_base) - container.start_time / av.time_base
    if delay > _DELAY_SECONDS:
        late = f"its sound begins {delay:.2f} s after its pictures"
        warn(f"{path}: {late}; times count from the beginning of the sound")


def _reason(path, error):
    """Return why FFmpeg cannot open a file, in words of its user."""
    with open(path, "rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return "cut short or damaged: the index of its sound (moov) cannot be read"
    if isinstance(error, OSError) and error.strerror and not isinstance(error, av.InvalidDataError):
        return f"not a recording in a known format ({error.strerror})"
    return "not a recording in a known format, or its header is damaged"


def undecoded_seconds(path):
    """Return how long the sound of a file is by its packets, not decoded; 0.0 if it is unknown."""
    with contextlib.suppress(av.FFmpegError), open_container(path) as container:
        stream = container.streams.audio[0]
        return float(sum(packet.duration or 0 for packet in container.demux(stream)) * stream.time_base)
    return 0.0


def floats(frame):
    """Return the samples of a frame as an array for each channel: (n,) float32, full scale 1."""
    if frame.format.name == "fltp":  # what most decoders give, and quicker than to_ndarray
        return [np.frombuffer(plane, np.float32, frame.samples) for plane in frame.planes]
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        return list((samples.astype(np.float32) - 128) / 128)
    if samples.dtype.kind == "i":
        return list((samples / float(1 << 8 * samples.dtype.itemsize - 1)).astype(np.float32))
    return list(samples.astype(np.float32, copy=False))
