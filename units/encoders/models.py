"""The encoders by name, and how to open each.

An encoder has a `name`, which says what made the frames (model, layer, normalisation), and a method
`encode(samples)`. Frame i covers the samples [320 i, 320 i + 400). Long recordings are encoded in overlapping
chunks, so memory is bounded; `units.encoders.stream` encodes many recordings in batches.
"""

from units.records import InputError

# short name: (Hugging Face id, default layer)
MODELS = {
    "omni-300m": ("hf-audio/omniasr-ctc-300m-v2", 16),
    "omni-1b": ("hf-audio/omniasr-ctc-1b-v2", 32),
    "mms-300m": ("facebook/mms-300m", 14),
    "xlsr-53": ("facebook/wav2vec2-large-xlsr-53", 14),
    "mms-1b": ("facebook/mms-1b", 24),
    "hubert-base": ("facebook/hubert-base-ls960", 9),
    "wavlm-large": ("microsoft/wavlm-large", 14),
    "mhubert-147": ("utter-project/mHuBERT-147", 9),
    "w2v-bert": ("facebook/w2v-bert-2.0", 14),
    "whisper-small": ("openai/whisper-small", 6),
    "whisper-large": ("openai/whisper-large-v3", 16),
}
FAMILY = ("wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat")  # model types of HuggingFace
OMNIASR = ("omniasr_ctc", "omniasr", "omniasr_audio")  # model types of OmniAsr
DEFAULT_MODEL = "small"
CHUNK_SECONDS = 30.0


def load_encoder(model=DEFAULT_MODEL, layer=None, device="auto", dtype="auto", chunk_seconds=CHUNK_SECONDS):
    """Return the encoder of that name: `mfcc`, `small`, one of MODELS, a Hugging Face id or a directory.

    A directory is one that su-train-encoder or transformers wrote. layer: a number, several, or "all",
    counted as in transformers' `hidden_states`: 0 is the input of the first transformer layer; None is the
    model's default. dtype: fp32, bf16 or auto. chunk_seconds: longer recordings are encoded in overlapping
    chunks of this length. Raises InputError if the model cannot be loaded or has no such layer.
    """
    if isinstance(layer, int):
        layer = [layer]
    if model == "mfcc":
        from units.encoders.mfcc import Mfcc

        return Mfcc(layer, chunk_seconds)
    from units.encoders.learned import SMALL, is_learned, open_learned, split_hash

    short = split_hash(model)[0]
    folder = SMALL if short == "small" else short
    if short == "small" or is_learned(folder):
        return open_learned(folder, model, layer, device, dtype, chunk_seconds)
    source, default = MODELS.get(model, (model, None))
    layers = [default] if layer is None and default is not None else layer
    return _open_pretrained(source, model, layers, device, dtype, chunk_seconds)


def encoder_named(name, device="auto"):
    """Return the encoder that has this `name`, as a codebook gives it: mfcc39, mms-300m:14, DIR@HASH:LAYER.

    Raises InputError if there is no such encoder.
    """
    if name == "mfcc39":
        return load_encoder("mfcc")
    model, _, layer = name.removesuffix(":raw").rpartition(":")
    if not model or not layer.isdecimal():
        raise InputError(f"unknown encoder {name!r}")
    return load_encoder(model, int(layer), device)


def _open_pretrained(source, short_name, layers, device, dtype, chunk_seconds):
    """Return the encoder for a Hugging Face id or a directory, by the kind of model that its config names.

    layers: several numbers, "all", or None for the layer at 0.6 of the depth (Omnilingual ASR: two thirds;
    Whisper: the middle).
    """
    from units.encoders.hub import fetch_config, import_transformers

    config = fetch_config(source)
    arguments = import_transformers(), source, config, short_name, layers, device, dtype
    if config.model_type == "whisper":
        from units.encoders.whisper import Whisper

        return Whisper(*arguments)
    if config.model_type == "wav2vec2-bert":
        from units.encoders.wav2vec2_bert import Wav2Vec2Bert

        return Wav2Vec2Bert(*arguments, chunk_seconds)
    if config.model_type in OMNIASR:
        from units.encoders.omniasr import OmniAsr

        return OmniAsr(*arguments, chunk_seconds)
    if config.model_type not in FAMILY:
        known = ", ".join((*FAMILY, "wav2vec2-bert", "omniasr_ctc", "whisper"))
        raise InputError(f"{source}: cannot use a {config.model_type} model; known types are {known}")
    from units.encoders.huggingface import HuggingFace

    return HuggingFace(*arguments, chunk_seconds)
