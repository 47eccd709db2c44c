"""The rules of the EAF 3.0 schema and of ELAN for files of labels with times, as assertions."""

import re
from xml.etree import ElementTree

ORDER = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LOCALE", "CONSTRAINT"]
ATTRIBUTES = {  # required, and optional
    "ANNOTATION_DOCUMENT": ("AUTHOR DATE VERSION", "FORMAT"),
    "HEADER": ("", "MEDIA_FILE TIME_UNITS"),
    "MEDIA_DESCRIPTOR": ("MEDIA_URL MIME_TYPE", "RELATIVE_MEDIA_URL TIME_ORIGIN EXTRACTED_FROM"),
    "PROPERTY": ("", "NAME"),
    "TIME_ORDER": ("", ""),
    "TIME_SLOT": ("TIME_SLOT_ID", "TIME_VALUE"),
    "TIER": ("TIER_ID LINGUISTIC_TYPE_REF", "PARTICIPANT ANNOTATOR DEFAULT_LOCALE PARENT_REF"),
    "ANNOTATION": ("", ""),
    "ALIGNABLE_ANNOTATION": ("ANNOTATION_ID TIME_SLOT_REF1 TIME_SLOT_REF2", ""),
    "ANNOTATION_VALUE": ("", ""),
    "LINGUISTIC_TYPE": ("LINGUISTIC_TYPE_ID", "TIME_ALIGNABLE GRAPHIC_REFERENCES CONSTRAINTS"),
}
CHILDREN = {
    "HEADER": "(MEDIA_DESCRIPTOR )*(PROPERTY )*",
    "TIME_ORDER": "(TIME_SLOT )*",
    "TIER": "(ANNOTATION )*",
    "ANNOTATION": "ALIGNABLE_ANNOTATION ",
    "ALIGNABLE_ANNOTATION": "ANNOTATION_VALUE ",
}


def check(path):
    """Assert that an .eaf file follows the rules; return the attributes of its media descriptor."""
    root = ElementTree.parse(path).getroot()
    assert root.tag == "ANNOTATION_DOCUMENT"
    places = [ORDER.index(child.tag) for child in root]
    assert places == sorted(places) and places[:2] == [0, 1] and places.count(0) == places.count(1) == 1
    for element in root.iter():
        needed, allowed = (set(names.split()) for names in ATTRIBUTES[element.tag])
        own = {name for name in element.attrib if not name.startswith("{")}
        assert needed <= own <= needed | allowed, (element.tag, own)
        if element.tag in CHILDREN:
            assert re.fullmatch(CHILDREN[element.tag], "".join(child.tag + " " for child in element))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)?", root.get("DATE"))
    times = _check_ids(root)
    for tier in root.iter("TIER"):
        _check_tier(tier, times, root)
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    return {} if media is None else dict(media.attrib)


def _check_ids(root):
    """Assert that ids are unique and slots in order; return {slot: ms}."""
    slots = [(slot.get("TIME_SLOT_ID"), int(slot.get("TIME_VALUE"))) for slot in root.iter("TIME_SLOT")]
    assert [time for _, time in slots] == sorted(time for _, time in slots)
    assert all(0 <= time < 1 << 32 for _, time in slots)
    ids = [a.get("ANNOTATION_ID") for a in root.iter("ALIGNABLE_ANNOTATION")]
    names = [name for name, _ in slots] + ids
    assert len(set(names)) == len(names) and all(re.fullmatch(r"[A-Za-z_][\w.-]*", name) for name in names)
    used = [a.get(f"TIME_SLOT_REF{i}") for a in root.iter("ALIGNABLE_ANNOTATION") for i in (1, 2)]
    assert sorted(used) == sorted(name for name, _ in slots)  # each by one annotation
    last = root.find("HEADER/PROPERTY[@NAME='lastUsedAnnotationId']")
    assert int(last.text) == max((int(name[1:]) for name in ids), default=0)
    return dict(slots)


def _check_tier(tier, times, root):
    """Assert that a tier's name is unique, its type is defined and its annotations do not overlap."""
    assert [other.get("TIER_ID") for other in root.iter("TIER")].count(tier.get("TIER_ID")) == 1
    (kind,) = root.findall(f"LINGUISTIC_TYPE[@LINGUISTIC_TYPE_ID='{tier.get('LINGUISTIC_TYPE_REF')}']")
    assert kind.get("TIME_ALIGNABLE") == "true" and kind.get("CONSTRAINTS") is None
    order, last = list(times), 0
    for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
        start, end = (annotation.get(f"TIME_SLOT_REF{i}") for i in (1, 2))
        assert last <= times[start] < times[end] and order.index(start) < order.index(end)
        last = times[end]
