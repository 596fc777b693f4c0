"""Templates of the user's own: rendered in a process of their own, with little memory and little time.

A template is a program. It may be wrong in any way, or not end; that must cost nobody the draft.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.ports import NotAllowed

LIMIT = 10.0  # seconds
MEMORY = 1 << 30  # bytes
LONGEST = 20_000_000  # bytes of a page
ENV = {"PYTHONUTF8": "1", "PYTHONHASHSEED": "0"}


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Where templates run: sandboxed, and a name that does not exist is an error, not an empty place."""
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )


def rendered(template: str, values: Mapping[str, Any], *, limit: float = LIMIT) -> str:
    """The page. Raises NotAllowed with what is wrong and in which line. Blocks."""
    given = json.dumps({"template": template, "values": dict(values)})
    path = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            [sys.executable, "-m", __name__],
            input=given.encode("utf-8", "surrogatepass"),
            capture_output=True,
            timeout=limit,
            env=ENV | path,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotAllowed(f"It did not end within {limit:.0f} s") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise NotAllowed(said or "It broke off: perhaps it needs too much memory")
    return done.stdout.decode("utf-8", "replace")


def main() -> int:
    """Render what stands on standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    given = json.loads(sys.stdin.buffer.read())
    try:
        page = environment().from_string(given["template"]).render(given["values"]).encode("utf-8", "replace")
    except Exception as problem:  # noqa: BLE001 - a template is a program of the user's: it may fail in any way
        line = getattr(problem, "lineno", None)
        where = f" in line {line}" if line else ""
        told = f"{type(problem).__name__}{where}: {problem}"
        sys.stderr.write(" ".join(told.split()))
        return 1
    if len(page) > LONGEST:
        sys.stderr.write(f"The page has more than {LONGEST} bytes")
        return 1
    sys.stdout.buffer.write(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
