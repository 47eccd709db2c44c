"""The layout: who may import whom, how large things may grow, and what is never written here."""

import ast
import configparser
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

from processes import ROOT

HOUSE = Path(ROOT)
LIBRARY = sorted(p for p in (HOUSE / "units").rglob("*.py") if "cli" not in p.relative_to(HOUSE).parts)
CLI = sorted((HOUSE / "units" / "cli").rglob("*.py"))
MODULES = LIBRARY + CLI

# Each heavy dependency has one home: to replace it is to edit that file.
HOMES = {
    "transformers": {"units/encoders/hub.py"},
    "faiss": {"units/codebook/kmeans.py"},
    "sentencepiece": {"units/patterns/bpe.py"},
    "soundfile": {"units/audio/pcm.py", "units/audio/writing.py"},
    "av": {"units/audio/ffmpeg.py"},
    "soxr": {"units/audio/reading.py"},
    "silero_vad": {"units/audio/vad.py"},
    "onnx": set(),
    "onnxscript": set(),
    "onnxruntime": {"units/audio/vad.py", "units/metrics/mos.py"},
    "pystoi": {"units/metrics/intelligibility.py"},
    "pesq": {"units/metrics/intelligibility.py"},
    "tqdm": {"units/cli/progress.py"},
    "jinja2": {"units/report/page.py"},
    "markupsafe": {"units/report/page.py"},
}
LIGHT = set(sys.stdlib_module_names) | {"click", "units"}


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path):
    """Return the dotted name of a module."""
    return ".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__")


def imports(path, everywhere=True):
    """Return the dotted names a module imports: anywhere, or only when it is itself imported."""
    found = set()
    for node in ast.walk(tree_of(path)) if everywhere else tree_of(path).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def reaches(path, everywhere):
    """Return all names a module imports, itself and through modules of ours."""
    ours = {name_of(p): p for p in LIBRARY + CLI}
    seen, waiting = set(), [name_of(path)]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            # to import a.b.c is to import a and a.b first
            waiting += [name.rpartition(".")[0]] * (name.rpartition(".")[0] in ours)
            waiting += imports(ours[name], everywhere) if name in ours else []
    return seen


def top(names):
    return {name.split(".")[0] for name in names}


def test_the_library_knows_nothing_of_the_command_line():
    faults = [(p, n) for p in LIBRARY for n in imports(p) if n in ("click", "argparse") or "units.cli" in n]
    assert not faults


def test_a_heavy_dependency_is_imported_in_its_home_alone():
    for path in MODULES:
        here = str(path.relative_to(HOUSE))
        strangers = {name for name in top(imports(path)) if here not in HOMES.get(name, {here})}
        assert not strangers, f"{here}: {strangers}"


def test_a_command_imports_nothing_heavy_before_it_runs():
    for path in CLI:
        if {name for name, _, _ in calls(path)} & {"tool", "click.group"}:
            assert top(reaches(path, everywhere=False)) <= LIGHT, path


def test_only_the_trainers_import_what_trains():
    for path in MODULES:
        here = str(path.relative_to(HOUSE))
        if not here.startswith(("units/training/", "units/cli/train_")):
            assert not {name for name in imports(path) if name.startswith("units.training")}, here


def test_records_need_nothing_but_python():
    for name in ("records.py", "config.py"):
        assert top(imports(HOUSE / "units" / name)) <= LIGHT - {"click"}


def calls(path):
    """Yield (dotted name, keywords, place) of each call in a module."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            keywords = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
            yield ast.unparse(node.func), keywords, f"{path}:{node.lineno}"


def test_the_library_neither_prints_nor_exits_nor_seeds_for_all():
    banned = {"print", "input", "exit", "quit", "sys.exit", "random.seed", "np.random.seed"}
    assert not [(name, place) for path in LIBRARY for name, _, place in calls(path) if name in banned]


def test_nothing_is_unpickled_evaluated_or_handed_to_a_shell():
    for path in MODULES:
        assert not top(imports(path)) & {"pickle", "dill", "joblib", "marshal", "shelve", "yaml"}, path
        for name, keywords, place in calls(path):
            assert name not in {"eval", "exec", "compile", "os.system", "os.popen", "__import__"}, place
            for danger in ("shell", "allow_pickle", "trust_remote_code"):
                assert not keywords.get(danger), place
            assert name != "torch.load" or keywords.get("weights_only") is True, place


def test_no_exception_is_caught_without_being_named_or_handed_on():
    for path in MODULES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler):
                place = f"{path}:{node.lineno}"
                assert node.type is not None, place
                caught = {ast.unparse(kind) for kind in ast.walk(node.type) if isinstance(kind, ast.Name)}
                assert "Exception" not in caught, place
                goes_on = node.name or isinstance(node.body[-1], ast.Raise)
                assert "BaseException" not in caught or goes_on, place


def test_modules_and_functions_are_small():
    for path in MODULES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 250, path
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno + 1 <= 50, f"{path}:{node.lineno}: {node.name}"


def public(body):
    """Yield the public functions and classes of a body, and those within its public classes."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def test_what_is_public_has_a_docstring():
    for path in MODULES:
        assert ast.get_docstring(tree_of(path)), path
        for node in public(tree_of(path).body):
            # a network's forward is what the network's own docstring says
            assert ast.get_docstring(node) or node.name == "forward", f"{path}:{node.lineno}: {node.name}"


def test_names_say_what_things_are():
    for path in MODULES:
        nodes = ast.walk(tree_of(path))
        names = {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        words = {word for name in {path.stem, *names} for word in name.lower().split("_")}
        empty = {"util", "utils", "helper", "helpers", "manager", "misc", "process"}
        assert not words & empty, path


def test_every_tool_is_a_shim_in_bin_and_an_entry_point_and_the_shims_are_alike():
    config = configparser.ConfigParser()
    config.read(HOUSE / "setup.cfg")
    points = config["options.entry_points"]["console_scripts"].strip().splitlines()
    modules = {line.split(" = ")[0]: line.split(" = ")[1].split(":")[0] for line in points}
    shims = {path.name: path for path in (HOUSE / "bin").iterdir()}
    assert set(shims) == set(modules)
    for name, path in shims.items():
        assert os.access(path, os.X_OK)
        text = path.read_text(encoding="utf-8").replace(modules[name], "MODULE").replace(name, "NAME")
        assert text.endswith('from MODULE import main; main(prog_name="NAME")\n')
        assert len(text.splitlines()) <= 10


def test_the_top_of_the_tree_holds_nothing_unforeseen():
    command = ["git", "-c", "safe.directory=*", "ls-files"]  # the tree may belong to another user
    listed = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
    names = {line.split("/")[0] for line in listed.stdout.splitlines()}
    house = {"bin", "units", "tests", "man", "bench", "docs", "recipes"}
    build = {"setup.cfg", "pyproject.toml", "Makefile"}
    papers = {"README.md", "LICENSE", "HISTORY.md", "CHANGELOG.md", "CONTRIBUTING.md", "MANIFEST.in"}
    assert names <= house | build | papers | {".ci", ".gitignore"}


def test_no_extra_brings_a_second_build_of_a_library_into_the_folder_of_the_first():
    config = configparser.ConfigParser()
    config.read(HOUSE / "setup.cfg")
    wanted = config["options"]["install_requires"] + "".join(config["options.extras_require"].values())
    assert {line.split(">=")[0] for line in wanted.split() if line.startswith("faiss")} == {"faiss-cpu"}


def test_the_pictures_of_the_readme_are_there_and_small_and_told_in_words():
    shown = re.findall(r"!\[([^]]*)\]\(([^)]*)\)", (HOUSE / "README.md").read_text(encoding="utf-8"))
    assert all(words for words, _ in shown)
    kept = {str(p.relative_to(HOUSE)) for kind in ("svg", "png") for p in (HOUSE / "docs").glob(f"*.{kind}")}
    assert {path for _, path in shown} == kept
    assert all((HOUSE / path).stat().st_size < 150_000 for path in kept)


def test_a_package_hands_on_names_and_does_nothing_else():
    for path in MODULES:
        if path.name == "__init__.py" and path.parent.name != "units":
            kinds = {type(node) for node in tree_of(path).body}
            assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign}, path


def test_imports_form_no_circle():
    ours = {name_of(p): {n for n in imports(p) if n.startswith("units.")} for p in MODULES}
    modules = {name: {n for n in found if n in ours and n != name} for name, found in ours.items()}
    while leaves := {name for name, found in modules.items() if not found}:
        modules = {name: found - leaves for name, found in modules.items() if name not in leaves}
    assert not modules, sorted(modules)


def test_two_classes_never_share_a_name():
    homes = {}
    for path in MODULES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(str(path.relative_to(HOUSE)))
    assert not {name: paths for name, paths in homes.items() if len(paths) > 1}
