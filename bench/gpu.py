#!/usr/bin/env python3
"""Check everything that these tools do on a GPU against the CPU, and measure what bounds it.

    bench/gpu.py [--minutes 9] [--parts setup,encoders,...] [--device auto] [--quick] [--out gpu.jsonl]

One command for a machine with a GPU; it makes its own data and needs no network. Each part is a process of its
own with a time limit; each check is a row: part, what, value, wanted, ok. Rows are added to --out as they come,
and a part that is complete there is not run again, so a second call runs the others. --quick
makes everything small; with --device cpu it tests this script. At the end all rows are printed as a table, with the
machine's name. Parts: setup, encoders, batching, vocoders, resume, pretraining, encoding, synthesis, faiss, memory,
onnx, processes.
"""

import argparse
import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests", "support"), os.path.join(ROOT, "tests", "reference")]

# part: (module of bench, seconds that it may take)
PARTS = {
    "setup": ("gpu_networks", 60),
    "encoders": ("gpu_networks", 150),
    "batching": ("gpu_networks", 90),
    "vocoders": ("gpu_training", 180),
    "resume": ("gpu_training", 120),
    "pretraining": ("gpu_training", 90),
    "encoding": ("gpu_tools", 240),
    "synthesis": ("gpu_networks", 90),
    "faiss": ("gpu_tools", 120),
    "memory": ("gpu_tools", 90),
    "onnx": ("gpu_networks", 60),
    "processes": ("gpu_tools", 120),
}
HEAD = "| part | what | value | wanted | ok |\n|---|---|---|---|---|"


def run_part(name, device, quick, limit_s):
    """Yield the rows of a part as its process prints them; a row says so if it fails or takes too long."""
    words = [sys.executable, os.path.abspath(__file__), "--part", name, "--device", device]
    job = subprocess.Popen(
        [*words, *["--quick"] * quick], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        out, err = job.communicate(timeout=limit_s)
        fault = err.strip().splitlines()[-1] if job.returncode and err.strip() else f"status {job.returncode}"
        fault = fault if job.returncode else None
    except subprocess.TimeoutExpired:
        job.kill()
        out, _ = job.communicate()
        fault = f"not complete after {limit_s:.0f} s"
    for line in out.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
    if fault:
        yield {"part": name, "what": "the whole part", "value": fault, "wanted": "an end", "ok": False}
    yield {"part": name, "complete": True}


def measure(name, device, quick):
    """Run a part in this process and print its rows as JSON."""
    import importlib

    from units.devices import choose

    part = getattr(importlib.import_module(PARTS[name][0]), name)
    for what, value, wanted, ok in part(choose(device), quick):
        value = float(f"{value:.4g}") if isinstance(value, float) else value
        row = {"part": name, "what": what, "value": value, "wanted": wanted, "ok": ok}
        print(json.dumps(row), flush=True)


def read_rows(path):
    """Return the rows in a file, [] if there is none."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def table(rows):
    """Return rows as a table in Markdown."""
    mark = {True: "yes", False: "NO", None: ""}
    cells = ((r["part"], r["what"], r["value"], r["wanted"], mark[r["ok"]]) for r in rows if "what" in r)
    return "\n".join([HEAD, *("| " + " | ".join(map(str, row)) + " |" for row in cells)])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=9, help="time for all parts together")
    parser.add_argument("--parts", default=",".join(PARTS), help="parts to run, separated by commas")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--out", default="gpu.jsonl", help="file of the rows")
    parser.add_argument("--quick", action="store_true", help="small networks, few steps")
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        return measure(options.part, options.device, options.quick)
    if unknown := set(options.parts.split(",")) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    end = time.monotonic() + 60 * options.minutes
    complete = {row["part"] for row in read_rows(options.out) if row.get("complete")}
    for name in options.parts.split(","):
        left = end - time.monotonic()
        if name in complete or left < 5:
            continue
        rows = list(run_part(name, options.device, options.quick, min(left, PARTS[name][1])))
        with open(options.out, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        print(f"{name}: {len(rows) - 1} rows", file=sys.stderr)
    rows = read_rows(options.out)
    print(table(rows))
    wrong = [row for row in rows if row.get("ok") is False]
    print(f"\n{len(wrong)} of {sum('what' in row for row in rows)} checks failed.")
    return None


if __name__ == "__main__":
    main()
