"""Forms as modals: how they look, what is wrong with them, what they say."""

from __future__ import annotations

from typing import Any

import pytest

from bot.commands import Listed
from bot.forms import asks_for_form, capture_form, declare_form, update_form
from bot.incident import Person, Source, Status
from bot.lab.block_kit import check_view
from bot.policy import Policy
from bot.said import Form, Said
from bot.slack.modals import FORMS, from_submission, modal, wrong
from tests.slack.samples import AT, full, small

LISTED = [Listed(id=f"INC-{n}", title=f"Title {n}", severity="SEV3", status="investigating") for n in range(1, 197)]
ALL = [declare_form(Policy()), update_form(small()), capture_form(LISTED, quote="shortcut:1")]


def submitted(form: Form, **values: Any) -> dict[str, Any]:
    """What Slack sends when the form is sent off with these values."""
    view = modal(form)
    state: dict[str, Any] = {block["block_id"]: {"value": {"value": None}} for block in view["blocks"]}
    for field, value in values.items():
        state[field] = {"value": value if isinstance(value, dict) else {"value": value}}
    view |= {"id": "V1", "hash": "h1", "state": {"values": state}}
    return {"type": "view_submission", "user": {"id": "U1", "name": "ana"}, "view": view, "trigger_id": "t"}


def chosen(value: str) -> dict[str, Any]:
    return {"selected_option": {"value": value}}


def test_every_form_has_a_modal_that_slack_takes() -> None:
    assert {form.name for form in ALL} == FORMS
    for form in ALL:
        assert check_view(modal(form)) == []


def test_of_many_incidents_the_newest_hundred_can_be_chosen() -> None:
    block = modal(ALL[2])["blocks"][0]
    values = [option["value"] for option in block["element"]["options"]]
    assert (values[0], len(values)) == ("INC-196", 100)
    assert "96 older ones: say INC-n note TEXT" in block["hint"]["text"]


def test_what_stands_there_already_is_chosen() -> None:
    view = modal(declare_form(Policy(default_severity="SEV2"), title="login\nfails"))
    assert view["blocks"][0]["element"]["initial_value"] == "login fails"
    assert view["blocks"][1]["element"]["initial_option"]["value"] == "SEV2"


def test_where_it_is_over_there_is_no_status_to_choose() -> None:
    incident = full()
    incident.status = Status.RESOLVED
    assert [b["block_id"] for b in modal(update_form(incident))["blocks"]] == ["text"]
    assert check_view(modal(update_form(incident))) == []


@pytest.mark.parametrize("title", [None, "", "  ", "\u200b\u2060"])
def test_a_title_without_words_is_wrong(title: str | None) -> None:
    assert set(wrong(submitted(ALL[0], title=title))) == {"title"}


def test_an_update_says_something_new() -> None:
    same, other = chosen("investigating"), chosen("identified")
    assert set(wrong(submitted(ALL[1]))) == set(wrong(submitted(ALL[1], status=same))) == {"text"}
    assert wrong(submitted(ALL[1], status=other)) == wrong(submitted(ALL[1], status=same, text="x")) == {}
    assert set(wrong(submitted(ALL[2]))) == {"incident"}


def test_a_filled_form_is_heard_with_its_place() -> None:
    form = Form(**{**vars(ALL[1]), "carries": {"incident": "INC-7", "channel": "C7"}})
    said = from_submission(submitted(form, text=" done "), now=AT)
    assert said == Said(
        key="form:V1:h1:U1",
        text="",
        author=Person(id="U1", name="ana"),
        at=AT,
        source=Source(type="command"),
        channel="C7",
        incident=7,
        button="update_form",
        answers={"status": "", "text": "done"},
        reply_to={"channel": "C7", "user": "U1"},
    )
    assert from_submission(submitted(ALL[2], incident=chosen("INC-3")), now=AT).incident == 3


@pytest.mark.parametrize("carried", ["", "no json", "[]", "null"])
def test_what_a_form_carries_may_be_lost(carried: str) -> None:
    body = submitted(ALL[0], title="Pages are slow")
    body["view"]["private_metadata"] = carried
    said = from_submission(body, now=AT)
    assert (said.channel, said.incident, said.answers["title"]) == ("", None, "Pages are slow")


def test_a_form_is_asked_for_only_where_one_can_be_opened() -> None:
    said = Said(key="k", text=" Declare ", author=Person(), at=AT, source=Source(type="command"), trigger="t")
    assert asks_for_form(said)
    assert not asks_for_form(Said(**{**vars(said), "trigger": ""}))
    assert not asks_for_form(Said(**{**vars(said), "text": "declare it"}))
    assert asks_for_form(Said(**{**vars(said), "text": "", "button": "update_incident"}))
