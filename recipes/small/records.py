"""List the recordings that `small` is trained on, and divide their segments.

    python recipes/small/records.py list FESTVOX OPEN_SPEECH... >recordings.jsonl
    python recipes/small/records.py paths recordings.jsonl | xargs -0 su-segment >segments.jsonl
    python recipes/small/records.py divide recordings.jsonl segments.jsonl FOLDER
    python recipes/small/records.py label phones.jsonl SEGMENTS... >labels.jsonl

FESTVOX: folder of the voice in Debian's festvox-ru. OPEN_SPEECH: folders with records.jsonl. `divide` writes
FOLDER/training.jsonl, held-out.jsonl (other speakers) and held-out-languages.jsonl: the segments that
su-segment made of the recordings, each with its language, its speaker and an id that is unique in all.
`paths` writes their paths, each followed by NUL. `label` cuts the phones of recordings, from phones.py, to
those of their segments.
"""

import argparse
import glob
import hashlib
import itertools
import json
import os
import sys

from units.labels.frames import cut

HELD_OUT_LANGUAGES = ("fi", "ka", "lg", "vi")  # Uralic, Kartvelian, Bantu, tonal
_ONE_IN = 25  # speakers of Common Voice is held out; the other folders have too few speakers


def read(path):
    """Yield the records in a file of JSON Lines."""
    with open(path, encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def recordings(voice, folders):
    """Yield a record per recording: id, audio_filepath, language, speaker, and text if it is known.

    The texts of festvox-ru are left out: with its phone labels, they measure what was learned.
    """
    for path in sorted(glob.glob(os.path.join(glob.escape(voice), "wav", "*.wav"))):
        name = os.path.splitext(os.path.basename(path))[0]
        yield {"id": f"festvox-{name}", "audio_filepath": path, "language": "ru", "speaker": "festvox-ru"}
    for folder in folders:
        for record in read(os.path.join(folder, "records.jsonl")):
            own = os.path.dirname(record["audio_filepath"])
            path = os.path.join(folder, record["audio_filepath"])
            yield {"speaker": own, **record, "audio_filepath": path}


def side(record):
    """Return the name of the list that a recording belongs to."""
    if record["language"] in HELD_OUT_LANGUAGES:
        return "held-out-languages"
    common_voice = os.path.dirname(record["audio_filepath"]).endswith("-cv")
    number = int(hashlib.sha256(record["speaker"].encode()).hexdigest(), 16)
    return "held-out" if common_voice and number % _ONE_IN == 0 else "training"


def divide(known, segments):
    """Return {list: [segment]} of the segments of known recordings."""
    by_path = {record["audio_filepath"]: record for record in known}
    found = {name: [] for name in ("training", "held-out", "held-out-languages")}
    for segment in segments:
        record = by_path[segment["audio_filepath"]]
        first = round(1000 * segment["offset"])
        fields = {name: record[name] for name in ("language", "speaker")}
        found[side(record)].append({**segment, **fields, "id": f"{record['id']}-{first:08}"})
    return found


def labels(phones, segments):
    """Yield the phones of each segment that has some, [start, end, label] in seconds of the segment."""
    by_path = {record["audio_filepath"]: record["phones"] for record in phones}
    for segment in segments:
        first, last = segment["offset"], segment["offset"] + segment["duration"]
        found = cut(by_path.get(segment["audio_filepath"], []), first, last)
        if found:
            yield {"id": segment["id"], "phones": found}


def main():
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list")
    listing.add_argument("voice")
    listing.add_argument("folders", nargs="*")
    dividing = commands.add_parser("divide")
    for name in ("recordings", "segments", "folder"):
        dividing.add_argument(name)
    commands.add_parser("paths").add_argument("recordings")
    labelling = commands.add_parser("label")
    labelling.add_argument("phones")
    labelling.add_argument("segments", nargs="+")
    options = parser.parse_args()
    if options.command == "paths":
        sys.stdout.writelines(record["audio_filepath"] + "\0" for record in read(options.recordings))
        return
    if options.command != "divide":
        made = (
            recordings(options.voice, options.folders)
            if options.command == "list"
            else labels(read(options.phones), itertools.chain(*map(read, options.segments)))
        )
        sys.stdout.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in made)
        return
    found = divide(list(read(options.recordings)), read(options.segments))
    for name, records in found.items():
        with open(os.path.join(options.folder, f"{name}.jsonl"), "w", encoding="utf-8") as out:
            out.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        hours = sum(record["duration"] for record in records) / 3600
        sys.stderr.write(f"{name}: {len(records)} segments, {hours:.2f} h\n")


if __name__ == "__main__":
    main()
