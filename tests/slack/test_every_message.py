"""Whatever can be shown, whatever is written in it: Slack takes it, nothing foreign in it is alive, and who gets no
blocks gets it in words.

Every function that makes a message or a view stands in MESSAGES; one that does not fails a test here.
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings

from bot.commands import Listed
from bot.forms import capture_form, declare_form, update_form
from bot.incident import ActionItem, AlertSeen, Channel, CheckSeen, Entry, Incident, Kind, Person, Verdict
from bot.lab.block_kit import check_blocks, check_view
from bot.overview import overview
from bot.policy import Policy
from bot.reminders import About
from bot.slack import home, web_client
from bot.slack.blocks import length
from bot.slack.chat import SlackChat
from bot.slack.draft import Draft
from bot.slack.messages import Messages
from bot.slack.modals import modal
from bot.slack.moved import moved
from bot.slack.proposal import proposal_card
from bot.slack.reminder import handed_over, reminder
from bot.slack.render import MESSAGE, Message, announcement, card, draft_note, topic
from bot.slack.replies import Replies
from bot.triage.proposal import Proposal, ProposalState
from tests.fakes import FakeIntents
from tests.slack.samples import AT, cause, repair
from tests.slack.test_render import HIDDEN, HOSTILE, NASTY, mrkdwn_texts, texts, written_all_over

SLACK = Path(__file__).parents[2] / "bot" / "slack"
ALIVE = re.compile(
    r"<!date\^\d+\^\{date_short_pretty\} \{time\}\|[\d: UTC-]+>"
    r"|<@[UW][A-Z0-9]{1,30}>|<#[CG][A-Z0-9]{1,30}(?:\|[a-z0-9_-]*)?>"
    r"|<https://app\.datadoghq\.(?:com|eu)/[^<>|]*\|[^<>|]*>"
)
"""The marks that we make ourselves: times, members and channels by id, links to Datadog. None of them calls many."""


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What goes out: the words for those who get no blocks, and the blocks, or a whole view."""

    text: str = ""
    blocks: Any = ()
    view: bool = False


class Recorder:
    """Slack, as far as a renderer sees it: everything is taken and remembered."""

    def __init__(self) -> None:
        self.sent: list[Payload] = []

    async def call(self, method: str, **words: Any) -> Mapping[str, Any]:
        if "text" in words:
            self.sent.append(Payload(text=words["text"], blocks=words.get("blocks", [])))
        return {"channel": "C1", "ts": "1.2", "messages": [], "method": method}

    async def post(self, url: str, json: Mapping[str, Any]) -> None:
        assert url
        self.sent.append(Payload(text=json["text"], blocks=json.get("blocks", [])))


def shown(*messages: Message) -> list[Payload]:
    return [Payload(text=message.text, blocks=message.blocks) for message in messages]


def _incident(text: str, other: str) -> Incident:
    incident = written_all_over(text, other)
    incident.action_items.append(ActionItem(id=text, text=text, owner=other, due="2026-11-01"))
    incident.view.invited = {text or "x": other}
    incident.view.channel = Channel(id="C1234567", name=text)
    return incident


def _reminders(text: str, other: str) -> list[Payload]:
    return shown(*(reminder(_incident(text, other), about, command="/incident") for about in About))


def _proposals(text: str, other: str) -> list[Payload]:
    alert = AlertSeen(delivery="d", source=text, transition=other, at=AT, title=text, hostname=other, link=text)
    many = tuple(replace(alert, fingerprint=str(n), link=other) for n in range(20))
    for_all = [
        Proposal(
            id="P1",
            title=text,
            state=state,
            at=AT,
            changed_at=AT,
            alerts=alerts,
            by=Person(id=other, name=text),
            incident=7,
        )
        for state in ProposalState
        for alerts in ((alert,), many)
    ]
    return shown(*map(proposal_card, for_all))


def _homes(text: str, other: str) -> list[Payload]:
    reader = Person(id="U1", name="ana")
    incidents = [replace(_incident(text, other), number=n) for n in range(1, 40)]
    for incident in incidents:
        incident.roles = {text or "x": reader}
        incident.action_items = [ActionItem(id="A1", text=text, owner="ana", due=other)]
    views = (home.view(overview(these, reader, sees=()), command=other) for these in ([], incidents))
    return [Payload(blocks=view, view=True) for view in views]


def _modals(text: str, other: str) -> list[Payload]:
    listed = [Listed(id=f"INC-{n}", title=text, severity=other, status=other) for n in range(1, 150)]
    forms = [
        declare_form(Policy(), title=text, carries={"quote": "shortcut:1"}),
        update_form(_incident(text, other)),
        capture_form(listed, quote="shortcut:1"),
    ]
    return [Payload(blocks=modal(form), view=True) for form in forms]


def _replies(text: str, other: str) -> list[Payload]:
    async def sent() -> list[Payload]:
        recorder = Recorder()
        replies = Replies(recorder)  # type: ignore[arg-type]
        await replies.reply({"response_url": "https://hooks", "channel": "C1"}, text)
        await replies.reply({"channel": "C1", "user": "U1"}, other)
        await replies.reply({"user": "U1"}, text)
        return recorder.sent

    return asyncio.run(sent())


def _drafts(text: str, other: str) -> list[Payload]:
    async def sent() -> list[Payload]:
        recorder = Recorder()
        messages = Messages(recorder, FakeIntents())  # type: ignore[arg-type]
        draft = Draft(recorder, FakeIntents(), messages)  # type: ignore[arg-type]
        await draft._in_words(_incident(text, other), "C1", text.encode("utf-8", "replace"), "key")
        return recorder.sent

    return asyncio.run(sent())


def _reports(text: str, other: str) -> list[Payload]:
    async def sent() -> list[Payload]:
        recorder = Recorder()
        async with aiohttp.ClientSession() as session:
            chat = SlackChat(web_client("xoxb-1", session=session), session, intents=FakeIntents())
            chat._messages = Messages(recorder, FakeIntents())  # type: ignore[arg-type]
            await chat.report("C1", text, other)
        return recorder.sent

    return asyncio.run(sent())


MESSAGES: dict[str, Callable[[str, str], list[Payload]]] = {
    "render.card": lambda text, other: shown(
        card(_incident(text, other), now=AT, command=other),
        card(replace(_incident(text, other), storm=True), now=AT, command=other),
    ),
    "render.announcement": lambda text, other: shown(
        announcement(_incident(text, other)), announcement(replace(_incident(text, other), private=True))
    ),
    "moved.moved": lambda text, other: shown(moved(_incident(text, other))),
    "reminder.reminder": _reminders,
    "reminder.handed_over": lambda text, other: shown(
        handed_over(text, Person(id=other, name=text), Person(id="U1", name=other))
    ),
    "proposal.proposal_card": _proposals,
    "proposal._question": _proposals,
    "home.view": _homes,
    "modals.modal": _modals,
    "replies._one": _replies,
    "draft._in_words": _drafts,
    "chat.report": _reports,
}
"""Every maker of messages and views, by file and function: given two texts, all that it can make of them."""
CARRIERS = {"messages._call"}
"""What only passes on what one of the makers made."""


def makers() -> set[str]:
    """Every function of bot/slack that builds a message, or something with blocks."""
    found: set[str] = set()
    for file in sorted(SLACK.glob("*.py")):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and any(map(_makes, ast.walk(function))):
                found.add(f"{file.stem}.{function.name}")
    return found


def _makes(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).rpartition(".")[2] == "Message"
    return isinstance(node, ast.Dict) and any(isinstance(k, ast.Constant) and k.value == "blocks" for k in node.keys)


def test_every_maker_of_messages_stands_in_the_list() -> None:
    assert makers() == set(MESSAGES) | CARRIERS


@pytest.mark.parametrize("maker", MESSAGES)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_everywhere(maker: str, text: str) -> None:
    for payload in MESSAGES[maker](text, "other"):
        check(payload)


@pytest.mark.parametrize("maker", MESSAGES)
@settings(max_examples=8)
@given(text=NASTY, other=NASTY)
def test_any_text_stays_inert_and_within_the_limits(maker: str, text: str, other: str) -> None:
    for payload in MESSAGES[maker](text, other):
        check(payload)


@pytest.mark.full
@pytest.mark.parametrize("maker", MESSAGES)
@given(text=NASTY, other=NASTY)
def test_any_text_at_all_stays_inert_and_within_the_limits(maker: str, text: str, other: str) -> None:
    for payload in MESSAGES[maker](text, other):
        check(payload)


@pytest.mark.parametrize("maker", MESSAGES)
def test_a_megabyte_fits(maker: str) -> None:
    for payload in MESSAGES[maker]("x y" * 340_000, "<!channel>" * 100_000):
        check(payload)


def test_five_hundred_hosts_and_a_hundred_causes_fit() -> None:
    incident = _incident("x" * 1_000_000, "web")
    incident.checks += [
        CheckSeen(check="tcp", host=f"web-{n}", state="unknown", summary="y" * 1_000, at=AT, runbook="r", run="9")
        for n in range(500)
    ]
    incident.alerts += [replace(incident.alerts[0], fingerprint=f"f{n}", hostname=f"web-{n}") for n in range(500)]
    incident.causes += [cause(verdict, "z" * 5_000, n=n) for n in range(100) for verdict in Verdict]
    incident.repairs += [replace(repair(plan=f"p{n}"), diff="-a\n" * 100_000) for n in range(50)]
    incident.entries += [
        Entry(id=f"E{n}", kind=Kind.UPDATE, occurred_at=AT + timedelta(n), recorded_at=AT, text="u" * 5_000)
        for n in range(100)
    ]
    for payload in shown(card(incident, now=AT), announcement(incident)):
        check(payload)


@pytest.mark.parametrize("maker", MESSAGES)
def test_who_gets_no_blocks_gets_the_matter_in_words(maker: str) -> None:
    for payload in MESSAGES[maker]("sprocket", "gasket"):
        if not payload.view:
            said = " ".join(mrkdwn_texts(payload.blocks)) + " ".join(_headers(payload.blocks))
            assert payload.text.strip()
            assert "sprocket" not in said or "sprocket" in payload.text


def _headers(blocks: Any) -> list[str]:
    return [str(block["text"]["text"]) for block in blocks if block.get("type") == "header"]


def check(payload: Payload) -> None:
    """It is what Slack takes, and nothing foreign in it is alive."""
    if payload.view:
        assert check_view(payload.blocks) == []
        assert len(json.dumps(payload.blocks)) < 250_000
    else:
        assert not payload.blocks or check_blocks(payload.blocks) == []
        assert sum(length(text) for text in texts(payload.blocks)) <= MESSAGE
        assert 0 < length(payload.text) <= 4_000
    for text in [payload.text, *mrkdwn_texts(payload.blocks)]:
        assert not re.search(r"[<>]", ALIVE.sub("", text)), text
    assert not HIDDEN.search(json.dumps(payload.blocks, ensure_ascii=False) + payload.text)
    json.dumps([payload.text, payload.blocks]).encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE)
def test_what_stands_in_no_message_is_inert_too(text: str) -> None:
    incident = _incident(text, text)
    assert length(topic(incident)) <= 250
    assert not re.search(r"[<>]", ALIVE.sub("", topic(incident) + draft_note(incident)))
