"""A record's channel is a part of what it names: it is loaded, told apart, and carried along."""

import numpy as np
import pytest
import soundfile

from units.audio.reading import Reader, load, load_record
from units.records import InputError


@pytest.fixture
def stereo(tmp_path):
    """A file of two channels: 0.25 on the first, -0.5 on the second."""
    path = str(tmp_path / "two.wav")
    soundfile.write(path, np.tile([0.25, -0.5], (16000, 1)), 16000)
    return path


def test_a_channel_is_loaded_where_one_is_named_and_else_the_mean_of_all(stereo):
    assert load(stereo).mean() == pytest.approx(-0.125)
    assert load(stereo, 0.1, 0.5, 1).mean() == pytest.approx(-0.5)
    assert Reader().load(stereo, 0.0, None, 0).mean() == pytest.approx(0.25)
    assert load_record({"audio_filepath": stereo, "channel": 1}).mean() == pytest.approx(-0.5)


def test_a_channel_that_a_file_lacks_is_an_error(stereo):
    message = r"two\.wav: has 2 channels, so channel 2 does not exist \(the first is 0\)"
    for read in (load, Reader().load):
        with pytest.raises(InputError, match=message):
            read(stereo, channel=2)
