"""Waveform to frames: (samples,) at 16 kHz in, (N, D) float32 out, one frame each 20 ms.

An encoder has a `name`, which says what made the frames (model, layer, normalisation), and a method
`encode(samples)`. Frame i stands for the samples [320 i, 320 i + 400).
"""

from units.records import InputError

# short name: (Hugging Face id, default layer)
MODELS = {
    "mms-300m": ("facebook/mms-300m", 14),
    "xlsr-53": ("facebook/wav2vec2-large-xlsr-53", 14),
    "mms-1b": ("facebook/mms-1b", 24),
    "hubert-base": ("facebook/hubert-base-ls960", 9),
    "wavlm-large": ("microsoft/wavlm-large", 14),
    "mhubert-147": ("utter-project/mHuBERT-147", 9),
}
DEFAULT_MODEL = "mms-300m"


def load(model=DEFAULT_MODEL, layer=None, device="auto"):
    """Return the encoder of that name: `mfcc`, a short name of MODELS, a Hugging Face id or a directory.

    layer: counted as transformers' `hidden_states` is, 0 the input of the first transformer layer; None is
    the model's default. Raises InputError where the model cannot be had or has no such layer.
    """
    if model == "mfcc":
        from units.encoders.mfcc import Mfcc

        return Mfcc(layer)
    from units.encoders.huggingface import HuggingFace

    name, default_layer = MODELS.get(model, (model, None))
    return HuggingFace(name, default_layer if layer is None else layer, device, short_name=model)


def named(name, device="auto"):
    """Return the encoder that has this `name`, as a codebook tells it: mfcc39, mms-300m:14, DIRECTORY:LAYER.

    Raises InputError where there is none.
    """
    if name == "mfcc39":
        return load("mfcc")
    model, _, layer = name.rpartition(":")
    if not model or not layer.isdecimal():
        raise InputError(f"no encoder is called {name!r}")
    return load(model, int(layer), device)
