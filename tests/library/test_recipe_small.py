"""The recipe of `small`: which recordings it is trained on, and the labels of their phones."""

import itertools

import hmm
import numpy as np
import pytest
import records
import texts


def recording(path, language, speaker):
    return {"id": path.replace("/", "-"), "audio_filepath": path, "language": language, "speaker": speaker}


def test_speakers_and_languages_are_held_out_as_a_whole():
    many = [recording(f"/d/xx-cv/{i}.opus", "xx", f"s{i // 3}") for i in range(600)]
    many += [recording(f"/d/lg-cv/{i}.opus", "lg", f"t{i}") for i in range(9)]
    many += [recording("/d/nl-nathalie/1.opus", "nl", "nathalie")]
    segments = [{"id": "x", "audio_filepath": r["audio_filepath"], "offset": 0.5} for r in many]
    found = records.divide(many, segments)
    speakers = {name: {record["speaker"] for record in part} for name, part in found.items()}
    assert not any(a & b for a, b in itertools.combinations(speakers.values(), 2))
    assert 4 <= len(speakers["held-out"]) <= 16
    assert {record["language"] for record in found["held-out-languages"]} == {"lg"}
    assert "nathalie" in speakers["training"]
    ids = [record["id"] for part in found.values() for record in part]
    assert len(set(ids)) == len(many)


def test_phones_of_a_recording_become_those_of_its_segments():
    phones = [{"audio_filepath": "/d/a.opus", "phones": [[0.0, 1.0, "a"], [1.0, 2.0, "b"]]}]
    segments = [
        {"id": "1", "audio_filepath": "/d/a.opus", "offset": 0.5, "duration": 1.0},
        {"id": "2", "audio_filepath": "/d/other.opus", "offset": 0.0, "duration": 1.0},
    ]
    assert list(records.labels(phones, segments)) == [
        {"id": "1", "phones": [[0.0, 0.5, "a"], [0.5, 1.0, "b"]]}
    ]


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("t_ʃˈaːo5", ["tʃ", "a", "o"]),
        ("nʲˈet", ["ɲ", "e", "t"]),
        ("ɪnˈɪnː", ["ɪ", "n", "ɪ", "n"]),
        ("ʌ̃", ["ã"]),
        ("!?", []),
    ],
)
def test_ipa_becomes_phones_of_the_inventory(ipa, phones):
    assert texts.broad(ipa) == phones and set(phones) <= set(texts.INVENTORY)


def test_letters_become_phones_in_languages_that_espeak_does_not_speak():
    speller = texts.Speller("rw", set())
    assert speller.words("Umunyarwanda") == [["u", "m", "u", "ɲ", "a", "ɾ", "w", "a", "n", "d", "a"]]
    assert not texts.Speller("nobody", set())


def every_path(graph, frames):
    """Yield each (path of units, log probability of its pauses) that a graph allows, by trying all."""
    units = range(len(graph.units))
    for path in itertools.product(units, repeat=frames):
        steps = list(itertools.pairwise(path))
        runs = [len(list(run)) for _, run in itertools.groupby(path)]
        silent = [graph.units[unit] == 0 for unit in units]
        allowed = all(b - a in (0, 1) or (b - a == 2 and silent[a + 1]) for a, b in steps)
        begins = path[0] in (0, 1)
        ends = path[-1] in (len(units) - 1, len(units) - 2)
        if allowed and begins and ends and min(runs) >= hmm.MIN_FRAMES:
            inner = {unit for unit in path if silent[unit]} - {0, len(units) - 1}
            yield path, hmm.PAUSE * len(inner)


@pytest.mark.parametrize("seed", range(6))
def test_the_alignment_is_the_best_of_all_paths(seed):
    random = np.random.default_rng(seed)
    graph, frames = hmm.Graph([[1, 2], [1]], 0), 7
    scores = 4 * random.standard_normal((frames, 3)).astype(np.float32)

    def total(path, pauses):
        return pauses + sum(scores[t, graph.units[unit]] for t, unit in enumerate(path))

    best = max(total(*found) for found in every_path(graph, frames))
    (path,) = hmm.align([graph], lambda _i: scores)
    pauses = dict(every_path(graph, frames))[tuple(path.tolist())]
    assert total(path, pauses) == pytest.approx(best, abs=1e-4)


def test_an_utterance_with_more_phones_than_frames_has_no_alignment():
    (path,) = hmm.align([hmm.Graph([[1, 2, 1]], 0)], lambda _i: np.zeros((4, 3), np.float32))
    assert path is None
