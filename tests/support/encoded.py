"""Audio files of every common codec, made with the encoders that come with PyAV."""

import fractions
import io
import os
import tempfile

import av
import numpy as np
import soundfile

# name: (container, codec, rates in Hz, codec options, container options)
MP3 = {
    **{f"mp3 -q:a {q}": ("mp3", "libmp3lame", 44100, {"quality": q}, {}) for q in (0, 4, 6, 9)},
    **{f"mp3 {b} kbit/s": ("mp3", "libmp3lame", 44100, {"b": b * 1000}, {}) for b in (32, 64, 128, 320)},
    "mp3 abr": ("mp3", "libmp3lame", 48000, {"b": 96000, "abr": 1}, {}),
    "mp3 left and right": ("mp3", "libmp3lame", 48000, {"b": 128000, "joint_stereo": 0}, {}),
    "mp3 no header": ("mp3", "libmp3lame", 22050, {"quality": 9}, {"write_xing": "0"}),
    "mp3 no header, constant": ("mp3", "libmp3lame", 32000, {"b": 64000}, {"write_xing": "0"}),
    **{
        f"mp3 {r} Hz": ("mp3", "libmp3lame", r, {"quality": 6}, {})
        for r in (8000, 11025, 12000, 16000, 24000)
    },
}
OTHERS = {
    "mp2": ("mp2", "mp2", 32000, {"b": 128000}, {}),
    "vorbis ogg": ("ogg", "vorbis", 44100, {"strict": "experimental"}, {}),
    "opus": ("ogg", "libopus", 48000, {"b": 32000}, {}),
    "opus voice": ("ogg", "libopus", 16000, {"b": 16000, "application": "voip"}, {}),
    "mkv mp3": ("matroska", "libmp3lame", 44100, {"quality": 4}, {}),
    "avi pcm": ("avi", "pcm_s16le", 16000, {}, {}),
    "webm opus": ("webm", "libopus", 48000, {"b": 48000}, {}),
    "m4a aac": ("ipod", "aac", 44100, {"b": 64000}, {"movflags": "+faststart"}),
    "mp4 aac in pieces": ("mp4", "aac", 16000, {"b": 32000}, {"movflags": "frag_keyframe+empty_moov"}),
    "adts aac": ("adts", "aac", 22050, {"b": 48000}, {}),
    "m4a alac": ("ipod", "alac", 44100, {}, {"movflags": "+faststart"}),
    "3gp amr": ("3gp", "libopencore_amrnb", 8000, {"b": 12200}, {}),
    "amr": ("amr", "libopencore_amrnb", 8000, {"b": 7950}, {}),
    "wma": ("asf", "wmav2", 44100, {"b": 64000}, {}),
    "wavpack": ("wv", "wavpack", 48000, {}, {}),
    "tta": ("tta", "tta", 44100, {}, {}),
    "flac": ("flac", "flac", 44100, {}, {}),
    "ogg flac": ("ogg", "flac", 16000, {}, {}),
    "wav ima adpcm": ("wav", "adpcm_ima_wav", 22050, {}, {}),
    "wav ms adpcm": ("wav", "adpcm_ms", 11025, {}, {}),
    "wav mu-law": ("wav", "pcm_mulaw", 8000, {}, {}),
    "au g722": ("wav", "g722", 16000, {}, {}),
}


def _can_encode(codec):
    try:
        return bool(av.Codec(codec, "w"))
    except av.codec.codec.UnknownCodecError:
        return False


# PyAV 19 reads AMR, but no longer writes it
OTHERS = {name: kind for name, kind in OTHERS.items() if _can_encode(kind[1])}
SUBTYPES = {"wav": "PCM_16", "wav 24 bit": "PCM_24", "wav float": "FLOAT", "gsm": "GSM610", "g721": "G721_32"}


def encode(samples, rate, kind):
    """Return the bytes of a file of a kind of MP3 or OTHERS; samples: (n,) or (n, 2) float at `rate` Hz.

    AMR, G.722 and MPEG layers at low bit rates take one channel.
    """
    container, codec, _, options, more = {**MP3, **OTHERS}[kind]
    samples = np.asarray(samples, np.float32).reshape(len(samples), -1)
    mono = codec in ("libopencore_amrnb", "g722") or options.get("b", 64000) <= 32000
    samples = samples[:, :1] if mono else samples
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a")
        with av.open(path, "w", format=container, container_options=more) as out:
            _write(out, codec, options, samples, rate)
        with open(path, "rb") as file:
            return file.read()


def _write(out, codec, options, samples, rate):
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    stream = out.add_stream(codec, rate=rate, layout=layout)
    settings = dict(options)
    if "quality" in settings:
        stream.codec_context.flags |= 2  # AV_CODEC_FLAG_QSCALE
        settings["global_quality"] = settings.pop("quality") * 118  # FF_QP2LAMBDA
    stream.codec_context.options = {name: str(value) for name, value in settings.items()}
    for start in range(0, len(samples), rate):
        part = np.ascontiguousarray(samples[start : start + rate].T)
        frame = av.AudioFrame.from_ndarray(part, "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, fractions.Fraction(1, rate)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def pcm(samples, rate, subtype):
    """Return the bytes of a WAV file, or of an AU file for G.721, with samples of a subtype of libsndfile."""
    file = io.BytesIO()
    container = "AU" if subtype.startswith("G72") else "WAV"
    samples = samples[:, 0] if subtype in ("GSM610", "G721_32") and samples.ndim > 1 else samples
    soundfile.write(file, samples, rate, format=container, subtype=subtype)
    return file.getvalue()
