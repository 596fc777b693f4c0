"""A small Markdown linter: what a reader, or a stricter linter, would stumble over."""

from __future__ import annotations

import re

CELL = re.compile(r"(?<!\\)\|")
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
LINK = re.compile(r"\]\([^)\s]*\)")


def problems(page: str) -> list[str]:
    """What is wrong, with line numbers from 1."""
    lines = page.split("\n")
    fenced = _fenced(lines)
    tops = _tops(lines, fenced)
    found = [f"1: {tops} top headings"] if tops != 1 else []
    if not page.endswith("\n") or page.endswith("\n\n"):
        found.append("the file does not end with one newline")
    for n in range(len(lines) - 1):
        if n not in fenced:
            found += [f"{n + 1}: {said}" for said in _line(lines, n)]
    return found + _tables(lines, fenced)


def _tops(lines: list[str], fenced: set[int]) -> int:
    return sum(line.startswith("# ") for n, line in enumerate(lines) if n not in fenced)


def _fenced(lines: list[str]) -> set[int]:
    inside: set[int] = set()
    ticks = ""
    for n, line in enumerate(lines):
        opens = re.match(r"(`{3,})(\w*)", line)
        if ticks:
            inside.add(n)
            if line == ticks:
                ticks = ""
        elif opens:
            ticks = opens[1]
            inside.add(n)
    return inside


def _line(lines: list[str], n: int) -> list[str]:
    line, before, after = lines[n], lines[n - 1] if n else "", lines[n + 1]
    said = []
    if line != line.rstrip() or "\t" in line:
        said.append("trailing space or tab")
    if not line and not before and n:
        said.append("two blank lines")
    if re.match(r"#{1,6} ", line) and ((n and before) or after):
        said.append("a heading without blank lines around it")
    if line.startswith("- ") and before and not before.startswith("- "):
        said.append("a list without a blank line before it")
    if line.startswith("|") and before and not before.startswith("|"):
        said.append("a table without a blank line before it")
    bare = LINK.sub("]", CODE.sub("", line))
    if re.search(r"(?<!\w)[A-Za-z][\w+.-]*://\w|(?<![\w​])www\.", bare):
        said.append("a bare address")
    if re.search(r"<(?!!-- muster)", bare):
        said.append("HTML")
    if re.search(r"(?<![\w])[@#]\w", bare):
        said.append("a live mention")
    return said


def _tables(lines: list[str], fenced: set[int]) -> list[str]:
    found, columns = [], 0
    for n, line in enumerate(lines):
        if n in fenced or not line.startswith("|"):
            columns = 0
            continue
        count = len(CELL.findall(line))
        if columns and count != columns:
            found.append(f"{n + 1}: {count} bars in a table with {columns}")
        columns = columns or count
    return found
