"""Our own SVG pictures as PNG, for chats that show no SVG. Draws what `strip` and `chart` draw, and nothing else.

Pillow is an optional part: without it there is no PNG, and the tables tell the same.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

SCALE = 2
"""Pixels for one unit of the picture: letters stay sharp on small screens."""
_SVG = "{http://www.w3.org/2000/svg}"
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def png(svg: str) -> bytes | None:
    """The picture as PNG bytes, the same for the same picture; None where Pillow is not installed."""
    try:
        from PIL import Image, ImageDraw
    except ImportError:
        return None
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own picture
    image = Image.new("RGB", (int(root.attrib["width"]) * SCALE, int(root.attrib["height"]) * SCALE), "white")
    pen = ImageDraw.Draw(image)
    for element in root.iter():
        if draw := _DRAW.get(element.tag.removeprefix(_SVG)):
            draw(pen, element)
    out = BytesIO()
    image.save(out, "PNG", optimize=False)
    return out.getvalue()


def _number(element: ElementTree.Element, name: str) -> float:
    return float(element.get(name, "0")) * SCALE


def _rect(pen: ImageDraw, element: ElementTree.Element) -> None:
    x, y = _number(element, "x"), _number(element, "y")
    corners = (x, y, x + _number(element, "width"), y + _number(element, "height"))
    pen.rectangle(corners, fill=element.get("fill"), outline=element.get("stroke"))


def _line(pen: ImageDraw, element: ElementTree.Element) -> None:
    start, end = (tuple(_number(element, f"{axis}{n}") for axis in "xy") for n in "12")
    for part in _dashes(start, end) if element.get("stroke-dasharray") else [(*start, *end)]:
        pen.line(part, fill=element.get("stroke"), width=max(1, SCALE // 2))


def _dashes(start: tuple[float, ...], end: tuple[float, ...]) -> list[tuple[float, ...]]:
    length = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1.0)
    step = 2 * SCALE / length

    def at(share: float) -> tuple[float, ...]:
        return tuple(a + (b - a) * min(share, 1.0) for a, b in zip(start, end, strict=True))

    return [(*at(n * 2 * step), *at((n * 2 + 1) * step)) for n in range(int(0.5 / step) + 1)]


def _polyline(pen: ImageDraw, element: ElementTree.Element) -> None:
    pairs = [pair.split(",") for pair in element.get("points", "").split()]
    points = [(float(x) * SCALE, float(y) * SCALE) for x, y in pairs]
    pen.line(points, fill=element.get("stroke"), width=SCALE, joint="curve")


def _text(pen: ImageDraw, element: ElementTree.Element) -> None:
    from PIL import ImageFont

    halo: dict[str, Any] = {"stroke_width": SCALE, "stroke_fill": "white"} if element.get("stroke") else {}
    pen.text(
        (_number(element, "x"), _number(element, "y")),
        element.text or "",
        fill=element.get("fill"),
        font=ImageFont.load_default(_number(element, "font-size")),
        anchor=_ANCHORS[element.get("text-anchor", "start")],
        **halo,
    )


_DRAW = {"rect": _rect, "line": _line, "polyline": _polyline, "text": _text}
