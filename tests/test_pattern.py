"""Patterns know one special character."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pattern import matches


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("Shop latency*", "Shop latency p50 is high", True),
        ("Shop latency*", "shop latency", False),
        ("*latency*", "Shop latency", True),
        ("a*a", "a", False),
        ("[TEST]*", "[TEST] ping", True),
        ("[TEST]*", "T", False),
        ("a?c", "abc", False),
        ("", "", True),
        ("*", "", True),
        ("", "a", False),
    ],
)
def test_only_a_star_is_special(pattern: str, text: str, fits: bool) -> None:
    assert matches(pattern, text) is fits


def test_case_can_be_left_out_of_account() -> None:
    assert matches("Shop*", "SHOP latency", any_case=True)


@settings(deadline=None)
@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_it_agrees_with_the_shell_s_star(pattern: str, text: str) -> None:
    assert matches(pattern, text) is (re.match(fnmatch.translate(pattern), text) is not None)
