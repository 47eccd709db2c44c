"""The codebooks that come with the package: `-c small` and `-c small-256`."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from speechlike import phrase

from units.cli.encode import main as su_encode
from units.cli.quantize import main as su_quantize
from units.cli.train_vocoder import _complete
from units.codebook.codebook import SHARED, Codebook, load_codebook, save_codebook, shared_units
from units.codebook.quantize import quantize
from units.encoders.models import load_encoder
from units.training.vocoder import dataset
from units.vocoder.config import VocoderConfig


@pytest.mark.parametrize(("name", "count"), [("small", 100), ("small-256", 256)])
def test_they_are_codebooks_of_the_encoder_small_as_it_is_now(name, count):
    book, encoder = load_codebook(name), load_encoder("small")
    assert book.encoder == encoder.name
    assert book.centroids.shape == (count, encoder.dimension)
    assert shared_units(book.hash) == count


def test_su_quantize_finds_them_by_name_and_gives_units_their_hash(tmp_path):
    soundfile.write(tmp_path / "a.wav", phrase(2, 1), 16000)
    line = json.dumps({"id": "a", "audio_filepath": f"{tmp_path}/a.wav", "duration": 2.0})
    (tmp_path / "a.jsonl").write_text(line + "\n")
    frames, units = f"{tmp_path}/frames", f"{tmp_path}/units"
    assert CliRunner().invoke(su_encode, ["-o", frames, f"{tmp_path}/a.jsonl"]).exit_code == 0
    assert CliRunner().invoke(su_quantize, ["-c", "small", "-o", units, frames]).exit_code == 0
    record = json.loads((tmp_path / "units").read_text())
    assert record["codebook"] == load_codebook("small").hash
    assert len(record["units"]) == 99 and len(set(record["units"])) > 5


def test_frames_of_another_encoder_are_refused(tmp_path):
    line = json.dumps({"id": "a", "encoder": "mfcc39", "features": f"{tmp_path}/a.npy"})
    np.save(tmp_path / "a.npy", np.zeros((4, 39), np.float32))
    (tmp_path / "a.jsonl").write_text(line + "\n")
    found = CliRunner().invoke(su_quantize, ["-c", "small", f"{tmp_path}/a.jsonl"])
    assert found.exit_code == 1
    assert "these frames come from mfcc39, but the codebook was made for small@" in found.stderr


def test_a_file_of_that_name_is_reached_by_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = Codebook(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), np.ones(3, np.float32), "mine")
    with open("small", "wb") as file:
        save_codebook(own, file)
    assert load_codebook("./small").hash == own.hash
    assert load_codebook("small").hash != own.hash


def test_a_codebook_of_ones_own_is_none_of_them():
    assert shared_units("") == shared_units("0123456789ab") == 0


def test_a_vocoder_knows_all_units_of_a_shared_codebook_also_those_it_never_heard(monkeypatch):
    monkeypatch.setattr(dataset, "f0_statistics", lambda corpus, speakers: ((5.0,), (0.2,)))
    records = [{"units": [3, 1], "codebook": load_codebook("small").hash}]
    assert _complete(VocoderConfig(), records, [], None).units == 100
    assert _complete(VocoderConfig(), [{"units": [3, 1], "codebook": "0123456789ab"}], [], None).units == 4


def test_units_of_the_shared_codebook_are_those_of_the_nearest_centroid():
    frames = load_encoder("small", dtype="fp32").encode(phrase(2, 1))
    for book in map(load_codebook, SHARED):
        apart = ((book.normalize(frames)[:, None] - book.centroids) ** 2).sum(-1)
        assert (apart.argmin(1) == quantize(frames, book)).mean() > 0.99
