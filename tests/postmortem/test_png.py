"""Pictures for chats that show no SVG."""

from __future__ import annotations

import sys
from io import BytesIO

import pytest
from PIL import Image

from bot.postmortem.draft import draft
from bot.postmortem.png import SCALE, png
from tests.postmortem.incidents import ALL


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_picture_has_its_size_and_its_colours_and_is_the_same_again(name: str) -> None:
    incident, zone = ALL[name]
    svg = draft(incident, zone=zone).svg
    drawn = png(svg)
    assert drawn is not None
    image = Image.open(BytesIO(drawn))
    assert image.size[0] == 900 * SCALE
    assert len(image.getcolors(1 << 20) or ()) > 20
    assert png(svg) == drawn


def test_every_element_of_our_pictures_is_drawn() -> None:
    svg = draft(ALL["machine"][0], zone="UTC").svg
    known = {"svg", "title", "desc", "rect", "line", "text", "polyline"}
    import re

    assert set(re.findall(r"<([a-z]+)", svg)) <= known


def test_without_pillow_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert png("<svg/>") is None
