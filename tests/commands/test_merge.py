"""merge: what it understands; what it does is in tests/triage/test_regroup.py."""

import pytest

from bot.incident import Status
from tests.talk import Talk


@pytest.mark.parametrize("words", ["INC-2", "inc-2", "2"])
def test_the_other_incident_becomes_part_of_this_one(say: Talk, words: str) -> None:
    say("declare Checkout is down")
    assert say(f"merge {words}") == "INC-2 is part of INC-1 now."
    assert (say.incident(2).merged_into, say.incident(2).status) == (1, Status.CLOSED)
    assert any(e.text == "INC-2, opened: Checkout is down" for e in say.incident().entries)
    assert ("report", 2) in say.flows()


@pytest.mark.parametrize("words", ["", "the other one", "INC-2 and INC-3", "INC-x"])
def test_anything_else_is_asked_about(say: Talk, words: str) -> None:
    assert say.refused(f"merge {words}".strip()) == (
        "Nothing was merged: which incident? Say merge INC-n, in the one that stays."
    )
