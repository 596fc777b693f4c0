"""The strip chart."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from bot.facts import Opened
from bot.incident import Incident, Kind, Precision
from bot.postmortem.story import Story
from bot.postmortem.strip import SIGN, strip
from tests.postmortem.incidents import ADA, ALL, Facts, at, hostile, long, machine_run

SVG = "{http://www.w3.org/2000/svg}"


def drawn(incident: Incident, zone: str = "Europe/Berlin") -> ET.Element:
    return ET.fromstring(strip(Story(incident, zone=zone)))  # noqa: S314 - it is our own


def boxes(picture: ET.Element) -> list[tuple[str, float, float, float]]:
    found = []
    for text in picture.iter(f"{SVG}text"):
        words, size = text.text or "", float(text.get("font-size", "11"))
        width = len(words) * SIGN * size / 11
        left = float(text.get("x", "0")) - (width / 2 if text.get("text-anchor") == "middle" else 0)
        found.append((words, left, left + width, float(text.get("y", "0"))))
    return found


@pytest.mark.parametrize("name", sorted(ALL))
def test_no_two_labels_overlap_and_none_leaves_the_picture(name: str) -> None:
    picture = drawn(*ALL[name])
    labels = boxes(picture)
    width, height = float(picture.get("width", "0")), float(picture.get("height", "0"))
    assert all(left >= 0 and right <= width and 0 < y < height for _, left, right, y in labels)
    for n, (_, left, right, y) in enumerate(labels):
        assert not [o for o in labels[n + 1 :] if abs(o[3] - y) < 10 and o[1] < right and left < o[2]]


def test_it_is_an_image_with_a_title_a_description_and_a_white_ground() -> None:
    picture = drawn(machine_run(), "Africa/Nairobi")
    assert picture.get("role") == "img"
    assert picture.findtext(f"{SVG}title") == "Timeline of INC-7"
    assert "detected 2026-11-22 13:30:00 EAT, cause proved 13:30:01 EAT" in (picture.findtext(f"{SVG}desc") or "")
    ground = picture.find(f"{SVG}rect")
    assert ground is not None
    assert (ground.get("fill"), ground.get("width")) == ("#ffffff", picture.get("width"))


def test_only_ids_and_our_own_words_stand_in_it() -> None:
    said = " ".join(words for words, *_ in boxes(drawn(hostile())))
    assert "Heading" not in said
    assert "script" not in strip(Story(hostile(), zone="UTC"))


def test_phases_show_their_length() -> None:
    said = [words for words, *_ in boxes(drawn(*ALL["seed"]))]
    assert {"4 min", "41 min", "5 min"} <= set(said)
    assert "Not recorded: start of impact." in said


def test_ten_thousand_entries_still_make_a_small_picture() -> None:
    assert len(strip(Story(long(10_000), zone="UTC"))) < 200_000


def test_without_any_time_it_says_so() -> None:
    facts = Facts()
    facts.add(Opened(title="x", severity=""), None, by=ADA)
    facts.told(Kind.NOTE, "x", None, precision=Precision.UNKNOWN)
    assert "nothing to draw" in strip(Story(facts.incident(), zone="UTC"))


def test_one_instant_is_enough() -> None:
    facts = Facts()
    facts.add(Opened(title="x", severity=""), at("10:00:00"), by=ADA)
    assert re.search(r">E1<", strip(Story(facts.incident(), zone="UTC")))
