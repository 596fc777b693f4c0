"""How channels are called."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.naming import channel_name, could_be
from tests.slack.samples import small

TEMPLATE = "inc-{n}-{slug}"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("web-02 is out of rotation", "inc-7-web-02-is-out-of-rotation"),
        ("Café: über-slow!!", "inc-7-cafe-uber-slow"),
        ("支払いが遅い", "inc-7"),
        ("", "inc-7"),
        ("---", "inc-7"),
    ],
)
def test_a_name_is_made_of_the_title(title: str, name: str) -> None:
    assert channel_name(TEMPLATE, small(title=title)) == name


def test_a_private_incident_has_no_title_in_its_name() -> None:
    assert channel_name(TEMPLATE, replace(small(), private=True)) == "inc-7"


@given(
    title=st.text(max_size=400),
    template=st.sampled_from([TEMPLATE, "{slug}", "Vorfall {n}", "{n}", "x" * 90 + "{n}", "{slug}{slug}", ""]),
    attempt=st.integers(min_value=1, max_value=9),
)
def test_every_name_is_one_that_slack_allows(title: str, template: str, attempt: int) -> None:
    name = channel_name(template, small(title=title), attempt=attempt)
    assert re.fullmatch(r"[a-z0-9_-]{1,80}", name)
    assert re.search(r"[a-z0-9]", name)


@pytest.mark.parametrize("name", ["inc-7-web-02", "inc-7-anything-2", "inc-7", "inc-7-2"])
def test_a_channel_of_this_incident_is_known_by_its_number(name: str) -> None:
    assert could_be(TEMPLATE, small(), name)


@pytest.mark.parametrize("name", ["inc-70-web", "inc-17-web", "inc-77", "general", "xinc-7-web"])
def test_a_channel_of_another_incident_is_not_taken_for_it(name: str) -> None:
    assert not could_be(TEMPLATE, small(), name)
