"""A real `find` that looks at one process only: what others on the machine hold open is not a test's business."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from bot.checks import Output
from tests.fake_servers import said


def find(argv: Sequence[str]) -> Output:
    """As on a server, with /proc cut down to this process."""
    own = f"/proc/{os.getpid()}/fd"
    words = [*argv[:2], own, "-mindepth", "1", "-maxdepth", "1", *argv[argv.index("-path") :]]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    return said(ended.stdout, exit=ended.returncode, stderr=ended.stderr)
