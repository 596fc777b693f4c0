"""resolve: the service is well again."""

from datetime import UTC, datetime

from bot.commands.resolve import _still_alerting
from bot.incident import AlertSeen, Incident, Status
from tests.talk import NOW, Talk


def test_now_or_at_a_time(say: Talk) -> None:
    assert say("resolve 10:40 config restored") == "Resolved at 10:40 UTC. “close” writes the postmortem."
    incident = say.incident()
    assert (incident.status, incident.resolved_at) == (Status.RESOLVED, datetime(2026, 11, 22, 10, 40, tzinfo=UTC))
    assert say.last.text == "config restored"


def test_without_a_time_it_is_now(say: Talk) -> None:
    assert say("resolve") == "Resolved. “close” writes the postmortem."
    assert say.incident().resolved_at == NOW


def test_what_still_alerts_is_named_once_each_and_counted() -> None:
    incident = Incident(number=1, opened_at=NOW)
    for n, title in enumerate(["Web", "Web", "Disk", "Lag", "Queue", "Cache"]):
        incident.alerts.append(
            AlertSeen(delivery=f"D{n}", source="datadog", transition="Warn", at=NOW, fingerprint=f"f{n}", title=title)
        )
    assert _still_alerting(incident) == " Still alerting: Web, Disk, Lag and 2 more."
    assert _still_alerting(Incident(number=1, opened_at=NOW)) == ""


def test_a_second_time_is_not_swallowed(say: Talk) -> None:
    say("resolve")
    assert say("resolve") == "INC-1 is resolved already."
    assert "fix E2 at TIME" in say.refused("resolve 10:40")
    say("fix E2 at 10:40")
    assert say.incident().resolved_at == datetime(2026, 11, 22, 10, 40, tzinfo=UTC)
