"""Each kind of encoder on a pretended GPU: the frames of the CPU, and no wait but those of transformers."""

import numpy as np
import pytest
from reference_encoders import KINDS, make
from test_encoders import SPEECH
from test_learned import network

from units.encoders.learned import Learned
from units.encoders.models import load_encoder
from units.encoders.stream import Encoding, encode
from units.records import Record

LENGTHS = (9000, 16000, 21000, 48000)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Return a function from a kind, layers and a device to an encoder."""
    # before the GPU is played: transformers could not save models then
    folders = {kind: make(kind, tmp_path_factory.mktemp("model")) for kind in KINDS}

    def load(kind, layers, device):
        if kind == "learned":
            chosen = "all" if layers == "all" else [layers]
            return Learned(network().to(device), "x", chosen, device, "fp32")
        return load_encoder(folders[kind], layers, device, "fp32")

    return load


@pytest.mark.parametrize("kind", [*KINDS, "learned"])
@pytest.mark.parametrize("layers", [1, "all"])
def test_frames_are_those_of_the_cpu_and_only_transformers_waits(kind, layers, loaded, gpu):
    wanted = loaded(kind, layers, "cpu")
    encoder = loaded(kind, layers, str(gpu.device))
    encoder.asynchronous = True
    pieces = [next(encoder.pieces(SPEECH[:n])) for n in LENGTHS]
    gpu.waits.clear()
    found = encoder.launch(pieces)()
    for frames, piece in zip(found, pieces, strict=True):
        np.testing.assert_allclose(frames, wanted.launch([piece])()[0], atol=2e-4)
    ours = [place for place in gpu.waits if not place.startswith("transformers/")]
    assert ours == []


def test_a_stream_of_recordings_gives_the_frames_of_the_cpu(loaded, gpu):
    encoder = loaded("mms", 1, str(gpu.device))
    encoder.asynchronous = True
    wanted = loaded("mms", 1, "cpu")
    recordings = [(Encoding(Record(), (n - 400) // 320 + 1), encoder.pieces(SPEECH[:n])) for n in LENGTHS]
    blocks = [block[0] for _, block in encode(recordings, encoder, 64000)]
    for frames, n in zip(blocks, LENGTHS, strict=True):
        np.testing.assert_allclose(frames, wanted.encode(SPEECH[:n]), atol=2e-4)
