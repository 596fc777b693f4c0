"""The card says what the checks answered before and after."""

from __future__ import annotations

from dataclasses import replace

from bot.incident import CheckSeen, Incident
from bot.slack.render import card
from tests.slack.samples import AT, full, shown

PORT = CheckSeen(check="port", host="web-02", state="fail", reason="refused", at=AT, runbook="web", run="before")


def looked(*states: str, recovered: bool = True) -> Incident:
    """Its port refused us, and was asked again."""
    incident = full()
    incident.checks = [PORT, *(replace(PORT, state=s, reason="", run=f"again/{n}") for n, s in enumerate(states))]
    if recovered:
        incident.alerts.append(replace(incident.alerts[0], bad=False, transition="Recovered"))
    return incident


def test_a_recovery_shows_what_the_checks_said_before_and_say_now() -> None:
    message = card(looked("ok"), now=AT)
    assert "*Checks before → now:* port on web-02 fail (refused) → ok" in shown(message)
    assert "Checks before → now: port on web-02 fail (refused) → ok." in message.text


def test_a_recovery_that_the_checks_do_not_confirm_is_said_so() -> None:
    told = shown(card(looked("fail"), now=AT))
    assert "*The alerts recovered, 1 of 1 failed checks did not:* port on web-02 fail (refused) → fail" in told


def test_as_long_as_it_fires_and_fails_there_is_nothing_to_compare() -> None:
    assert "→ fail" not in shown(card(looked("fail", recovered=False), now=AT))
    assert "→ ok" not in shown(card(looked(), now=AT))
