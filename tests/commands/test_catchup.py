"""catchup: for those who come late."""

from bot.facts import ChecksAnswered, StepFailed
from bot.incident import CauseSeen, Verdict
from tests.talk import NOW, Talk


def test_all_that_matters_in_a_few_lines(say: Talk) -> None:
    cause = CauseSeen(id="web/1", verdict=Verdict.PROVED, text="web-02 listens on 8081", at=NOW, host="web-02")
    say.record(ChecksAnswered(runbook="web", host="web-02", run="r", results=(), causes=(cause,)))
    say("impact 5 % of orders fail")
    say("update we know the cause")
    say("began 10:20")
    say("action @ana test every config")
    say("hold")
    say.record(StepFailed(step="topic", text="Slack refused.", fix="Ask an administrator."))
    say.later(5)
    reply = say.reply("catchup")
    assert reply.private
    assert reply.text.splitlines()[:9] == [
        "INC-1 is identified, SEV3: Web is out",
        "Since 2026-11-22 10:20 UTC",
        "Nobody is commander yet",
        "Proved: web-02 listens on 8081",
        "Impact: 5 % of orders fail",
        "Last update: we know the cause",
        "Actions of the bot are on hold.",
        "Topic failed: Slack refused. Ask an administrator.",
        "Open actions: 1, “actions” shows them",
    ]
    assert reply.text.splitlines()[-1] == "E8 2026-11-22 10:45 UTC note: Actions held"


def test_at_the_beginning_it_is_short_and_later_it_says_when_it_was_over(say: Talk) -> None:
    assert len(say("catchup").splitlines()) == 3
    say("mitigated 10:40")
    say("resolve")
    assert "mitigated 2026-11-22 10:40 UTC, resolved 2026-11-22 10:45 UTC" in say("catchup")
