"""The names that `from units import ...` gives, and the examples that show them."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from processes import ROOT
from speechlike import RATE, recording

import units


def blocks(name):
    """Return the Python examples of a page."""
    return re.findall(r"```python\n(.*?)```", Path(ROOT, name).read_text(encoding="utf-8"), re.DOTALL)


def test_every_name_is_there_and_documented_in_docs_and_in_itself():
    page = Path(ROOT, "docs", "python.md").read_text(encoding="utf-8")
    for name in units.__all__:
        assert getattr(units, name).__doc__, name
        assert f"`{name}" in page, name


def test_a_name_that_is_not_there_is_an_error_of_attributes():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        units.nothing  # noqa: B018


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, units; print(sorted({'numpy', 'torch', 'click'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_example_of_the_readme_runs(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "word.wav", recording([0.2, 0.8, 0.2]), RATE)
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("README.md")
    names = {}
    exec(code, names)
    assert names["units"].dtype == np.int64 and len(names["units"]) > 20


def test_the_example_of_the_library_page_runs(corpus, tmp_path, monkeypatch, capsys):
    soundfile.write(tmp_path / "chapter.wav", recording([0.5, 3.0, 0.8, 2.5]), RATE)
    (tmp_path / "vocoder").symlink_to(corpus["vocoder"])
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("docs/python.md")
    names = {}
    exec(code, names)
    assert len(names["samples"]) == 320 * len(names["units"])
    assert re.fullmatch(r"(chapter-\d+-\d+ \d different units\n)+", capsys.readouterr().out)
