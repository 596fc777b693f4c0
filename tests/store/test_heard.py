"""What was said is kept once, however often and in whatever order it comes."""

from __future__ import annotations

from itertools import permutations

import pytest

from bot.said import Said
from bot.slack.hearing import from_click
from bot.store import Store


def click(at: float, *, user: str = "U1", button: str = "run_checks") -> Said:
    """A click on the card, `at` seconds after the first one."""
    action = {"action_id": button, "action_ts": f"{1795343459.5 + at:.6f}", "value": "plan-1"}
    return from_click({"user": {"id": user}, "actions": [action], "container": {"message_ts": "1.000100"}})


def hear(store: Store, said: Said) -> str:
    """Keep it as the bot does; the key under which it is known."""
    with store.transaction(intake=True) as tx:
        key = tx.twin(said)
        tx.heard(Said(key=key, text=said.text, author=said.author, at=said.at, source=said.source))
    return key


@pytest.mark.parametrize("order", list(permutations([0.0, 0.4, 1.9])))
def test_a_double_click_is_one_in_whatever_order_and_however_often_it_comes(
    store: Store, order: tuple[float, ...]
) -> None:
    assert len({hear(store, click(at)) for _ in range(5) for at in order}) == 1


def test_clicks_at_other_times_of_others_and_on_other_buttons_are_other_things(store: Store) -> None:
    clicks = [click(0), click(2.1), click(-2.1), click(0, user="U2"), click(0.1, button="hold")]
    assert len({hear(store, one) for one in clicks}) == len(clicks)


def test_what_has_no_twins_is_known_by_its_own_key(store: Store) -> None:
    said = click(0)
    alone = Said(key="command:1.2.3", text="note x", author=said.author, at=said.at, source=said.source)
    assert hear(store, alone) == hear(store, alone) == "command:1.2.3"
