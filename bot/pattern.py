"""Patterns with one special character: `*` stands for any text. Square brackets and `?` are themselves."""

from __future__ import annotations


def matches(pattern: str, text: str, *, any_case: bool = False) -> bool:
    """Whether the whole text fits the pattern; linear in its length, whatever the pattern."""
    if any_case:
        pattern, text = pattern.casefold(), text.casefold()
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
