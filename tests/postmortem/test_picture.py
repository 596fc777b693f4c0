"""Our pictures in a real browser, on light and on dark pages."""

from __future__ import annotations

import base64
from typing import Literal

import pytest
from playwright.async_api import Browser

from bot.postmortem.draft import draft
from tests.browser import browser
from tests.postmortem.incidents import machine_run
from tests.postmortem.test_chart import measured

__all__ = ["browser"]
PICTURES = {
    "timeline": draft(machine_run(), zone="UTC").svg,
    "metric": draft(measured(), zone="UTC").charts["metric-1.svg"],
}
MIDDLE = """img => { const c = document.createElement("canvas"); c.width = img.naturalWidth;
c.height = img.naturalHeight; const g = c.getContext("2d"); g.drawImage(img, 0, 0); const seen = new Set();
const d = g.getImageData(0, 0, c.width, c.height).data;
for (let i = 0; i < d.length; i += 4) seen.add([d[i], d[i+1], d[i+2], d[i+3]].join());
return [img.naturalWidth, seen.size, [...g.getImageData(2, 2, 1, 1).data].join()]; }"""


@pytest.mark.parametrize("name", sorted(PICTURES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_picture_shows_on_any_page(browser: Browser, name: str, scheme: Literal["light", "dark"]) -> None:
    page = await browser.new_page(color_scheme=scheme)
    data = base64.b64encode(PICTURES[name].encode()).decode()
    await page.set_content(f'<body style="background:black"><img alt="x" src="data:image/svg+xml;base64,{data}">')
    width, colours, corner = await page.locator("img").evaluate(MIDDLE)
    assert (width, corner) == (900, "255,255,255,255")
    assert colours > 10
    await page.close()


async def test_a_picture_tells_its_title_and_its_description(browser: Browser) -> None:
    page = await browser.new_page()
    await page.set_content(PICTURES["timeline"])
    picture = page.get_by_role("img", name="Timeline of INC-7")
    assert await picture.count() == 1
    assert "detected 2026-11-22 10:30:00 UTC" in await picture.locator("desc").evaluate("node => node.textContent")
    await page.close()
