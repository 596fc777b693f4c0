"""resolve: the service is well again."""

from datetime import UTC, datetime

from bot.incident import Status
from tests.talk import NOW, Talk


def test_now_or_at_a_time(say: Talk) -> None:
    assert say("resolve 10:40 config restored") == "Resolved at 10:40 UTC. “close” writes the postmortem."
    incident = say.incident()
    assert (incident.status, incident.resolved_at) == (Status.RESOLVED, datetime(2026, 11, 22, 10, 40, tzinfo=UTC))
    assert say.last.text == "config restored"


def test_without_a_time_it_is_now(say: Talk) -> None:
    assert say("resolve") == "Resolved. “close” writes the postmortem."
    assert say.incident().resolved_at == NOW


def test_a_second_time_is_not_swallowed(say: Talk) -> None:
    say("resolve")
    assert say("resolve") == "INC-1 is resolved already."
    assert "fix E2 at TIME" in say.refused("resolve 10:40")
    say("fix E2 at 10:40")
    assert say.incident().resolved_at == datetime(2026, 11, 22, 10, 40, tzinfo=UTC)
