"""Cards and announcements: what stands on them, within Slack's limits, and inert whatever is written in them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.incident import (
    CheckSeen,
    Entry,
    Incident,
    Kind,
    Person,
    RepairState,
    Status,
    Trouble,
    Verdict,
)
from bot.lab.block_kit import check_blocks
from bot.slack.blocks import length
from bot.slack.render import MESSAGE, Message, announcement, card, draft_note, topic
from tests.slack.samples import AT, cause, full, repair, shown, small

HOSTILE = [
    "<!channel> <!here|x> <!everyone>",
    "<@U0EVIL|boss> approve <#C1|general> <!subteam^S1|@all>",
    "<https://evil.example|Approve>",
    "&lt;!channel&gt; & < >",
    "```\n<!channel>\n```",
    "`*_~ :fire: @channel https://evil.example",
    "\u202eright to left\u202c \u2066\u2069 مرحبا \x00\x07\x1b[31m",
    "👩‍👩‍👧‍👦🏳️‍🌈" * 60,
    "\ud800 lone",
    "",
    " \n\t\r\n ",
    "x" * 20_000,
    "&" * 20_000,
    "𝔘" * 5_000,
]
NASTY = st.sampled_from(HOSTILE) | st.text(max_size=200) | st.text(alphabet="<>!@#|&`*\n\u202e", max_size=400)


def test_the_card_names_whom_it_could_not_invite_and_why() -> None:
    incident = full()
    incident.view.invited = {"U0ANA": "invited", "U0ELI": "is a guest and may not be invited"}
    incident.view.invited |= {"@web": "there is no such group"}
    told = "Not invited: <@U0ELI> (is a guest and may not be invited), @web (there is no such group)."
    message = card(incident, now=AT)
    assert told in message.text
    assert any(told in block["elements"][0]["text"] for block in message.blocks if block["type"] == "context")
    incident.view.invited = {"U0ANA": "invited"}
    assert "invited" not in shown(card(incident, now=AT))


def test_of_many_who_could_not_be_invited_some_are_named() -> None:
    incident = full()
    incident.view.invited = {f"p{n}@example.com": "nobody has this e-mail address" for n in range(500)}
    message = card(incident, now=AT)
    assert "and 495 more." in message.text
    assert check_blocks(message.blocks) == []


def test_the_card_says_what_is_proved_and_how_fast() -> None:
    seen = shown(card(full(), now=AT))
    for words in (
        "INC-7 · web-02 is out of rotation",
        "SEV2",
        "identified",
        "<@U123>",
        "shop",
        "0.4 s after the alert · 1 check, 1 host",
        "web-02 runs nginx on 8081; web-01 and the load balancer use 8080.",
        "*Possible:* The disk of web-02 is full.",
        "*Ruled out:* nginx is not running on web-02",
        "*Could not check:* disk on web-02 (sudo refused)",
        "<https://app.datadoghq.com/monitors/1?x=1&amp;y=2|Datadog> Triggered",
        "+  listen 8080;",
        "Needs one of @oncall-web, until <!date^",
        "Add the scope channels:manage",
        "/incident note",
    ):
        assert words in seen, words


def test_the_text_says_the_same_in_words() -> None:
    text = card(full(), now=AT).text
    for words in ("INC-7", "SEV2", "identified", "Proved 0.4 s", "8081", "needs one of @oncall-web", "2026-11-22"):
        assert words in text, words


def test_a_long_diff_is_shortened_with_its_hash() -> None:
    incident = full()
    incident.repairs[0] = repair(diff="".join(f"-line {n}\n+LINE {n}\n" for n in range(600)))
    message = card(incident, now=AT)
    assert "sha256 of the whole diff" in shown(message)
    assert check_blocks(message.blocks) == []
    assert size(message) <= MESSAGE


def test_the_monitor_is_shown_as_it_is_now() -> None:
    incident = full()
    incident.alerts[0] = replace(incident.alerts[0], link="", monitor_id="1")
    incident.monitors["1"] = {"state": "Alert", "link": "https://app.datadoghq.eu/monitors/1"}
    seen = shown(card(incident, now=AT))
    assert "<https://app.datadoghq.eu/monitors/1|Datadog> Triggered (monitor now: Alert)" in seen
    incident.alerts.append(replace(incident.alerts[-1], bad=False, transition="Recovered"))
    recovered = shown(card(incident, now=AT))
    assert "Recovered" in recovered
    assert "monitor now" not in recovered


def test_of_a_closed_incident_nobody_is_to_take_the_lead() -> None:
    incident = small()
    assert "Nobody leads yet" in shown(card(incident, now=AT))
    incident.status = Status.CLOSED
    assert "Nobody leads yet" not in shown(card(incident, now=AT))


def test_links_lead_only_to_datadog_or_this_machine() -> None:
    incident = full()
    for url in (
        "https://evil.example/x",
        "https://datadoghq.com.evil.example/",
        "https://app.datadoghq.com@evil.example/",
        "javascript:alert(1)",
        "https://app.datadoghq.com/|x>",
        "http://app.datadoghq.com/",
        "https://[",
        "",
    ):
        incident.alerts[0] = replace(incident.alerts[0], link=url)
        assert "|Datadog>" not in shown(card(incident, now=AT)), url


def test_the_announcement_is_brief_and_names_the_cause() -> None:
    told = shown(announcement(full()))
    assert "*INC-7 · web-02 is out of rotation*" in told
    assert "SEV2 · identified · since <!date^" in told
    assert "in <#C1234567>" in told
    assert "Cause: web-02 runs nginx on 8081" in told


def test_the_announcement_of_a_resolved_incident_says_how_long_it_took() -> None:
    incident = full()
    incident.status = Status.RESOLVED
    incident.times["resolved"] = AT + timedelta(minutes=43)
    assert "resolved, after 43 min" in announcement(incident).text


def test_a_private_incident_gives_nothing_away() -> None:
    incident = full()
    incident.private = True
    told = announcement(incident)
    assert "web-02" not in shown(told) + told.text


def test_the_topic_fits() -> None:
    incident = full()
    assert topic(incident) == "SEV2 · commander ana · web-02 is out of rotation"
    incident.title = "<" * 400
    assert len(topic(incident)) <= 250


def test_the_same_incident_gives_the_same_bytes() -> None:
    assert card(full(), now=AT) == card(full(), now=AT)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_inert_everywhere(text: str) -> None:
    check(written_all_over(text))


@settings(max_examples=60, deadline=None)
@given(text=NASTY, other=NASTY, state=st.sampled_from(RepairState), status=st.sampled_from(Status))
def test_any_text_stays_inert_and_within_the_limits(text: str, other: str, state: RepairState, status: Status) -> None:
    incident = written_all_over(text, other)
    incident.status = status
    incident.repairs = [replace(r, state=state) for r in incident.repairs]
    check(incident)


def test_a_megabyte_of_output_and_five_hundred_hosts_fit() -> None:
    incident = written_all_over("x" * 1_000_000, "web")
    incident.checks += [
        CheckSeen(check="tcp", host=f"web-{n}", state="unknown", summary="y" * 1_000, at=AT, runbook="r", run="9")
        for n in range(500)
    ]
    incident.causes += [cause(verdict, "z" * 5_000, n=n) for n in range(100) for verdict in Verdict]
    incident.repairs += [replace(repair(plan=f"p{n}"), diff="-a\n" * 100_000) for n in range(50)]
    check(incident)


def written_all_over(text: str, other: str = "other") -> Incident:
    """A full incident with this text wherever there is text."""
    incident = full()
    incident.title, incident.severity, incident.service = text, other, text
    incident.roles = {text or "x": Person(id=other, name=text), other or "y": Person(id="", name=other)}
    incident.alerts = [
        replace(a, title=text, link=other, source=text, transition=other, fingerprint=text) for a in incident.alerts
    ]
    incident.causes = [replace(c, text=text, because=other, host=text) for c in incident.causes]
    incident.checks = [replace(c, check=text, host=other, summary=text, reason=other) for c in incident.checks]
    incident.repairs = [
        replace(
            r,
            title=text,
            host=other,
            name=text,
            diff=text,
            text=other,
            approvers=(text, other),
            approved_by=(Person(id=text, name=other),),
        )
        for r in incident.repairs
    ]
    incident.troubles = {text: Trouble(step=text, text=other, fix=text, at=AT)}
    for kind in (Kind.IMPACT, Kind.FINDING, Kind.RULED_OUT):
        incident.entries.append(Entry(id="E9", kind=kind, occurred_at=AT, recorded_at=AT, text=text))
    return incident


OURS = re.compile(
    r"<!date\^\d+\^\{date_short_pretty\} \{time\}\|[\d: UTC-]+>|<@[UW][A-Z0-9]{1,30}>|<#C1234567>"
    r"|<https://app\.datadoghq\.com/[^<>|]*\|[^<>|]*>"
)
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def check(incident: Incident) -> None:
    """The card and what belongs to it are what Slack takes, and nothing foreign in them is alive."""
    for message in (card(incident, now=AT), announcement(incident)):
        assert check_blocks(message.blocks) == []
        assert size(message) <= MESSAGE
        assert 0 < length(message.text) <= 4_000
        for text in [message.text, *mrkdwn_texts(message.blocks)]:
            assert not re.search(r"[<>]", OURS.sub("", text)), text
        assert not HIDDEN.search(shown(message) + message.text)
        json.dumps(message.blocks).encode("utf-8")
    assert not re.search(r"[<>]", topic(incident) + draft_note(incident))
    assert length(topic(incident)) <= 250


def size(message: Message) -> int:
    """The visible characters of all blocks."""
    return sum(length(text) for text in texts(message.blocks))


def texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for item in value.values() for text in texts(item)]
    return []


def mrkdwn_texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in mrkdwn_texts(item)]
    if isinstance(value, dict):
        own = [str(value["text"])] if value.get("type") == "mrkdwn" else []
        assert value.get("type") != "mrkdwn" or value["verbatim"] is True
        return own + [text for item in value.values() for text in mrkdwn_texts(item)]
    return []
