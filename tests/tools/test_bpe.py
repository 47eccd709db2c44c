"""su-bpe train, encode and decode: pieces are units again, and there is no silent limit."""

import functools
import io
import itertools
import json
import shutil
import subprocess
import unicodedata

import hypothesis
import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

from units.config import BpeConfig
from units.patterns.bpe import MAX_ALPHABET, Model, load_model, to_text, to_units, train
from units.records import InputError

WORD = [3, 8, 5, 0, 9, 2, 7]


def corpus(number=60, length=200, alphabet=10, seed=0):
    """Return sequences of random units, no two neighbours equal, with WORD in each now and then."""
    rng = np.random.default_rng(seed)
    sequences = []
    for _ in range(number):
        units = np.cumsum(rng.integers(1, alphabet, length)) % alphabet
        for at in rng.choice(length // 10, 4, replace=False) * 10:
            units[at : at + len(WORD)] = WORD
        sequences.append(units[np.append(True, units[1:] != units[:-1])].tolist())
    return sequences


def model_of(sequences, seed=0, **settings):
    return Model(train(map(to_text, sequences), BpeConfig(**settings), seed))


@functools.cache
def model(model_type="bpe"):
    return model_of(corpus(number=60 if model_type == "bpe" else 15), vocab_size=60, model_type=model_type)


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "a model.🔴"
    path.write_bytes(train(map(to_text, corpus()), BpeConfig(vocab_size=60)))
    return str(path)


@given(st.lists(st.integers(0, MAX_ALPHABET - 1)))
def test_units_are_text_of_a_character_each_and_back(units):
    text = to_text(units)
    assert len(text) == len(units)
    assert to_units(text).tolist() == units


def test_no_character_of_a_unit_is_space_or_changed_by_normalisation():
    text = to_text(range(MAX_ALPHABET))
    assert unicodedata.normalize("NFKC", text) == text
    assert len(text.split()) == 1


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
@given(st.lists(st.integers(0, 9), max_size=300))
def test_decoding_gives_back_the_units_that_were_encoded(model_type, units):
    pieces = model(model_type).encode(units)
    assert len(pieces) <= len(units)
    assert model(model_type).decode(pieces).tolist() == units


@given(st.lists(st.integers(1, 59), max_size=100))
def test_any_pieces_decode_to_the_units_of_each_in_turn(pieces):
    assert model().decode(pieces).tolist() == [*itertools.chain(*map(model().units_of, pieces))]


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_a_word_of_units_that_recurs_becomes_one_piece(model_type):
    pieces = model(model_type).encode(WORD)
    assert len(pieces) == 1
    assert model(model_type).units_of(pieces[0]) == WORD


@given(st.lists(st.lists(st.integers(0, 9), max_size=50), max_size=8))
def test_many_sequences_at_once_are_encoded_as_one_by_one(sequences):
    pieces = [found.tolist() for found in model().encode_all(sequences)]
    assert pieces == [model().encode(units).tolist() for units in sequences]


def test_the_model_is_a_plain_sentencepiece_file_that_needs_nothing_of_ours(model_file):
    plain = sentencepiece.SentencePieceProcessor(model_file=model_file)
    units = corpus(seed=1)[0]
    assert plain.encode(to_text(units)) == load_model(model_file).encode(units).tolist()
    assert plain.decode(plain.encode(to_text(units))) == to_text(units)
    assert plain.vocab_size() == 60


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_spm_encode_gives_the_pieces_that_we_give(tmp_path, model_type):
    if not shutil.which("spm_encode"):
        pytest.skip("no spm_encode: Debian's package sentencepiece has it")
    texts = list(map(to_text, corpus(number=15)))
    data = train(texts, BpeConfig(vocab_size=60, model_type=model_type))
    (tmp_path / "m").write_bytes(data)
    words = ["spm_encode", f"--model={tmp_path / 'm'}", "--output_format=id"]
    given = "".join(text + "\n" for text in texts).encode()
    told = subprocess.run(words, input=given, capture_output=True, check=True).stdout.decode()
    ours = [Model(data).encode(to_units(text)).tolist() for text in texts]
    assert [list(map(int, line.split())) for line in told.splitlines()] == ours


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_the_same_input_and_seed_give_the_same_bytes(model_type):
    texts = list(map(to_text, corpus(number=15)))
    config = BpeConfig(vocab_size=60, model_type=model_type)
    assert train(texts, config, seed=3) == train(iter(texts), config, seed=3)


@pytest.mark.parametrize("length", [2_000, 70_000])
def test_a_line_is_learnt_from_however_long_it_is(length):
    rare = [10, 13, 11, 12]
    long = [*itertools.chain(*corpus(number=length // 100)), *rare * (length // 50)][-length:]
    trained = model_of([*corpus(number=5), long], vocab_size=120)
    assert len(trained.encode(rare)) == 1
    assert trained.decode(trained.encode(long)).tolist() == long


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_a_line_of_two_million_units_is_encoded_as_any_other_and_back(model_type):
    long = np.tile([*itertools.chain(*corpus())], 200)[:2_000_000]
    pieces = model(model_type).encode(long)
    assert len(pieces) < len(long) == 2_000_000
    assert (model(model_type).decode(pieces) == long).all()


def test_two_million_units_of_one_line_are_learnt_from():
    units = np.random.default_rng(0).integers(0, 50, 2_000_000)
    word = [50, 53, 51, 52]
    for at in range(1_900_000, 2_000_000, 20):  # where a shorter limit would not see them
        units[at : at + 4] = word
    trained = model_of([units], vocab_size=60)
    assert len(trained.encode(word)) == 1


def test_unigram_finds_as_much_in_one_long_line_as_in_many_short_ones():
    sequences = corpus(number=15)
    apart = model_of(sequences, vocab_size=60, model_type="unigram")
    joined = model_of([[*itertools.chain(*sequences)]], vocab_size=60, model_type="unigram")
    assert joined.units_of(joined.encode(WORD)[0]) == apart.units_of(apart.encode(WORD)[0]) == WORD


def test_pieces_reach_64_units_and_no_further_than_they_may():
    phrase = np.random.default_rng(0).permutation(200)[:64].tolist()
    sequences = [[*phrase, 200 + i] for i in range(30)]
    assert len(model_of(sequences, vocab_size=300).encode(phrase)) == 1
    short = model_of(sequences, vocab_size=300, max_piece_length=5)
    assert short.lengths.max() == 5


def test_each_unit_up_to_the_highest_is_known_and_with_alphabet_those_never_seen_too():
    seen = model_of([[0, 7, 0, 7]], vocab_size=9)
    assert seen.decode(seen.encode(range(8))).tolist() == list(range(8))
    told = model_of([[0, 7, 0, 7]], vocab_size=31, alphabet=30)
    assert told.decode(told.encode(range(30))).tolist() == list(range(30))


def test_ten_thousand_units_are_no_more_trouble_than_ten():
    units = np.random.default_rng(0).permutation(10_000)
    trained = model_of([units, *([*WORD, i] for i in range(20, 40))], vocab_size=10_010)
    assert trained.decode(trained.encode(units)).tolist() == units.tolist()
    assert len(trained.encode(WORD)) == 1


@pytest.mark.parametrize(
    ("sequences", "settings", "message"),
    [
        ([[0, 99]], {"vocab_size": 100}, "--vocab-size 100 is too small: units and <unk> are 101 pieces"),
        (
            [[0, 1, 0, 1]],
            {"vocab_size": 500},
            "--vocab-size 500 is too large for these data: at most 7 pieces are possible",
        ),
        (corpus(9), {"vocab_size": 9000, "model_type": "unigram"}, "too large for these data"),
        ([[0, 99]], {"alphabet": 99}, "unit 99 is too large: --units 99 has units 0 to 98"),
        ([], {}, "no units to train on"),
        ([[], []], {}, "no units to train on"),
        ([[MAX_ALPHABET]], {}, "unit 20000 is too large: units must be below 20000"),
    ],
)
def test_what_cannot_be_trained_on_is_one_clear_line(sequences, settings, message):
    with pytest.raises(InputError, match=message) as error:
        model_of(sequences, **settings)
    assert "\n" not in str(error.value)
    assert "src/" not in str(error.value)


@pytest.mark.parametrize("unit", [10, 19_999, MAX_ALPHABET, 10**12])
def test_a_unit_that_the_model_does_not_know_is_named(unit):
    with pytest.raises(InputError, match=f"^unit {unit} is not in the model"):
        model().encode([1, 2, unit, 3])


@pytest.mark.parametrize(
    ("piece", "message"),
    [(0, "piece 0 has no units"), (60, "piece 60 is not in the model, which has 60")],
)
def test_a_piece_that_is_no_units_is_named(piece, message):
    with pytest.raises(InputError, match=message):
        model().decode([1, piece, 2])


def test_files_that_are_no_models_of_units_are_told_apart(tmp_path):
    english = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a line of words"] * 9), model_writer=english, vocab_size=16, minloglevel=3
    )
    with pytest.raises(InputError, match=r"x: a SentencePiece model, but not of units"):
        Model(english.getvalue(), "x")
    no_utf8 = english.getvalue().replace(b"line", b"l\xff\xfe\xfd").replace(b"words", b"w\xff\xfe\xfdd")
    for data in (b"", b"not a model", b"\x00" * 99, english.getvalue()[:-40], no_utf8):
        with pytest.raises(InputError, match=r"^x: not a SentencePiece model"):
            Model(data, "x")


def test_train_encode_and_decode_restore_units_and_counts_and_leave_the_rest_alone(run, tmp_path):
    frames = [np.repeat(units, 1 + np.arange(len(units)) % 3).tolist() for units in corpus()]
    records = [{"id": f"r{i}", "verse": "Êx 1:1", "units": units} for i, units in enumerate(frames)]
    trained = run("su-bpe", "train", "--vocab-size", "60", "-o", tmp_path / "m", stdin=lines(records))
    assert (trained.status, trained.stdout, trained.stderr) == (0, b"", "")
    encoded = run("su-bpe", "encode", "-m", tmp_path / "m", stdin=lines(records))
    bare = [{**record, "units": None} for record in encoded.records]
    decoded = run("su-bpe", "decode", "-m", tmp_path / "m", stdin=lines(bare))
    assert (encoded.stderr, decoded.stderr) == ("", "")
    for before, after in zip(records, decoded.records, strict=True):
        assert np.repeat(after["units"], after["counts"]).tolist() == before["units"]
        assert np.diff(after["units"]).all()
        assert (after["id"], after["verse"]) == (before["id"], before["verse"])
    assert run("su-bpe", "encode", "-m", tmp_path / "m", stdin=encoded.stdout).stdout == encoded.stdout


RUNS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40)), max_size=60)


@hypothesis.settings(max_examples=4)
@given(st.lists(RUNS, min_size=1, max_size=20))
def test_encode_then_decode_gives_units_and_counts_exactly(run, model_file, drawn):
    rows = [
        [(unit, sum(count for _, count in same)) for unit, same in itertools.groupby(row, lambda one: one[0])]
        for row in drawn
    ]
    records = [{"units": [u for u, _ in row], "counts": [c for _, c in row]} for row in rows]
    frames = [{"units": np.repeat(r["units"], r["counts"]).astype(int).tolist()} for r in records]
    for given_records in (records, frames):
        encoded = run("su-bpe", "encode", "-m", model_file, stdin=lines(given_records))
        bare = [{"pieces": each["pieces"], "counts": each["counts"]} for each in encoded.records]
        decoded = run("su-bpe", "decode", "-m", model_file, stdin=lines(bare))
        found = [{field: each[field] for field in ("units", "counts")} for each in decoded.records]
        assert found == records


def test_the_tool_makes_the_same_model_of_the_same_units_and_seed(run, tmp_path):
    units = lines([{"units": units} for units in corpus(number=15)])
    for name in "ab":
        options = ("--model-type", "unigram", "--vocab-size", "60", "--seed", "7", "-o", tmp_path / name)
        assert run("su-bpe", "train", *options, stdin=units).stderr == ""
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_runs_that_touch_count_as_one_and_keep_runs_takes_frames(run, model_file):
    record = lines([{"units": [1, 1, 2], "counts": [2, 1, 3]}])
    (one,) = run("su-bpe", "encode", "-m", model_file, stdin=record).records
    assert (one["units"], one["counts"]) == ([1, 2], [3, 3])
    (kept,) = run("su-bpe", "encode", "--keep-runs", "-m", model_file, stdin=record).records
    assert kept["units"] == [1, 1, 1, 2, 2, 2]
    assert "counts" not in kept
    assert load_model(model_file).decode(kept["pieces"]).tolist() == kept["units"]


def test_with_keep_runs_pieces_may_hold_a_unit_many_times(run, tmp_path):
    records = lines([{"units": [1] * 8 + [2] * 8}] * 9)
    assert (
        run(
            "su-bpe", "train", "--keep-runs", "--vocab-size", "12", "-o", tmp_path / "m", stdin=records
        ).status
        == 0
    )
    assert load_model(tmp_path / "m").units_of(1)[:2] == [1, 1]


def test_pieces_that_a_model_made_up_decode_to_units_alone(run, model_file):
    (record,) = run("su-bpe", "decode", "-m", model_file, stdin=b'{"pieces": [5, 6, 7]}').records
    assert record["units"] == load_model(model_file).decode([5, 6, 7]).tolist()
    assert "counts" not in record


@pytest.mark.parametrize(
    ("arguments", "line", "message"),
    [
        (["encode"], {"units": [1, 77]}, "-:1: unit 77 is not in the model"),
        (["encode"], {"units": [1], "counts": [1, 2]}, '-:1: 1 "units" but 2 "counts"'),
        (["decode"], {"pieces": [999]}, "-:1: piece 999 is not in the model, which has 60"),
        (["decode"], {"pieces": [1], "counts": [1]}, '-:1: 1 "counts", but the pieces give 2 units'),
        (
            ["train", "-o", "/dev/null", "--vocab-size", "2"],
            {"units": [0, 5]},
            "--vocab-size 2 is too small: units and <unk> are 7 pieces",
        ),
    ],
)
def test_what_is_wrong_with_a_record_is_one_line(run, model_file, arguments, line, message):
    given = () if arguments[0] == "train" else ("-m", model_file)
    result = run("su-bpe", *arguments, *given, stdin=lines([line]))
    assert (result.status, result.stdout) == (1, b"")
    assert result.stderr.startswith(f"su-bpe: {message}")
    assert result.stderr.count("\n") == 1


def test_a_model_file_that_is_none_is_one_line(run, tmp_path):
    (tmp_path / "m").write_text("hello")
    for name, message in (("m", "not a SentencePiece model"), ("none", "No such file or directory")):
        result = run("su-bpe", "encode", "-m", tmp_path / name)
        assert (result.status, result.stderr) == (1, f"su-bpe: {tmp_path / name}: {message}\n")


def test_units_of_two_codebooks_are_not_made_into_one_corpus(run, model_file, tmp_path):
    records = [{"id": name, "units": [1, 2], "codebook": name * 4} for name in "ab"]
    train_words = ("train", "--vocab-size", "60", "-o", tmp_path / "m")
    for words in (train_words, ("encode", "-m", model_file), ("motifs", "-m", model_file)):
        result = run("su-bpe", *words, stdin=lines(records))
        assert (result.status, result.stderr) == (
            1,
            "su-bpe: -:2: these units have codebook bbbb, but an earlier record has codebook aaaa\n",
        )


def test_records_that_name_no_codebook_next_to_ones_that_do_are_counted(run, model_file):
    records = [{"id": "a", "units": [1, 2], "codebook": "aaaa"}, {"id": "b", "units": [1]}]
    told = "su-bpe: 1 of 2 records name no codebook; their units are assumed to have codebook aaaa\n"
    for command in ("encode", "motifs"):
        result = run("su-bpe", command, "-m", model_file, stdin=lines(records))
        assert (result.status, result.stderr) == (0, told)


def test_pieces_of_another_model_do_not_overwrite_units(run, model_file):
    result = run("su-bpe", "encode", "-m", model_file, stdin=lines([{"id": "a", "units": [1, 2, 3]}]))
    (record,) = result.records
    other = {**record, "units": [4, 5, 6]}
    result = run("su-bpe", "decode", "-m", model_file, stdin=lines([record, other]))
    told = """su-bpe: -:2: the "pieces" come from another model: they do not give the record's "units"\n"""
    assert (result.status, result.stderr, result.records) == (1, told, [record])
