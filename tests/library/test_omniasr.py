"""Omnilingual ASR: the encoder alone of every type of its models, and an older transformers."""

import json
from pathlib import Path

import numpy as np
import pytest
import transformers
from reference_encoders import DEPTH, KINDS, hidden_states, make, omniasr_config, random_model
from test_encoders import PART
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from units.encoders.models import MODELS, encoder_named, load_encoder
from units.records import InputError

pytestmark = pytest.mark.skipif("omniasr" not in KINDS, reason="needs transformers 5.24")
LLAMA = {"hidden_size": 24, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture(scope="module")
def ctc(tmp_path_factory):
    """The folder of a model with a CTC head."""
    return make("omniasr", tmp_path_factory.mktemp("ctc"))


def saved(model, folder):
    """Save a model without a preprocessor_config.json; return its folder."""
    model.save_pretrained(folder)
    return str(folder)


def test_the_encoder_is_the_same_with_a_ctc_head_or_alone(ctc, tmp_path):
    network = transformers.AutoModel.from_pretrained(ctc)
    alone = saved(network.audio_tower, tmp_path / "alone")
    headless = saved(network, tmp_path / "headless")
    expected = hidden_states(ctc, PART)[2]
    for folder in (ctc, alone, headless):
        np.testing.assert_allclose(
            load_encoder(folder, 2, dtype="fp32").encode(PART), expected, rtol=0, atol=1e-4
        )


def test_of_a_model_with_a_language_model_the_encoder_alone_is_built(tmp_path):
    config = transformers.OmniASRConfig(
        audio_config=omniasr_config().audio_config,
        text_config=transformers.LlamaConfig(**LLAMA, vocab_size=20),
        audio_token_id=19,
    )
    model = random_model(transformers.OmniASRForConditionalGeneration, config)
    encoder = load_encoder(saved(model, tmp_path / "llm"), 2, dtype="fp32")
    assert type(encoder._model) is transformers.OmniASRAudioModel
    alone = load_encoder(saved(model.model.audio_tower, tmp_path / "alone"), 2, dtype="fp32")
    np.testing.assert_array_equal(encoder.encode(PART), alone.encode(PART))


def test_the_default_layer_is_at_two_thirds_of_the_depth(ctc):
    assert load_encoder(ctc).layers == [round(DEPTH * 2 / 3)]
    assert [MODELS[name][1] for name in ("omni-300m", "omni-1b")] == [24 * 2 // 3, 48 * 2 // 3]


def test_the_short_name_and_the_layer_are_in_the_name_which_leads_back(ctc, monkeypatch):
    monkeypatch.setitem(MODELS, "omni-300m", (ctc, 2))
    encoder = load_encoder("omni-300m")
    assert encoder.name == "omni-300m:2"
    assert encoder_named("omni-300m:2").name == "omni-300m:2"


@pytest.mark.parametrize("loudness", [1e-3, 1.0])
def test_quiet_audio_is_normalised_as_the_model_was_trained(loudness, ctc):
    quiet = PART * np.float32(loudness)
    frames = load_encoder(ctc, 1, dtype="fp32").encode(quiet)
    np.testing.assert_allclose(frames, hidden_states(ctc, quiet)[1], rtol=0, atol=1e-4)


def test_the_settings_of_the_audio_are_also_found_in_processor_config(ctc, tmp_path, capsys):
    folder = Path(make("omniasr", tmp_path))
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").unlink()
    processor = {"feature_extractor": settings, "processor_class": "OmniASRCTCProcessor"}
    (folder / "processor_config.json").write_text(json.dumps(processor))
    np.testing.assert_array_equal(
        load_encoder(str(folder), 1).encode(PART), load_encoder(ctc, 1).encode(PART)
    )
    assert capsys.readouterr().err == ""


def test_sizes_of_the_encoder_are_checked_before_it_is_built(ctc, tmp_path):
    folder = Path(make("omniasr", tmp_path))
    config = json.loads((folder / "config.json").read_text())
    for name, value, complaint in (
        ("hidden_size", 1 << 40, "hidden_size must be at most 1048576"),
        ("num_hidden_layers", 1 << 19, "but the files have only"),
        ("num_hidden_layers", -1, "num_hidden_layers must be a whole number"),
        ("num_attention_heads", -1, "num_attention_heads must be a whole number"),
        ("model_type", "wav2vec2", "must be of the type omniasr_audio, not wav2vec2"),
        ("conv_stride", [5, 2, 2, 2, 2, 2, 1], "must be 400 samples every 320"),
    ):
        changed = {**config, "audio_config": {**config["audio_config"], name: value}}
        (folder / "config.json").write_text(json.dumps(changed))
        with pytest.raises(InputError, match=complaint):
            load_encoder(str(folder), "all")


def test_an_older_transformers_is_an_error_that_names_the_release(ctc, monkeypatch):
    monkeypatch.delitem(CONFIG_MAPPING._mapping, "omniasr_ctc")
    with pytest.raises(
        InputError, match=r"needs transformers 5\.24 or later, not [\d.]+; run pip install '[^']*'$"
    ):
        load_encoder(ctc)
