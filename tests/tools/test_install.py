"""pip installs the tools in another environment, from a wheel made from a source archive, or editable."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig

import pytest
import soundfile
from processes import ROOT
from speechlike import RATE, recording

from units import __version__

TOOLS = sorted(os.listdir(os.path.join(ROOT, "bin")))


def call(*words, cwd):
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(kind, source, out):
    """Build a source archive or a wheel as pip does, with the installed setuptools; return its path."""
    name = call(
        sys.executable,
        "-c",
        f"import sys, setuptools.build_meta as m; print(m.build_{kind}(sys.argv[1]))",
        out,
        cwd=source,
    )
    return out / name.splitlines()[-1]


def pip_install(place, *what):
    """Make an environment that can import this one's libraries, and pip install there."""
    call(sys.executable, "-m", "venv", "--without-pip", place, cwd=place.parent)
    python = place / "bin" / "python"
    packages = call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=place).strip()
    with open(os.path.join(packages, "libraries.pth"), "w", encoding="utf-8") as file:
        file.write(sysconfig.get_path("purelib") + "\n")
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed")
    call(python, "-m", "pip", "install", *options, *what, cwd=place)
    return place


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Return a copy of what git tracks here."""
    place = tmp_path_factory.mktemp("install")
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]  # the tree may belong to another user
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if not listed.stdout:
        pytest.skip("no checkout, so what belongs to the tree is not known")
    for name in filter(None, listed.stdout.split("\0")):
        (place / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.join(ROOT, name), place / "tree" / name)
    return place / "tree"


@pytest.fixture(scope="module")
def source(tree):
    """Return what the source archive unpacks to."""
    shutil.unpack_archive(build("sdist", tree, tree.parent), tree.parent / "unpacked")
    (place,) = (tree.parent / "unpacked").iterdir()
    return place


@pytest.fixture(scope="module")
def environment(tree, source):
    """Return an environment that holds the wheel."""
    return pip_install(tree.parent / "venv", build("wheel", source, tree.parent))


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_the_source_archive_holds_the_tree_with_what_the_readme_shows_and_the_tests(tree, source):
    made = re.compile(r"build/|\.ci/|\.gitignore|.*\.egg-info/|.*\.pyc")
    assert not {path for path in files(tree) - files(source) if not made.match(str(path))}


def test_every_tool_answers_from_there(environment, tmp_path):
    found = call(environment / "bin" / "python", "-c", "import units; print(units.__file__)", cwd=tmp_path)
    assert found.startswith(str(environment))
    for tool in TOOLS:
        assert call(environment / "bin" / tool, "--version", cwd=tmp_path) == f"{tool} {__version__}\n"


def test_one_version_of_torch_is_installed_with_and_without_a_gpu():
    with open(os.path.join(ROOT, "Makefile"), encoding="utf-8") as file:
        text = file.read()
    (version,) = re.findall(r"^TORCH +:= (torch==[0-9.]+)$", text, re.MULTILINE)
    branches = re.search(r"if nvidia-smi(.*?)then (.*?); *\\\n\s*else (.*?); fi", text, re.DOTALL)
    assert version and all("$(TORCH)" in branch for branch in branches.groups()[1:])
    assert "torchaudio" not in text and not re.search(r"\$\(UV\)[^\n]* torch\b", text)


def test_every_page_is_there_and_man_finds_it(environment, tree):
    pages = {name for _, _, names in os.walk(environment / "share" / "man") for name in names}
    assert pages == {name for name in os.listdir(tree / "man") if name[-1].isdigit()}
    if shutil.which("man"):
        manual = environment / "share" / "man"
        done = subprocess.run(["man", "-M", manual, "-w", "su-tools"], capture_output=True, check=False)
        assert done.stdout.decode().strip() == str(manual / "man7" / "su-tools.7") or done.returncode == 16


def test_the_encoder_that_comes_along_encodes(environment, tmp_path):
    soundfile.write(tmp_path / "a.wav", recording([0.5, 1.5, 0.5], seed=1), RATE)
    tools = environment / "bin"
    pipe = f'"{tools}/su-segment" a.wav | "{tools}/su-encode" -m small | head -c 200'
    assert '"encoder": "small@' in subprocess.run(
        ["bash", "-c", pipe], cwd=tmp_path, capture_output=True, check=True
    ).stdout.decode(errors="replace")


def test_the_page_of_a_report_has_its_styles_there(environment, tmp_path):
    code = (
        "from units.report import page; import os; here = os.path.dirname(page.__file__); "
        "print(sorted(os.listdir(here) + os.listdir(os.path.join(here, 'templates'))))"
    )
    names = call(environment / "bin" / "python", "-c", code, cwd=tmp_path)
    here = os.path.join(ROOT, "units", "report")
    tree = os.listdir(here) + os.listdir(os.path.join(here, "templates"))
    assert all(name in names for name in tree if name.endswith((".css", ".js", ".html")))


def test_an_editable_install_runs_the_tree_itself(tree, tmp_path):
    place = pip_install(tree.parent / "editable", "--editable", tree)
    found = call(place / "bin" / "python", "-c", "import units; print(units.__file__)", cwd=tmp_path)
    assert found.strip() == str(tree / "units" / "__init__.py")
    for tool in TOOLS:
        assert call(place / "bin" / tool, "--version", cwd=tmp_path) == f"{tool} {__version__}\n"
