"""The learned encoder: its network, what su-encode makes of it, and files that are not whole."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from speechlike import recording

from units.audio.timing import frame_count
from units.encoders import learned, models
from units.encoders.learned import Learned, load_network, save_network
from units.encoders.network import Network, NetworkConfig
from units.encoders.stream import Encoding, encode
from units.records import InputError

TINY = NetworkConfig(bands=10, width=32, layers=3, heads=2, feedforward=48, conv_kernel=5, default_layer=2)


def network(seed=0, config=TINY):
    torch.manual_seed(seed)
    made = Network(config).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(weight.half().float())  # as a file keeps them
    return made


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "enc").mkdir()
    save_network(str(tmp_path / "enc"), network())
    return tmp_path / "enc"


@pytest.mark.parametrize("span", [0, 3])
def test_padding_changes_nothing(span):
    made = network(config=replace(TINY, attention_span=span))
    spectra = torch.randn(1, 30, 20)
    alone = made(spectra)
    padded = torch.cat([spectra, 9 * torch.randn(1, 12, 20)], dim=1)
    real = torch.arange(42)[None] < 30
    found = made(padded, real)
    np.testing.assert_allclose(found[:, :30].detach(), alone.detach(), atol=1e-5)
    assert torch.isfinite(found).all()


def test_attention_of_a_bounded_span_hears_nothing_beyond_it():
    near = network(config=replace(TINY, attention_span=4))
    reach = 31 // 2 + 3 * (4 + 5 // 2)  # frames: of the positions, and of each layer's span and convolution
    one, other = torch.randn(2, 1, 120, 20).unbind()
    other = torch.where(torch.arange(120)[:, None] < 60, one, other)
    heard, changed = near(one), near(other)
    assert torch.equal(heard[:, : 60 - reach], changed[:, : 60 - reach])
    assert not torch.equal(heard[:, 60 - reach], changed[:, 60 - reach])
    whole = network(config=replace(TINY, attention_span=200))
    np.testing.assert_allclose(whole(one).detach(), network()(one).detach(), atol=1e-5)


def test_what_is_masked_is_not_heard():
    one, other = torch.randn(2, 1, 30, 20).unbind()
    masked = torch.zeros(1, 30, dtype=torch.bool)
    masked[0, 10:20] = True
    other = torch.where(masked[..., None], other, one)
    guesses = [network()(spectra, None, masked) for spectra in (one, other)]
    assert torch.equal(*guesses)
    assert not torch.equal(network()(one), network()(other))


def test_layers_are_counted_from_the_first_one_s_input():
    samples = recording([1.0], seed=1)
    every = Learned(network(), "x", "all").launch
    pieces = [*Learned(network(), "x", "all").pieces(samples)]
    hidden = every(pieces)()[0]
    assert hidden.shape == (4, 49, 32)
    for layer in range(4):
        alone = Learned(network(), "x", [layer], dtype="fp32").encode(samples)
        whole = Learned(network(), "x", "all", dtype="fp32").launch(pieces)()[0][layer]
        np.testing.assert_allclose(alone, whole, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(
    seconds=st.lists(st.floats(0.03, 3.0), min_size=1, max_size=5),
    batch_seconds=st.floats(0, 9),
    chunk_seconds=st.sampled_from([8.0, 30.0]),
)
def test_frames_do_not_depend_on_the_batch(seconds, batch_seconds, chunk_seconds):
    encoder = Learned(network(), "x", [2], dtype="fp32", chunk_seconds=chunk_seconds)
    audio = [recording([s], seed=i) for i, s in enumerate(seconds)]

    recordings = [(Encoding({}, frame_count(len(samples))), samples) for samples in audio]
    blocks = {}
    pieces = [(record, encoder.pieces(samples)) for record, samples in recordings]
    for record, block in encode(pieces, encoder, round(16000 * batch_seconds)):
        if block is not None:
            blocks.setdefault(id(record), []).append(block[0])
    for record, samples in recordings:
        if record.frames > 0:
            np.testing.assert_allclose(np.concatenate(blocks[id(record)]), encoder.encode(samples), atol=1e-5)


def test_chunks_give_almost_what_one_pass_gives():
    samples = np.concatenate([recording([2.0, 1.5, 2.5], seed=i) for i in range(5)])
    chunked, whole = (
        Learned(network(), "x", [2], dtype="fp32", chunk_seconds=s).encode(samples) for s in (8.0, 60.0)
    )
    assert chunked.shape == whole.shape
    # The weights are random, so a frame attends to all others alike: 2 s of margin are worth little here.
    assert np.mean(np.abs(chunked - whole) / whole.std(axis=0)) < 0.15


def test_su_encode_takes_its_directory(run, corpus, folder):
    done = run(
        "su-encode", "-m", folder, "-l", "all", "--arrays", folder.parent / "out", corpus["segments.jsonl"]
    )
    assert (done.status, done.stderr) == (0, "")
    records = done.records
    names = {record["encoder"] for record in records}
    assert len(names) == 4 and all(name.startswith(f"{folder}@") for name in names)
    first = records[0]
    assert np.load(first["features"]).shape[1] == 32


def test_an_encoder_is_found_again_by_its_name_and_another_in_its_place_is_not(folder):
    name = models.load_encoder(str(folder)).name
    assert models.encoder_named(name).name == name and name.endswith(":2")
    save_network(str(folder), network(seed=1))
    with pytest.raises(InputError, match="the encoder there is now "):
        models.encoder_named(name)


def test_half_precision_is_kept_to_the_bit(folder):
    for key, weight in load_network(str(folder)).state_dict().items():
        assert torch.equal(weight, network().state_dict()[key])


def refusal(folder):
    with pytest.raises(InputError) as caught:
        models.load_encoder(str(folder))
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"width": 10**9},
        {"layers": 10**6},
        {"heads": 5},
        {"heads": 0},
        {"spectra": 3},
        {"version": 2},
        {"width": "wide"},
        {"layers": True},
        {"position_kernel": 4},
        {"conv_kernel": -1},
        {"default_layer": 9},
        {"width": 10**400},
        {"feedforward": 0},
    ],
)
def test_a_config_that_makes_no_network_is_refused_in_a_line(folder, change):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert "config.json" in refusal(folder)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["bands", "spectra", "width", "layers", "heads", "feedforward", "conv_kernel"]),
        st.one_of(st.integers(-5, 10**12), st.none(), st.text(max_size=3), st.floats()),
        min_size=1,
    )
)
def test_no_config_breaks_more_than_its_own_line(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("enc")
    save_network(str(folder), network())
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    try:
        models.load_encoder(str(folder))
    except InputError as error:
        assert "\n" not in str(error)


def test_weights_that_are_cut_missing_or_of_another_shape_are_refused_in_a_line(folder):
    path = folder / learned.WEIGHTS
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert learned.WEIGHTS in refusal(folder)
    tensors = safetensors.torch.load(content)
    tensors["input.weight"] = tensors["input.weight"][:, :3].contiguous()
    path.write_bytes(safetensors.torch.save(tensors))
    assert learned.WEIGHTS in refusal(folder)
    path.unlink()
    assert "weights.safetensors: No such file" in refusal(folder)


def test_a_config_of_nonsense_is_no_encoder_of_ours(folder):
    shutil.copy(folder / learned.WEIGHTS, folder / "model.safetensors")
    (folder / "config.json").write_bytes(b"\xff\x00[" * 50)
    refusal(folder)


def test_the_encoder_that_comes_with_the_package_is_small_and_quick_to_load():
    encoder = models.load_encoder("small")
    assert encoder.name.startswith("small@")
    frames = encoder.encode(recording([1.0], seed=0))
    assert frames.shape == (49, encoder.dimension) and np.isfinite(frames).all()
