"""What layer L means, in every family: the raw output of transformers' layer L, taken here by hooks alone.

Raw is after the layer's residual connections, and before any norm that follows the last layer. A release of
transformers that gives `hidden_states` another meaning fails these tests.
"""

import numpy as np
import pytest
import torch
import transformers
from reference_encoders import DEPTH, KINDS, first, hidden_states, make, network_of, run
from test_encoders import PART

from units.encoders.models import load_encoder
from units.records import InputError

EVEN = PART[: 400 + 160 * 197]  # an even number of mel bands, for w2v-BERT 2.0
# A norm follows the last layer: the layers add to their input, and normalise only what they read.
NORM_FOLLOWS = {"mms", "hubert-large", "wavlm-large", "unispeech-large", "unispeech-sat-large"}
NORM_FOLLOWS |= {"whisper", "omniasr"}
# transformers 5 puts the output of that norm last into `hidden_states`, in place of the last layer's.
LAST_IS_NORMALISED = {"whisper", "omniasr"}
PARTS = {"whisper": ("self_attn", "fc2")}  # what a layer adds to its input, if not attention and feed_forward


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The folder of each kind of model."""
    folder = tmp_path_factory.mktemp("models")
    return {kind: make(kind, folder / kind) for kind in KINDS}


def heard(kind):
    """The samples that a network must see for the frames of EVEN: those of Whisper are centred elsewhere."""
    return EVEN[200:] if kind == "whisper" else EVEN


def frames_of(encoder):
    """All chosen layers of EVEN: (layers, N, D)."""
    (piece,) = encoder.pieces(EVEN)
    return encoder.launch([piece])()[0]


@pytest.mark.parametrize("kind", KINDS)
def test_layer_l_is_the_output_of_layer_l_and_layer_0_the_input_of_the_first(kind, models):
    encoder = load_encoder(models[kind], "all", dtype="fp32")
    assert encoder.layers == list(range(DEPTH + 1))
    frames = frames_of(encoder)
    expected = hidden_states(models[kind], heard(kind))[:, : frames.shape[1]]
    np.testing.assert_allclose(frames, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_layer_of_a_model_is_as_raw_as_the_others(kind, models):
    frames = load_encoder(models[kind], DEPTH, dtype="fp32").encode(EVEN)
    raw = hidden_states(models[kind], heard(kind))[-1, : len(frames)]
    np.testing.assert_allclose(frames, raw, rtol=0, atol=1e-4)
    _, part = network_of(models[kind])
    if kind in NORM_FOLLOWS:
        normalised = part.layer_norm(torch.from_numpy(raw)).detach().numpy()
        assert np.abs(frames - normalised).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_states_of_transformers_are_counted_in_the_same_way(kind, models):
    raw = hidden_states(models[kind], heard(kind))
    network, _ = network_of(models[kind])
    found = run(models[kind], network, heard(kind), output_hidden_states=True).hidden_states
    assert len(found) == DEPTH + 1
    for layer in range(DEPTH):
        np.testing.assert_array_equal(found[layer][0].numpy(), raw[layer])


@pytest.mark.skipif(
    int(transformers.__version__.split(".")[0]) < 5, reason="version 4 normalises the last one if it can"
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_last_hidden_state_of_transformers_is_raw_but_for_whisper_and_omnilingual_asr(kind, models):
    raw = hidden_states(models[kind], heard(kind))[-1]
    network, part = network_of(models[kind])
    last = run(models[kind], network, heard(kind), output_hidden_states=True).hidden_states[-1]
    expected = torch.from_numpy(raw)
    if kind in LAST_IS_NORMALISED:
        expected = part.layer_norm(expected)
    torch.testing.assert_close(last[0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_output_of_a_layer_is_taken_after_its_residual_connections(kind, models):
    network, part = network_of(models[kind])
    seen = {}
    names = PARTS.get(kind, ("attention", "feed_forward")) if kind in NORM_FOLLOWS else ("final_layer_norm",)
    for name in names:
        getattr(part.layers[1], name).register_forward_hook(
            lambda _part, _args, output, name=name: seen.update({name: first(output)[0].numpy()})
        )
    run(models[kind], network, heard(kind))
    raw = hidden_states(models[kind], heard(kind))
    parts = sum(seen[name] for name in names)
    expected = raw[1] + parts if kind in NORM_FOLLOWS else parts  # else a norm ends the layer itself
    np.testing.assert_allclose(raw[2], expected, rtol=0, atol=1e-4)


def test_weights_that_are_only_a_pickle_are_not_loaded(tmp_path):
    folder = tmp_path / "mms"
    make("mms", folder)
    network, _ = network_of(folder)
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    load_encoder(str(folder))  # the safetensors file next to it is enough
    (folder / "model.safetensors").unlink()
    with pytest.raises(
        InputError, match=r"pytorch_model\.bin: a pickle, .* is not loaded; save .*safetensors"
    ):
        load_encoder(str(folder))
