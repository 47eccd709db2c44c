"""Small random models of each kind, and their hidden states: by hooks, and as transformers reports them."""

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
_WAV2VEC = {
    "mms": ("Wav2Vec2", {**_SMALL, **_LARGE}, True),
    "wav2vec2-base": ("Wav2Vec2", _SMALL, True),
    "wav2vec2-raw": ("Wav2Vec2", _SMALL, False),
    "hubert-base": ("Hubert", _SMALL, True),
    "hubert-large": ("Hubert", {**_SMALL, **_LARGE}, True),
    "wavlm-base": ("WavLM", _SMALL, False),
    "wavlm-large": ("WavLM", {**_SMALL, **_LARGE}, True),
    "unispeech": ("UniSpeech", _SMALL, True),
    "unispeech-large": ("UniSpeech", {**_SMALL, **_LARGE}, True),
    "unispeech-sat": ("UniSpeechSat", _SMALL, True),
    "unispeech-sat-large": ("UniSpeechSat", {**_SMALL, **_LARGE}, True),
}
KINDS = [*_WAV2VEC, "w2v-bert", "whisper"]
KINDS += ["omniasr"] if hasattr(transformers, "OmniASRForCTC") else []  # transformers before 5.24


def make(kind, folder):
    """Save a random model of a kind, with its decoder or CTC head, as transformers does; return its path."""
    if kind == "whisper":
        config = transformers.WhisperConfig(**_WHISPER)
        model = random_model(transformers.WhisperForConditionalGeneration, config)
        extractor = transformers.WhisperFeatureExtractor(feature_size=config.num_mel_bins)
    elif kind == "w2v-bert":
        model = random_model(transformers.Wav2Vec2BertModel, transformers.Wav2Vec2BertConfig(**_BERT))
        extractor = transformers.SeamlessM4TFeatureExtractor()
    elif kind == "omniasr":
        model = random_model(transformers.OmniASRForCTC, omniasr_config())
        extractor = transformers.OmniASRFeatureExtractor()
    else:
        name, settings, normalize = _WAV2VEC[kind]
        config = getattr(transformers, f"{name}Config")(**settings)
        model = random_model(getattr(transformers, f"{name}Model"), config)
        extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalize)
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return str(folder)


def omniasr_config():
    """The config of a small Omnilingual ASR with a CTC head."""
    shape = {name: size for name, size in _SMALL.items() if name != "vocab_size"}
    return transformers.OmniASRCTCConfig(audio_config=transformers.OmniASRAudioConfig(**shape), vocab_size=10)


def random_model(kind, config):
    """Make a model whose every weight, those of norms too, has a value that shows if it is left out."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = kind(config)
        for weight in model.parameters():
            weight.data += 0.05 * torch.randn(weight.shape)
    return model.eval()


def network_of(path):
    """Return (the network that encodes, the part of it that holds `layers`) of a saved model."""
    model = transformers.AutoModel.from_pretrained(path).eval()
    if model.config.model_type == "whisper":
        return model.encoder, model.encoder
    if model.config.model_type == "omniasr_ctc":
        return model.audio_tower, model.audio_tower
    return model, model.encoder


def run(path, network, samples, **options):
    """Return the output of a network for (S,) samples at 16 kHz, prepared as its files say, in one pass."""
    extractor = transformers.AutoFeatureExtractor.from_pretrained(path)
    inputs = extractor(samples, sampling_rate=16000, return_tensors="pt")
    with torch.inference_mode():
        return network(inputs[network.main_input_name], **options)


def hidden_states(path, samples):
    """Return the (DEPTH + 1, N, D) input of the first layer and outputs of all layers, by hooks alone."""
    network, part = network_of(path)
    states = []
    part.layers[0].register_forward_pre_hook(lambda _layer, args: states.append(args[0]))
    for layer in part.layers:
        layer.register_forward_hook(lambda _layer, _args, output: states.append(first(output)))
    run(path, network, samples)
    return np.stack([state[0].numpy() for state in states])


def first(output):
    """Return the hidden states in what a layer, or a part of one, returns."""
    return output[0] if isinstance(output, tuple) else output
