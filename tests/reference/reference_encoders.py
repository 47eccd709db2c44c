"""Small random models of each kind, and their hidden states as transformers itself gives them."""

import numpy as np
import torch
import transformers

torch.set_num_threads(1)  # models this small are slower on several
DEPTH = 3
_SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "vocab_size": 10,
}
_LARGE = {
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
}  # as MMS and XLS-R are
_WHISPER = {
    "d_model": 32,
    "encoder_layers": DEPTH,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "vocab_size": 60,
    "num_mel_bins": 40,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}

_BERT = {
    "hidden_size": 32,
    "num_hidden_layers": DEPTH,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": 10,
    "add_adapter": True,
    "output_hidden_size": 32,
}

# name: (class, config, whether its preprocessor normalises)
KINDS = {
    "mms": ("Wav2Vec2", {**_SMALL, **_LARGE}, True),
    "wav2vec2-base": ("Wav2Vec2", _SMALL, True),
    "wav2vec2-raw": ("Wav2Vec2", _SMALL, False),
    "hubert-base": ("Hubert", _SMALL, True),
    "hubert-large": ("Hubert", {**_SMALL, **_LARGE}, True),
    "wavlm-base": ("WavLM", _SMALL, False),
    "wavlm-large": ("WavLM", {**_SMALL, **_LARGE}, True),
    "unispeech-sat": ("UniSpeechSat", _SMALL, True),
}


def make(kind, folder):
    """Save a random model of a kind to a folder, as transformers saves models; return its path."""
    name, settings, normalize = KINDS[kind]
    model = _random(getattr(transformers, f"{name}Model"), getattr(transformers, f"{name}Config")(**settings))
    model.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=normalize).save_pretrained(folder)
    return str(folder)


def make_whisper(folder):
    """Save a random Whisper, decoder and all; return its path."""
    config = transformers.WhisperConfig(**_WHISPER)
    _random(transformers.WhisperForConditionalGeneration, config).save_pretrained(folder)
    return str(folder)


def make_bert(folder):
    """Save a random model of the kind of w2v-BERT 2.0; return its path."""
    config = transformers.Wav2Vec2BertConfig(**_BERT)
    _random(transformers.Wav2Vec2BertModel, config).save_pretrained(folder)
    transformers.SeamlessM4TFeatureExtractor().save_pretrained(folder)
    return str(folder)


def _random(kind, config):
    """Make a model whose every weight, those of norms too, has a value that shows where it is left out."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = kind(config)
        for weight in model.parameters():
            weight.data += 0.05 * torch.randn(weight.shape)
    return model.eval()


def hidden_states(path, samples):
    """Return the (DEPTH + 1, N, D) hidden states of a model for (S,) samples at 16 kHz, in one pass.

    Of the last layer its raw output: transformers 4 and 5 differ in what stands last in `hidden_states`.
    """
    model = transformers.AutoModel.from_pretrained(path).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(path)
    values = extractor(samples, sampling_rate=16000, return_tensors="pt").input_values
    return _with_raw_last(model, model.encoder.layers[-1], values)


def bert_hidden_states(path, samples):
    """Return the (DEPTH + 1, N, D) hidden states of w2v-BERT 2.0, for an even number of bands."""
    model = transformers.Wav2Vec2BertModel.from_pretrained(path).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(path)
    values = extractor(samples, sampling_rate=16000, return_tensors="pt").input_features
    return _with_raw_last(model, model.encoder.layers[-1], values)


def whisper_hidden_states(path, window):
    """Return the (DEPTH + 1, 1500, D) hidden states of Whisper's encoder for a window of 30 s or less."""
    model = transformers.WhisperModel.from_pretrained(path).eval().encoder
    extractor = transformers.WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)
    values = extractor(window, sampling_rate=16000, return_tensors="pt").input_features
    return _with_raw_last(model, model.layers[-1], values)


def _with_raw_last(model, last_layer, values):
    raw = []
    last_layer.register_forward_hook(lambda _module, _args, output: raw.append(output))
    with torch.inference_mode():
        states = list(model(values, output_hidden_states=True).hidden_states)
    states[-1] = raw[0][0] if isinstance(raw[0], tuple) else raw[0]
    return np.stack([state[0].numpy() for state in states])
