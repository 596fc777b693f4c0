"""postmortem: drafted again, owned, reviewed."""

from bot.facts import Closed
from bot.incident import Review
from tests.talk import Talk


def closed(say: Talk) -> Talk:
    say.record(Closed())
    return say


def test_a_closed_incident_is_drafted_again(say: Talk) -> None:
    assert "drafted" in closed(say)("postmortem")
    assert say.flows() == [("draft", 1)]


def test_an_open_one_is_not(say: Talk) -> None:
    assert "“close” drafts it" in say.refused("postmortem")
    assert "“close” drafts it" in say.refused("postmortem review")


def test_a_correction_after_the_closing_drafts_again(say: Talk) -> None:
    closed(say)("note one more thing")
    assert say.flows() == [("draft", 1)]
    say("reopen")
    assert say.flows() == [("draft", 1)]


def test_owner_and_reviewer_are_named_at_any_time(say: Talk) -> None:
    assert say("postmortem owner <@U1|ana>") == "ana is the owner of the postmortem."
    assert say("postmortem owner @ana").endswith("ana is the owner of the postmortem.")
    assert say("postmortem reviewer @ben") == "ben is the reviewer of the postmortem."
    assert say("postmortem reviewer @ben").endswith("already.")
    assert {role: person.name for role, person in say.incident().roles.items()} == {"owner": "ana", "reviewer": "ben"}


def test_a_review_ends_when_nothing_is_missing_any_more(say: Talk) -> None:
    say("action test every config")
    assert closed(say)("postmortem review") == "The postmortem of INC-1 is in review."
    assert say("postmortem review").endswith("already.")
    assert say.refused("postmortem done") == (
        "The review was not ended: it has no owner: postmortem owner @user; "
        "A1 lacks an owner, a date and a test: action A1 @user by DATE done when TEXT."
    )
    assert "Still open: A1 lacks an owner, a date and a test: " in say("postmortem status")
    say("postmortem owner @ana")
    say("action A1 @ana by 2026-12-01 done when the gate fails")
    assert say("postmortem done") == "The postmortem of INC-1 is reviewed and done."
    assert say.incident().review is Review.DONE
    assert say.incident().view.postmortem_done == say.now
    assert say("postmortem draft") == "The postmortem of INC-1 is in draft."
    assert say.incident().view.postmortem_done is None


def test_other_words_are_refused_with_the_words_that_there_are(say: Talk) -> None:
    assert "none of these" in closed(say).refused("postmortem please")
    assert "none of these" in say.refused("postmortem done with it")
