"""Shell completion: written from the commands themselves; it works in the shells that are installed."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import ROOT

MAN = Path(ROOT, "man")
TOOLS = sorted(os.listdir(Path(ROOT, "bin")))


def generator():
    """Return the module that writes completions."""
    sys.path.insert(0, str(MAN))
    try:
        spec = importlib.util.spec_from_file_location("completion", MAN / "completion.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(MAN))


@pytest.mark.parametrize("tool", TOOLS)
def test_completions_are_those_of_the_tool(tool):
    made = generator()
    for render, path in (
        (made.bash, f"bash/{tool}"),
        (made.zsh, f"zsh/_{tool}"),
        (made.fish, f"fish/{tool}.fish"),
    ):
        assert render(tool) == (MAN / "completion" / path).read_text(encoding="utf-8"), "run `make man`"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["su-quantize", "--sm"], ["--smooth", "--smooth-rate"]),
        (["su-bpe", "mo"], ["motifs"]),
        (["su-bpe", "motifs", "--by", "c"], ["count"]),
        (["su-labels", "export", "-t", "te"], ["textgrid"]),
        (["su-encode", "-m", "x"], []),  # a file
    ],
)
def test_bash_completes_options_subcommands_and_choices(words, expected):
    tool, last = words[0], len(words) - 1
    script = (
        f'source "{MAN}/completion/bash/{tool}"; COMP_WORDS=({" ".join(words)}); COMP_CWORD={last}; '
        f'_{tool.replace("-", "_")}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == expected


@pytest.mark.parametrize(("shell", "check"), [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")])
def test_the_shells_themselves_find_no_fault_in_them(shell, check):
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    for path in sorted((MAN / "completion" / shell).iterdir()):
        done = subprocess.run([shell, check, path], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), path
