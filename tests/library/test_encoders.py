import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_encoders import DEPTH, KINDS, hidden_states, make
from safetensors.torch import load_file, save_file
from speechlike import recording

from units.audio.timing import frame_count
from units.codebook.quantize import assign
from units.encoders.chunks import chunks
from units.encoders.models import encoder_named, load_encoder
from units.encoders.stream import Encoding, encode
from units.encoders.transformer import choose_dtype
from units.encoders.utterance_norm import UtteranceNorm, mean_and_scale, window_moments
from units.records import InputError

RNG = np.random.default_rng(0)
SPEECH = recording([0.2, 2.5, 0.3, 1.7, 0.05]) + RNG.normal(0.02, 0.003, 76000).astype(np.float32)
PART = SPEECH[: 16000 * 2 + 137]
OMNIASR = [kind for kind in KINDS if kind == "omniasr"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The folder of each kind of model."""
    folder = tmp_path_factory.mktemp("models")
    return {kind: make(kind, folder / kind) for kind in KINDS}


@pytest.mark.parametrize("layer", range(DEPTH + 1))
@pytest.mark.parametrize("kind", ["mms", *OMNIASR])
def test_a_layer_is_the_same_alone_and_only_what_it_needs_is_built(kind, layer, models):
    encoder = load_encoder(models[kind], layer, dtype="fp32")
    assert len(getattr(encoder._model, "encoder", encoder._model).layers) == layer
    np.testing.assert_allclose(
        encoder.encode(PART), hidden_states(models[kind], PART)[layer], rtol=0, atol=1e-4
    )


def test_whisper_gives_the_middle_of_its_encoder_without_the_padding(models):
    whisper = models["whisper"]
    encoder = load_encoder(whisper, dtype="fp32")
    assert encoder.layers == [DEPTH // 2]
    frames = encoder.encode(PART)
    assert frames.shape == (frame_count(len(PART)), 32)
    expected = hidden_states(whisper, PART[200:])[DEPTH // 2, : len(frames)]
    np.testing.assert_allclose(frames, expected, rtol=0, atol=1e-4)


def test_whisper_goes_through_long_audio_window_by_window(models):
    whisper = models["whisper"]
    long = np.tile(SPEECH, 9)
    encoder = load_encoder(whisper, dtype="fp32")
    pieces = list(encoder.pieces(long))
    frames = encoder.encode(long)
    assert len(pieces) == 2 and len(frames) == frame_count(len(long))
    first = pieces[1].skip
    start = pieces[0].count - first
    window = hidden_states(whisper, long[start * 320 + 200 :][: 30 * 16000])[DEPTH // 2]
    np.testing.assert_allclose(
        frames[pieces[0].count :], window[first : first + pieces[1].count], rtol=0, atol=1e-4
    )


def test_frames_of_whisper_and_of_the_others_stand_for_the_same_samples(models):
    whisper = models["whisper"]
    click = np.zeros(16000, np.float32)
    click[320 * 25 + 200] = 1.0  # the middle of frame 25
    frames = load_encoder(whisper, 0, dtype="fp32").encode(click)
    quiet = load_encoder(whisper, 0, dtype="fp32").encode(np.zeros(16000, np.float32))
    assert np.abs(frames - quiet).sum(axis=1).argmax() == 25


def test_w2v_bert_has_as_many_frames_as_the_others(models):
    encoder = load_encoder(models["w2v-bert"], 1, dtype="fp32")
    for samples in (399, 400, 559, 560, 719, 720, 9999):
        assert len(encoder.encode(SPEECH[:samples])) == frame_count(samples)


@given(lengths=st.lists(st.integers(0, 30000), min_size=1, max_size=6), batch_seconds=st.integers(0, 8))
@settings(max_examples=6, deadline=None)
@pytest.mark.parametrize("kind", ["mms", "hubert-base", "wavlm-base", "w2v-bert", "whisper", *OMNIASR])
def test_units_do_not_depend_on_how_recordings_are_batched(kind, models, lengths, batch_seconds):
    encoder = _once(models[kind])
    recordings = [
        (Encoding({"id": str(i)}, frame_count(n)), SPEECH[i * 777 :][:n]) for i, n in enumerate(lengths)
    ]
    cut = [(recording_, encoder.pieces(samples)) for recording_, samples in recordings]
    batched = list(encode(cut, encoder, batch_seconds * 16000))
    assert [recording for recording, _ in batched] == [recording for recording, _ in recordings]
    centroids = RNG.choice(encoder.encode(SPEECH), 20, replace=False)
    for (_, block), (recording_, samples) in zip(batched, recordings, strict=True):
        if not recording_.frames:
            assert block is None
            continue
        alone = encoder.encode(samples)
        np.testing.assert_allclose(block[0], alone, rtol=0, atol=1e-4)
        assert (assign(block[0], centroids) == assign(alone, centroids)).mean() > 0.99


_LOADED = {}


def _once(path):
    if path not in _LOADED:
        _LOADED[path] = load_encoder(path, 2, dtype="fp32")
    return _LOADED[path]


def k_means(frames, k):
    """A few rounds of Lloyd's algorithm: units of chance centroids flicker as no others do."""
    centroids = RNG.choice(frames, k, replace=False)
    for _ in range(5):
        units = assign(frames, centroids)
        centroids = np.stack([frames[units == unit].mean(axis=0) for unit in np.unique(units)])
    return centroids


@pytest.mark.parametrize("kind", ["mms", "wav2vec2-base", *OMNIASR])
def test_units_of_chunks_are_those_of_one_pass(kind, models):
    long = np.tile(SPEECH, 6)
    whole, chunked = (
        load_encoder(models[kind], 2, dtype="fp32", chunk_seconds=s).encode(long) for s in (30, 16)
    )
    centroids = k_means(whole, 100)
    assert chunked.shape == whole.shape
    assert (assign(whole, centroids) == assign(chunked, centroids)).mean() >= 0.995


def test_mfcc_of_chunks_are_those_of_one_pass():
    long = np.tile(SPEECH, 5)
    np.testing.assert_allclose(
        load_encoder("mfcc", chunk_seconds=8).encode(long),
        load_encoder("mfcc").encode(long),
        rtol=0,
        atol=2e-3,
    )


@given(st.integers(0, 3000), st.integers(1, 500), st.integers(0, 100))
def test_chunks_keep_each_frame_once_with_a_margin_on_both_sides(frames, core, margin):
    plan = chunks(frames, core + 2 * margin, margin)
    kept = [
        i for chunk in plan for i in range(chunk.first + chunk.skip, chunk.first + chunk.skip + chunk.count)
    ]
    assert kept == list(range(frames))
    for chunk in plan:
        assert chunk.last - chunk.first <= core + 2 * margin
        assert chunk.skip == margin or chunk.first == 0
        assert chunk.last - (chunk.first + chunk.skip + chunk.count) == margin or chunk.last == frames


@given(st.integers(10, 4000), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_group_norm_from_moments_is_group_norm_over_the_recording(length, seed):
    rng = np.random.default_rng(seed)
    samples = rng.normal(0.1, 0.5, length).astype(np.float32)
    convolution, norm = torch.nn.Conv1d(1, 6, 10, stride=5, bias=True), torch.nn.GroupNorm(6, 6)
    ours = UtteranceNorm(convolution, norm)
    mean, scale = mean_and_scale(samples)
    with torch.inference_mode():
        filtered = convolution(torch.as_tensor((samples - mean) * scale, dtype=torch.float32)[None, None])
        ours.set([ours.moments(samples, mean, scale)], filtered)
        if filtered.shape[2] > 1:
            torch.testing.assert_close(ours(filtered), norm(filtered), rtol=1e-3, atol=1e-3)


def test_moments_of_windows_are_those_of_all_windows():
    samples = RNG.normal(0, 1, 1003).astype(np.float32)
    windows = np.stack([samples[i : i + 10] for i in range(0, 1003 - 9, 5)])
    mean, covariance = window_moments(samples, 10, 5)
    np.testing.assert_allclose(mean, windows.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(covariance, np.cov(windows.T, bias=True), atol=1e-6)


@pytest.mark.parametrize("model", ["mfcc", "mms", *OMNIASR])
def test_audio_shorter_than_a_frame_has_no_frames(model, models):
    encoder = load_encoder(models.get(model, model))
    assert encoder.encode(SPEECH[:399]).shape == (0, encoder.dimension)
    assert encoder.encode(SPEECH[:400]).shape == (1, encoder.dimension)


def test_digital_silence_has_finite_frames(models):
    for model in ("mfcc", *(models[kind] for kind in ("mms", "hubert-base", "whisper", *OMNIASR))):
        assert np.isfinite(load_encoder(model, dtype="fp32").encode(np.zeros(8000, np.float32))).all()


def test_bf16_is_close_to_fp32(models):
    whole, half = (load_encoder(models["mms"], 2, dtype=dtype).encode(PART) for dtype in ("fp32", "bf16"))
    assert half.dtype == np.float32
    assert np.linalg.norm(whole - half) < 0.05 * np.linalg.norm(whole)


def test_a_convolution_that_cpus_get_wrong_in_bf16_is_done_in_fp32(tmp_path):
    config = json.loads(Path(make("mms", tmp_path / "mms"), "config.json").read_text())
    import transformers

    few = {**config, "num_conv_pos_embedding_groups": 4}  # groups of 8 channels
    transformers.AutoModel.from_config(transformers.Wav2Vec2Config(**few)).save_pretrained(tmp_path / "few")
    whole, half = (
        load_encoder(str(tmp_path / "few"), 2, dtype=dtype).encode(PART) for dtype in ("fp32", "bf16")
    )
    assert np.linalg.norm(whole - half) < 0.05 * np.linalg.norm(whole)


def test_the_precision_wanted_is_had():
    cpu = torch.device("cpu")
    assert choose_dtype("bf16", cpu) == torch.bfloat16
    assert choose_dtype("fp32", cpu) == torch.float32
    assert choose_dtype("auto", cpu) in (torch.float32, torch.bfloat16)


def test_the_name_tells_layers_and_normalisation_apart_and_leads_back(models):
    encoder = load_encoder(models["mms"], [1, 3])
    assert encoder.names == [f"{models['mms']}:1", f"{models['mms']}:3"]
    raw = load_encoder(models["wav2vec2-raw"], 2).name
    assert raw == f"{models['wav2vec2-raw']}:2:raw"
    assert encoder_named(raw).name == raw
    assert encoder_named("mfcc39").name == "mfcc39"


def test_what_cannot_be_loaded_is_told_in_one_line(models, tmp_path):
    def complaint(*args, **options):
        with pytest.raises(InputError) as caught:
            load_encoder(*args, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "cannot be loaded" in complaint(str(tmp_path / "nowhere"))
    assert "cannot be loaded" in complaint(str(tmp_path))
    assert "layers 0 to 3, but no layer 4" in complaint(models["mms"], 4)
    assert "layers 0 to 3, but no layer 9" in complaint(models["whisper"], 9)
    assert "mfcc has no layers" in complaint("mfcc", 5)
    assert "has no such GPU" in complaint(models["mms"], device="cuda:99")
    assert "too short" in complaint(models["mms"], chunk_seconds=4)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert "a bert model" in complaint(str(tmp_path))
    with pytest.raises(InputError, match="unknown encoder"):
        encoder_named("mystery")


def test_a_model_of_another_frame_rate_is_refused(models, tmp_path):
    with open(f"{models['mms']}/config.json") as file:
        config = json.load(file)
    config["conv_stride"] = [5, 2, 2, 2, 2, 2, 1]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="must be 400 samples every 320, not 400 every 160"):
        load_encoder(str(tmp_path))


def test_missing_weights_are_an_error_and_weights_of_layers_not_run_may_be_missing(models, tmp_path):
    make("mms", tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file(
        {name: weight for name, weight in weights.items() if "encoder.layers.2" not in name},
        tmp_path / "model.safetensors",
        {"format": "pt"},
    )
    expected = load_encoder(models["mms"], 2, dtype="fp32").encode(PART)
    np.testing.assert_array_equal(load_encoder(str(tmp_path), 2, dtype="fp32").encode(PART), expected)
    with pytest.raises(InputError, match="weights are missing"):
        load_encoder(str(tmp_path), 3)


def test_code_that_a_model_brings_is_never_run(models, tmp_path):
    make("mms", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    load_encoder(str(tmp_path), 1)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kind", ["mms", "hubert-base", *OMNIASR])
def test_padding_to_whole_seconds_as_on_a_gpu_changes_no_frame(kind, models, monkeypatch):
    encoder = load_encoder(models[kind], 2, dtype="fp32")
    pieces = [next(encoder.pieces(SPEECH[:n])) for n in (9000, 16000, 21000)]
    alone = [encoder.launch([piece])()[0] for piece in pieces]
    shapes = []
    batch = encoder._batch
    monkeypatch.setattr(
        encoder, "_batch", lambda pieces: shapes.append((found := batch(pieces))[0].shape) or found
    )
    monkeypatch.setattr(encoder, "_to_device", lambda tensor: tensor)
    monkeypatch.setattr(encoder, "_to_host", lambda hidden: (hidden, lambda: None))
    monkeypatch.setattr(encoder, "_on_device", contextlib.nullcontext)
    encoder.asynchronous = True
    for one, other in zip(encoder.launch(pieces)(), alone, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert [(shape[0], shape[-1]) for shape in shapes] == [(3, 32000)]
