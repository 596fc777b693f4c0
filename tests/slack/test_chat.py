"""SlackChat against the lab's workspace: the contract, and what happens when Slack fails."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from bot.forms import update_form
from bot.incident import Status
from bot.ports import GaveUp, TryAgain
from tests.slack.chat_contract import ChatContract, opened
from tests.slack.samples import AT, full, small
from tests.slack.worlds import SlackWorld


class TestSlackChat(ChatContract):
    """The contract, over HTTP."""

    @pytest.fixture
    def world(self, slack: SlackWorld) -> SlackWorld:
        return slack


async def test_opening_an_incident_takes_exactly_five_calls(slack: SlackWorld) -> None:
    ana = slack.add_person("ana")
    incident, _ = await opened(slack)
    await slack.chat.show_card(incident, now=AT)
    await slack.chat.invite(incident, [ana])
    await slack.chat.set_topic(incident)
    await slack.chat.announce(incident, "incidents", now=AT)
    assert slack.methods() == [
        "conversations.create",
        "chat.postMessage",
        "conversations.invite",
        "conversations.setTopic",
        "chat.postMessage",
    ]


@pytest.mark.parametrize("fault", ["drop-after", "drop-before", "broken", "html"])
async def test_nothing_is_made_twice_when_an_answer_is_lost(slack: SlackWorld, fault: str) -> None:
    incident = small()
    slack.workspace.fault("conversations.create", fault)
    with pytest.raises(TryAgain):
        await slack.chat.open_channel(incident)
    slack.again()
    channel = incident.view.channel = await slack.chat.open_channel(incident)
    assert [name for name in slack.channels() if name.startswith("inc-")] == [channel.name]
    for post in (slack.chat.show_card, partial(slack.chat.announce, where="incidents")):
        slack.workspace.fault("chat.postMessage", fault)
        with pytest.raises(TryAgain):
            await post(incident, now=AT)
        await post(incident, now=AT)
        await post(incident, now=AT)
    assert len(slack.texts(channel.id)) == 1
    assert len(slack.texts("incidents")) == 1


async def test_an_announcement_that_may_be_there_is_not_made_where_nobody_can_look(slack: SlackWorld) -> None:
    incident, _ = await opened(slack)
    slack.workspace.fault("chat.postMessage", "drop-after")
    with pytest.raises(TryAgain):
        await slack.chat.announce(incident, "incidents", now=AT)
    slack.workspace.fault("conversations.history", "error", code="missing_scope")
    with pytest.raises(GaveUp) as unseen:
        await slack.chat.announce(incident, "incidents", now=AT)
    assert unseen.value.fix
    slack.kick("incidents")
    with pytest.raises(GaveUp, match="not known whether") as outside:
        await slack.chat.announce(incident, "incidents", now=AT)
    assert outside.value.fix == "/invite the bot into the channel."
    assert len(slack.texts("incidents")) == 1


@pytest.mark.parametrize("fault", ["limited", "error"])
async def test_an_announcement_that_was_refused_needs_no_look(slack: SlackWorld, fault: str) -> None:
    incident, _ = await opened(slack)
    now = [0.0]
    slack.again(patience=0.1, clock=lambda: now[0])
    slack.workspace.fault("chat.postMessage", fault, code="restricted_action")
    slack.workspace.fault("conversations.history", "error", code="missing_scope", times=None)
    with pytest.raises((TryAgain, GaveUp)):
        await slack.chat.announce(incident, "incidents", now=AT)
    now[0] += 5.0
    await slack.chat.announce(incident, "incidents", now=AT)
    assert len(slack.texts("incidents")) == 1


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long"])
async def test_where_slack_takes_no_blocks_the_words_arrive(slack: SlackWorld, code: str) -> None:
    incident, channel = await opened(slack)
    slack.workspace.fault("chat.postMessage", "error", code=code)
    incident.view.card = await slack.chat.show_card(incident, now=AT)
    (card,) = slack.workspace.messages(channel.id)
    assert (incident.title in card["text"], card.get("blocks")) == (True, None)
    slack.workspace.fault("chat.update", "error", code=code)
    incident.title = "Pages are slow"
    await slack.chat.edit_card(incident, now=AT)
    (card,) = slack.workspace.messages(channel.id)
    assert ("Pages are slow" in card["text"], card.get("blocks")) == (True, None)
    incident.severity = "SEV1"
    await slack.chat.edit_card(incident, now=AT)
    assert slack.workspace.messages(channel.id)[0]["blocks"]


async def test_two_channels_are_told_each_once(slack: SlackWorld) -> None:
    slack.workspace.add_channel("status")
    incident, _ = await opened(slack)
    for where in ("incidents", "status", "incidents", "status"):
        await slack.chat.announce(incident, where, now=AT)
    assert [len(slack.texts(where)) for where in ("incidents", "status")] == [1, 1]


async def test_a_form_that_has_to_wait_for_longer_than_its_trigger_lives_is_told_at_once(
    slack: SlackWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.slack.chat.TRIGGER", 0.1)
    slack.workspace.fault("views.open", "limited", seconds=5)
    with pytest.raises(TryAgain, match="too late"):
        await slack.chat.open_form("T1", update_form(small()))


async def test_a_channel_made_under_an_older_title_is_found_again(slack: SlackWorld) -> None:
    slack.workspace.fault("conversations.create", "drop-after")
    with pytest.raises(TryAgain):
        await slack.chat.open_channel(small(title="something is slow"))
    found = await slack.chat.open_channel(small(title="web-02 is out of rotation"))
    assert found.name == "inc-7-something-is-slow"


async def test_a_channel_of_a_former_life_is_not_adopted(slack: SlackWorld) -> None:
    old = await slack.chat.open_channel(small())
    slack.intents.seen.clear()
    new = await slack.chat.open_channel(small())
    assert new.id != old.id
    assert new.name == f"{old.name}-2"


async def test_a_report_by_the_channels_name_survives_a_lost_answer_and_calls_nobody(slack: SlackWorld) -> None:
    slack.workspace.fault("chat.postMessage", "drop-after")
    with pytest.raises(TryAgain):
        await slack.chat.report("incidents", "Not understood: <!channel> <@U1|ana>", "D1")
    await slack.chat.report("incidents", "Not understood: <!channel> <@U1|ana>", "D1")
    assert slack.texts("incidents") == ["Not understood: @channel @ana"]


async def test_a_missing_scope_comes_with_its_fix(slack: SlackWorld) -> None:
    slack.workspace.fault("conversations.create", "error", code="missing_scope", times=1)
    with pytest.raises(GaveUp) as refused:
        await slack.chat.open_channel(small())
    assert refused.value.reason == "missing_scope"
    assert refused.value.fix.startswith("Add the scope ")


async def test_an_archived_channel_and_a_missing_bot_are_named(slack: SlackWorld) -> None:
    incident, channel = await opened(slack)
    ana = slack.add_person("ana")
    slack.workspace.archive(ana, channel.id)
    with pytest.raises(GaveUp) as refused:
        await slack.chat.show_card(incident, now=AT)
    assert (refused.value.reason, refused.value.fix) == ("is_archived", "Unarchive the channel.")


async def test_a_revoked_token_is_said_by_the_health(slack: SlackWorld) -> None:
    assert await slack.chat.health() == ""
    assert slack.chat.identity is not None
    assert slack.chat.identity.user == slack.workspace.bot_user
    assert "chat:write" in slack.chat.identity.scopes
    slack.workspace.revoke()
    assert await slack.chat.health() == "", "asked at most every 30 s"
    assert slack.methods() == ["auth.test"]
    assert "SLACK_BOT_TOKEN" in await slack.again().health()


async def test_edits_that_wait_for_each_other_become_one(slack: SlackWorld) -> None:
    incident, channel = await opened(slack)
    incident.view.card = await slack.chat.show_card(incident, now=AT)
    slack.workspace.fault("chat.update", "delay", seconds=0.2)
    edits = []
    for status in (Status.IDENTIFIED, Status.MONITORING, Status.RESOLVED):
        incident.status = status
        edits.append(asyncio.create_task(slack.chat.edit_card(incident, now=AT)))
        await asyncio.sleep(0.05)
    await asyncio.gather(*edits)
    assert slack.methods().count("chat.update") == 2
    assert "resolved" in slack.texts(channel.id)[0]


async def test_a_private_incident_is_announced_without_its_title(slack: SlackWorld) -> None:
    incident = small(title="the board's mail leaked")
    incident.private = True
    channel = incident.view.channel = await slack.chat.open_channel(incident)
    assert channel.name == "inc-7"
    assert slack.workspace.find(channel.id).private
    await slack.chat.announce(incident, "incidents", now=AT)
    (told,) = slack.workspace.messages("incidents")
    assert "mail" not in str(told)


async def test_a_card_that_shows_it_already_is_not_edited_again(slack: SlackWorld) -> None:
    incident, _ = await opened(slack)
    incident.view.card = await slack.chat.show_card(incident, now=AT)
    for _ in range(3):
        await slack.chat.edit_card(incident, now=AT)
    assert slack.methods().count("chat.update") == 1
    incident.status = Status.MONITORING
    await slack.chat.edit_card(incident, now=AT)
    assert slack.methods().count("chat.update") == 2


async def test_a_full_card_is_taken_by_the_workspace(slack: SlackWorld) -> None:
    incident = full()
    incident.view.channel = await slack.chat.open_channel(incident)
    incident.view.card = await slack.chat.show_card(incident, now=AT)
    incident.repairs[0] = full().repairs[0]
    await slack.chat.edit_card(incident, now=AT)
    (card,) = slack.workspace.messages(incident.view.channel.id)
    assert card["metadata"]["event_payload"] == {"key": "card:INC-7"}


async def test_a_storm_stays_below_the_tier_and_the_rest_is_told_when_to_come_back(slack: SlackWorld) -> None:
    chat = slack.again(patience=0.0)
    storm = [chat.open_channel(small(number)) for number in range(1, 26)]
    made = await asyncio.gather(*storm, return_exceptions=True)
    late = [busy for busy in made if isinstance(busy, TryAgain)]
    assert len(late) == 5
    assert all(busy.reason == "paced" and busy.after for busy in late)
    assert [call.status for call in slack.workspace.called("conversations.create")] == [200] * 20
