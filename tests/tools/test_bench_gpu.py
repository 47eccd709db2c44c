"""bench/gpu.py, on the CPU: rows, a second call that goes on, and parts that fail."""

import json
import os
import subprocess
import sys

import pytest
from processes import ROOT

BENCH = os.path.join(ROOT, "bench", "gpu.py")


@pytest.fixture
def bench(tmp_path):
    def run(parts, **environment):
        words = [sys.executable, BENCH, "--device", "cpu", "--quick", "--parts", parts]
        env = {**os.environ, **environment}
        return subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)

    return run


def rows(tmp_path):
    return [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]


def test_each_check_is_a_row_and_a_second_call_goes_on_where_the_first_stopped(bench, tmp_path):
    bench("setup")
    first = rows(tmp_path)
    done = bench("setup,synthesis")
    assert "setup" not in done.stderr and "synthesis" in done.stderr
    assert rows(tmp_path)[: len(first)] == first
    checks = [row for row in rows(tmp_path) if row["part"] == "synthesis" and "what" in row]
    assert {row["ok"] for row in checks} == {True, None}
    assert all(f"| {row['what']} | {row['value']} |" in done.stdout for row in checks)


def test_a_part_that_fails_is_a_row_of_one_line(bench, tmp_path):
    (tmp_path / "onnxruntime.py").write_text('raise RuntimeError("a broken package")')
    done = bench("onnx,setup", PYTHONPATH=str(tmp_path))
    (fault,) = [row for row in rows(tmp_path) if row.get("ok") is False]
    assert (fault["part"], fault["value"]) == ("onnx", "RuntimeError: a broken package")
    assert any(row["part"] == "setup" for row in rows(tmp_path))
    assert "1 of" in done.stdout and "checks failed" in done.stdout
