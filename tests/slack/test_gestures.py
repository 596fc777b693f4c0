"""What people do besides talking, the whole way: from the workspace through the bot and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio

from bot.facts import Fact, RepairOffered
from bot.incident import Repair, RepairState
from tests.slack.workplace import Workplace, workplace


@pytest_asyncio.fixture
async def at(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Workplace]:
    async with workplace(tmp_path, sqlite_url) as at:
        yield at


def reacted(at: Workplace, channel: str, ts: str) -> set[str]:
    message = at.workspace.find(channel).message(ts) or {}
    return {reaction["name"] for reaction in message.get("reactions", [])}


async def test_a_marked_message_is_in_the_timeline_at_its_own_time_and_follows_what_happens_to_it(
    at: Workplace,
) -> None:
    channel = await at.declare()
    ana, ben = at.person("ana"), at.person("ben")
    top = await at.workspace.say(ben, channel, "look at this, @ana")
    ts = await at.workspace.say(ben, channel, "rolled back to 1.4, @ana & co", top)
    later = await at.type("ana", channel, "note something else")
    assert later == "E2 noted."
    await at.workspace.react(ana, channel, ts, "pushpin")
    entry = await at.entry("rolled back")
    assert entry.text == f"rolled back to 1.4, <@{ana}|ana> & co"
    assert entry.occurred_at == datetime.fromtimestamp(float(ts), UTC)
    assert (entry.author.id, entry.author.name) == (ben, "ben")
    assert entry.source.type == "reaction"
    assert entry.source.url.endswith(f"/archives/{channel}/p{ts.replace('.', '')}")
    await at.until(lambda: "memo" in reacted(at, channel, ts))

    await at.workspace.react(ben, channel, ts, "pushpin")  # twice pinned is one entry
    at.workspace.edit(ben, channel, ts, "rolled back to 1.3")
    await at.until(lambda: at.incident().captured(f"{channel}/{ts}").text == "rolled back to 1.3")  # type: ignore[union-attr]
    assert [e.text for e in at.incident().entries if e.message] == ["rolled back to 1.3"]

    await at.workspace.unreact(ben, channel, ts, "pushpin")
    await at.workspace.unreact(ana, channel, ts, "pushpin")
    await at.until(lambda: at.incident().captured(f"{channel}/{ts}").dropped)  # type: ignore[union-attr]
    await at.until(lambda: "memo" not in reacted(at, channel, ts))
    await at.workspace.react(ben, channel, ts, "pushpin")
    await at.until(lambda: not at.incident().captured(f"{channel}/{ts}").dropped)  # type: ignore[union-attr]

    assert "rolled back" in await at.type("ben", channel, "fix E3 rolled back to 1.2")  # anyone may correct
    at.workspace.edit(ben, channel, ts, "oops")
    at.workspace.delete(ben, channel, ts)
    await at.until(lambda: at.incident().captured(f"{channel}/{ts}").dropped)  # type: ignore[union-attr]
    final = at.incident().captured(f"{channel}/{ts}")
    assert final is not None
    assert final.text == "rolled back to 1.2"  # what a person corrected stays
    assert [r.text for r in final.history][:2] == [entry.text, "rolled back to 1.3"]
    assert "rolled back to 1.4" in await at.type("ana", channel, "history E3")


async def test_the_shortcut_captures_here_and_asks_elsewhere(at: Workplace) -> None:
    channel = await at.declare()
    other = await at.declare("Mail is late")
    ana, ben = at.person("ana"), at.person("ben")
    ts = await at.workspace.share(ben, channel, "the graph", name="latency.png")
    assert await at.workspace.shortcut(ana, "add_to_timeline", channel, ts) == ""
    entry = await at.entry("the graph")
    assert (entry.source.type, entry.author.name) == ("shortcut", "ben")
    assert "(image latency.png http" in entry.text
    await at.until(lambda: at.workspace.ephemerals(ana)[-1]["text"].startswith("E2 at "))

    ts = await at.workspace.say(ben, "ops", "did anybody change DNS?")
    assert await at.workspace.shortcut(ana, "add_to_timeline", "ops", ts) == ""
    (view,) = await at.until(lambda: at.workspace.views(ana))
    options = view["blocks"][0]["element"]["options"]
    assert [o["value"] for o in options] == ["INC-2", "INC-1"]
    assert await at.workspace.submit(ana, view["id"], {"incident": "INC-2"}) == {}
    entry = await at.entry("did anybody", 2)
    assert (entry.author.name, entry.occurred_at) == ("ben", datetime.fromtimestamp(float(ts), UTC))
    assert other == at.channel(2)
    at.workspace.edit(ben, "ops", ts, "did anybody change the DNS?")
    await at.entry("change the DNS", 2)


async def test_what_is_in_no_timeline_is_not_kept(at: Workplace) -> None:
    await at.declare()
    ben = at.person("ben")
    ts = await at.workspace.say(ben, "ops", "lunch?")
    await at.workspace.react(ben, "ops", ts, "pushpin")
    at.workspace.edit(ben, "ops", ts, "lunch at one?")
    at.workspace.delete(ben, "ops", ts)
    await at.until(lambda: len([s for s in at.workspace.sent if s.kind == "event_callback"]) >= 4)
    assert at.store.unanswered() == []
    assert [e.kind for e in at.incident().entries] == ["opened"]


async def test_a_bots_message_can_be_captured(at: Workplace) -> None:
    channel = await at.declare()
    state = at.workspace.state
    robot = at.workspace.add_user("deploybot", "Deploy Bot", bot=True)
    posted = state.post(at.workspace.find(channel), user=robot, text="deployed 1.4", bot_id="B0DEPLOY")
    await at.workspace.react(at.person("ana"), channel, posted["ts"], "pushpin")
    assert (await at.entry("deployed 1.4")).author.name == "deploybot"


async def test_declaring_without_a_title_opens_a_form_that_says_what_is_wrong_with_it(at: Workplace) -> None:
    ana = at.person("ana")
    assert await at.type("ana", "ops", "declare") == ""
    (view,) = at.workspace.views(ana)
    assert await at.workspace.submit(ana, view["id"], {"title": " \u200b "}) == {
        "title": "A few words are enough, but it needs some."
    }
    filled = {"title": "Pages are slow", "severity": "SEV1", "service": "shop", "private": []}
    assert await at.workspace.submit(ana, view["id"], filled) == {}
    await at.until(lambda: at.store.incident(1) and at.incident().view.topic)
    incident = at.incident()
    assert (incident.title, incident.severity, incident.service) == ("Pages are slow", "SEV1", "shop")
    assert incident.entries[0].author.name == "ana"
    assert at.workspace.views(ana) == []
    await at.until(lambda: any("INC-1 opened" in w["text"] for w in at.workspace.ephemerals(ana)))


async def test_a_form_that_comes_too_late_is_said_in_words(at: Workplace) -> None:
    at.workspace.fault("views.open", "error", code="expired_trigger_id")
    told = await at.type("ana", "ops", "declare")
    assert told == "No incident was opened yet: say its title, as in: declare checkout is slow"
    assert at.store.summaries() == []


async def test_the_shortcuts_and_the_home_tab_open_the_same_form(at: Workplace) -> None:
    ana, ben = at.person("ana"), at.person("ben")
    assert await at.workspace.shortcut(ana, "declare_incident") == ""
    (view,) = await at.until(lambda: at.workspace.views(ana))
    await at.workspace.submit(ana, view["id"], {"title": "Search is down"})
    await at.until(lambda: at.store.incident(1) and at.incident().view.topic)
    ts = await at.workspace.say(ben, "ops", "login fails for me")
    assert await at.workspace.shortcut(ben, "declare_from_message", "ops", ts) == ""
    (view,) = await at.until(lambda: at.workspace.views(ben))
    assert view["blocks"][0]["element"]["initial_value"] == "login fails for me"
    await at.workspace.submit(ben, view["id"], {"title": "Login fails"})
    await at.until(lambda: at.store.incident(2))
    assert at.incident(2).entries[-1].text == "login fails for me"

    await at.workspace.open_home(ana)
    home = await at.until(lambda: at.workspace.home(ana)) or {}
    assert "Search is down" in str(home)
    assert await at.workspace.click_in_view(ana, home["id"], "declare_incident") == ""
    await at.until(lambda: at.workspace.views(ana))
    await at.type("ana", "ops", "INC-1 action @ana by friday test the index")
    await at.type("ana", "ops", "INC-1 lead")
    await at.until(lambda: "test the index" in str(at.workspace.home(ana)))
    await at.until(lambda: "You are commander." in str(at.workspace.home(ana)))


async def test_the_update_form_tells_status_and_words(at: Workplace) -> None:
    channel = await at.declare()
    ana = at.person("ana")
    card = at.incident().view.card
    assert await at.workspace.click(ana, channel, card, "update_incident") == ""
    (view,) = await at.until(lambda: at.workspace.views(ana))
    nothing = {"status": "investigating", "text": ""}
    assert set(await at.workspace.submit(ana, view["id"], nothing)) == {"text"}
    filled = {"status": "identified", "text": "The port is wrong; fixing."}
    assert await at.workspace.submit(ana, view["id"], filled) == {}
    await at.entry("The port is wrong")
    assert at.incident().status == "identified"
    assert at.incident().entries[-1].kind == "update"


async def test_who_may_not_is_told_the_rule_and_who_may(at: Workplace) -> None:
    channel = await at.declare()
    assert await at.type("eli", channel, "note I saw it, too") == "E2 noted."
    refused = await at.type("eli", channel, "close")
    assert refused == (
        "Nothing was done: closing and reopening is for members of this workspace, and you are a guest; ask any member."
    )
    stranger = at.workspace.add_user("sven", "Sven", stranger=True)
    assert "from another workspace" in await at.workspace.command(stranger, channel, "/incident hold", within=10)
    assert "from another workspace" in await at.workspace.command(stranger, channel, "/incident list", within=10)
    assert "noted" in await at.workspace.command(stranger, channel, "/incident note we see it", within=10)
    await at.workspace.mention(stranger, channel, "check")
    await at.until(lambda: "running checks on servers" in at.workspace.ephemerals(stranger)[-1]["text"])
    gone = at.workspace.add_user("gone", "Gone", deactivated=True)
    assert "you are deactivated" in await at.workspace.command(gone, channel, "/incident note x", within=10)
    assert at.incident().open
    assert not at.incident().held


async def test_a_repair_is_not_approved_from_another_workspace(at: Workplace) -> None:
    """Also by somebody whom the policy names, in a channel that is shared with theirs."""
    channel, partner = await at.declare(), at.workspace.add_user("pia", connected=True)
    ben = at.person("ben")
    offer = Repair(
        name="restore",
        host="web-02",
        plan="P1",
        state=RepairState.OFFERED,
        at=datetime.now(UTC),
        title="Restore web-02",
        approvers=(partner, ben),
    )
    with at.store.transaction(incident=1) as tx:
        told = RepairOffered(repair=offer)
        tx.append(1, [Fact(key="offered", what=told, occurred_at=offer.at, recorded_at=offer.at)])
    await at.type("ana", channel, "note there is an offer")  # so that the card is brought up to date
    card = at.incident().view.card
    await at.until(lambda: "approve_repair" in str(at.workspace.find(channel).message(card)))

    at.workspace.find(channel).members.append(partner)
    assert await at.workspace.click(partner, channel, card, "approve_repair") == ""
    await at.until(lambda: at.workspace.ephemerals(partner))
    assert at.workspace.ephemerals(partner)[-1]["text"] == (
        "Nothing was done: approving a repair is for members of this workspace, and you are from another workspace; "
        "ask any member."
    )
    assert at.incident().repairs[0].approved_by == ()
    assert await at.workspace.click(ben, channel, card, "approve_repair") == ""
    await at.until(lambda: [p.id for p in at.incident().repairs[0].approved_by] == [ben])


async def test_a_private_incident_leaves_its_channel_and_its_title_is_nowhere(at: Workplace) -> None:
    channel = await at.declare("Customer data leaked")
    ana, ben = at.person("ana"), at.person("ben")
    await at.until(lambda: at.workspace.messages("incidents"))
    told = await at.type("ana", channel, "private")
    assert "goes on in a new private channel" in told
    await at.until(lambda: at.incident().view.card and at.channel() != channel)
    private = at.workspace.find(at.channel())
    assert private.private
    await at.until(lambda: ana in private.members)
    assert ben not in private.members
    await at.until(lambda: at.workspace.find(channel).name.startswith("moved-"))
    seen = [str(m) for m in at.workspace.messages(channel)] + [at.workspace.find(channel).topic]
    await at.until(lambda: "private incident" in str(at.workspace.messages("incidents")))
    assert "leaked" not in " ".join([*seen, str(at.workspace.messages("incidents")), private.name])
    assert await at.type("ben", "ops", "list") == "No open incidents."
    assert "there is no INC-1" in await at.type("ben", "ops", "INC-1 timeline")
    await at.workspace.open_home(ben)
    await at.workspace.open_home(ana)
    await at.until(lambda: "Customer data leaked" in str(at.workspace.home(ana)))
    assert "leaked" not in str(await at.until(lambda: at.workspace.home(ben)))


async def test_a_private_incident_never_falls_back_to_a_public_channel(at: Workplace) -> None:
    at.workspace.fault("conversations.create", "error", times=None, code="restricted_action")
    told = await at.type("ana", "ops", "declare --private Payroll is visible")
    assert told.startswith("INC-1 private: its channel could not be opened yet")
    assert not any(c["name"].startswith("inc-") for c in at.workspace.channels())
    await at.until(lambda: at.incident().troubles)
    assert "Payroll" not in str(at.workspace.messages("incidents"))
    at.workspace.faults.clear(None)
    await at.until(lambda: at.incident().view.channel, within=15)
    assert at.workspace.find(at.channel()).private
