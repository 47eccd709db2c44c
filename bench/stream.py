#!/usr/bin/env python3
"""Memory of the tools that pass records on, over a stream of a million records.

    bench/stream.py [RECORDS...=10000 1000000]

Each tool is a separate process that reads cheap records, made while it reads them; its output is discarded.
Prints a Markdown table of microseconds of processor time per record, and of peak memory, which is the same in
each column if a tool does not accumulate anything. Audio is one short recording, used again and again;
su-encode, su-pitch and su-synth work on it, and get a hundredth of the records.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests", "support")]
BLOCK = 1000  # records written at once
SPAN = {"audio_filepath": "a.wav", "offset": 0.5, "duration": 0.5}
VOCODER = (
    "--arch v1 --width 32 --epochs 1 --batch-size 2 --crop-seconds 0.4 --held-out 0.5 --predictor-steps 1 "
    "--discriminator-width 0.05"
)
# tool, its arguments, the fields of each record besides its id, whether frames follow, share of the records
TOOLS = [
    ("su-quantize", "-c book.npz", {"features": "-"}, True, 1),
    ("su-quantize", "--collapse -c book.npz", {"features": "-"}, True, 1),
    ("su-bpe", "encode -m bpe.model", {"units": [0, 1, 2]}, False, 1),
    ("su-bpe", "decode -m bpe.model", {"pieces": [1, 2]}, False, 1),
    ("su-labels", "export -t json", {"units": [0, 0, 1]}, False, 1),
    ("su-labels", "export -t ctm --tier units", {"units": [0, 0, 1]}, False, 1),
    ("su-search", "find -i index", {"units": [0, 1, 2, 3]}, False, 0.01),
    ("su-pitch", "-j 1", SPAN, False, 0.01),
    ("su-pitch", "-j 2", SPAN, False, 0.01),
    ("su-encode", "-m mfcc", SPAN, False, 0.01),
    ("su-encode", "-m small", SPAN, False, 0.01),
    ("su-synth", "-m vocoder", {"units": [0, 1, 2]}, False, 0.01),
]


def prepare(folder):
    """Make a recording, a codebook, a BPE model, an index and a vocoder in a folder."""
    import numpy as np
    import soundfile
    from speechlike import RATE, recording

    def tool(*words, stdin=b""):
        command = [os.path.join(ROOT, "bin", words[0]), *words[1:]]
        return subprocess.run(command, input=stdin, cwd=folder, check=True, capture_output=True).stdout

    def lines(records):
        return b"".join(json.dumps(record).encode() + b"\n" for record in records)

    soundfile.write(os.path.join(folder, "a.wav"), recording([0.0, 2.4, 0.0], seed=0), RATE)
    spans = lines([{"id": str(i), **SPAN, "offset": i / 4} for i in range(6)])
    frames = tool("su-encode", "-m", "mfcc", stdin=spans)
    tool("su-cluster", "-k", "4", "-o", "book.npz", stdin=frames)
    random = np.random.default_rng(0)
    units = lines({"id": str(i), "units": random.integers(0, 4, 50).tolist()} for i in range(50))
    tool("su-bpe", "train", "--vocab-size", "8", "-o", "bpe.model", stdin=units)
    tool("su-search", "build", "-o", "index", stdin=units)
    spoken = tool("su-quantize", "-c", "book.npz", stdin=frames)
    tool("su-train-vocoder", "-o", "vocoder", *VOCODER.split(), stdin=spoken)
    for number, (_, _, fields, framed, _) in enumerate(TOOLS):
        with open(os.path.join(folder, f"record{number}"), "wb") as file:
            file.write(record_bytes(fields, framed))


def record_bytes(fields, framed):
    """Return a record, with a frame of 39 dimensions if it has frames."""
    import io

    import numpy as np

    from units.files.streams import write_record
    from units.records import Record

    file = io.BytesIO()
    array = np.ones((1, 39), np.float32) if framed else None
    write_record(Record({"id": "ID", **fields}, array=array), file)
    return file.getvalue()


def measure(tool, words, record, count, folder):
    """Run a tool over a number of records; return its processor time in s and its peak memory in MB."""
    command = [os.path.join(ROOT, "bin", tool), *words.split()]
    before, after = record.split(b"ID")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=folder)

    def feed():
        with process.stdin as pipe:
            for start in range(0, count, BLOCK):
                numbers = range(start, min(start + BLOCK, count))
                pipe.write(b"".join(b"%b%d%b" % (before, number, after) for number in numbers))

    feeding = threading.Thread(target=feed)
    feeding.start()
    _, status, used = os.wait4(process.pid, 0)
    feeding.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{tool} {words} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("records", nargs="*", type=int, default=[10_000, 1_000_000])
    counts = parser.parse_args().records
    with tempfile.TemporaryDirectory() as folder:
        # what a process has before it becomes a tool counts as the tool's peak: so this one imports nothing
        maker = multiprocessing.get_context("spawn").Process(target=prepare, args=(folder,))
        maker.start()
        maker.join()
        if maker.exitcode:
            sys.exit("what the tools need could not be made")
        heads = [f"{count} records: µs | MB" for count in counts]
        print("|", " | ".join(["", *heads]), "|")
        print("|---" * (1 + 2 * len(counts)) + "|", flush=True)
        for number, (tool, words, _, _, share) in enumerate(TOOLS):
            with open(os.path.join(folder, f"record{number}"), "rb") as file:
                record = file.read()
            cells = []
            for count in counts:
                seconds, megabytes = measure(tool, words, record, int(count * share), folder)
                cells.append(f"{1e6 * seconds / (count * share):.0f} | {megabytes:.1f}")
            print("|", " | ".join([f"{tool} {words}", *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
