"""split: what it understands; what it does is in tests/triage/test_regroup.py."""

from dataclasses import replace

from bot.facts import AlertAttached
from bot.incident import AlertSeen
from tests.talk import NOW, Talk

ALERT = AlertSeen(
    delivery="D1", source="datadog", transition="Triggered", at=NOW, title="Web", fingerprint="f1", hostname="web-01"
)
OTHER = replace(ALERT, delivery="D2", fingerprint="f2", hostname="web-02")


def test_a_delivery_leaves_for_an_incident_of_its_own(say: Talk) -> None:
    say.record(AlertAttached(alert=ALERT), AlertAttached(alert=OTHER))
    assert say("split D2") == "INC-2 opened."
    assert [a.delivery for a in say.incident(2).alerts] == ["D2"]
    assert ("open", 2) in say.flows()


def test_without_a_delivery_the_last_ones_are_named(say: Talk) -> None:
    say.record(AlertAttached(alert=ALERT), AlertAttached(alert=OTHER))
    assert say.refused("split") == "Nothing was split: say split DELIVERY; here are D2 (web-02), D1 (web-01)."
    assert say.refused("split the web servers").startswith("Nothing was split: say split DELIVERY; here are")
