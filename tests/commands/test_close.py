"""close, reopen."""

from bot.facts import AlertAttached
from bot.incident import AlertSeen, Status
from tests.talk import NOW, Talk


def test_closing_resolves_and_drafts(say: Talk) -> None:
    assert say("close") == "INC-1 closed. The postmortem draft follows."
    assert (say.incident().status, say.incident().resolved_at) == (Status.CLOSED, NOW)
    assert say.flows() == [("close", 1)]
    assert say("close").startswith("INC-1 is closed already.")
    assert say.incident().closings == 1


def test_closing_keeps_the_time_of_an_earlier_resolve(say: Talk) -> None:
    say("resolve 10:40")
    say("close")
    assert say.incident().resolved_at != say.incident().closed_at == NOW


def test_what_still_alerts_is_not_closed(say: Talk) -> None:
    say.record(
        AlertAttached(alert=AlertSeen(delivery="D1", source="datadog", transition="Triggered", at=NOW, title="Web"))
    )
    assert "still alerting (Web)" in say.refused("close")
    assert say("resolve").startswith("Resolved. Still alerting: Web.")
    assert say("close").startswith("INC-1 closed")


def test_a_sentence_that_begins_with_close_closes_nothing(say: Talk) -> None:
    assert "note call on the database" in say.refused("close call on the database")
    assert say.incident().open


def test_reopening_takes_the_end_back(say: Talk) -> None:
    assert say.refused("reopen") == "Nothing was changed: INC-1 is open, it is investigating."
    say("close")
    assert say("reopen it came back") == "INC-1 is open again."
    incident = say.incident()
    assert (incident.status, incident.resolved_at, incident.closed_at) == (Status.INVESTIGATING, None, None)
    assert say.last.text == "it came back"
