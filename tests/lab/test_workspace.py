"""The workspace against Slack's own client: each method that the bot calls, with its answers and errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.lab.workspace import Workspace
from bot.lab.workspace_clock import Clock


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    async with await Workspace.start(cast=True, limits=False) as running:
        yield running


@pytest.fixture
def slack(workspace: Workspace) -> AsyncWebClient:
    return client(workspace)


def client(workspace: Workspace, token: str | None = None) -> AsyncWebClient:
    return AsyncWebClient(
        token=workspace.bot_token if token is None else token,
        base_url=workspace.api_url,
        proxy=None,
        retry_handlers=[],
        timeout=5,
    )


async def refused(call: Any) -> Any:
    """The answer with which a call is refused."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


def person(workspace: Workspace, name: str) -> str:
    return next(user.id for user in workspace.state.users.values() if user.name == name)


async def test_the_token_says_who_it_speaks_for(slack: AsyncWebClient, workspace: Workspace) -> None:
    answer = await slack.auth_test()
    assert answer["user_id"] == workspace.bot_user
    assert "chat:write" in answer.headers["x-oauth-scopes"]


@pytest.mark.parametrize(("token", "error"), [("", "not_authed"), ("xoxb-other", "invalid_auth")])
async def test_a_call_without_a_good_token_is_refused(workspace: Workspace, token: str, error: str) -> None:
    assert (await refused(client(workspace, token).auth_test()))["error"] == error


async def test_a_revoked_token_is_refused(slack: AsyncWebClient, workspace: Workspace) -> None:
    workspace.revoke()
    assert (await refused(slack.auth_test()))["error"] == "token_revoked"


async def test_a_missing_scope_is_named() -> None:
    async with await Workspace.start(scopes=["chat:write"]) as workspace:
        answer = await refused(client(workspace).conversations_create(name="x"))
        assert (answer["error"], answer["needed"], answer["provided"]) == (
            "missing_scope",
            "channels:manage",
            "chat:write",
        )


async def test_a_bot_token_opens_no_socket(slack: AsyncWebClient) -> None:
    assert (await refused(slack.apps_connections_open(app_token="xoxb-lab")))["error"] == "not_allowed_token_type"


async def test_an_unknown_method_is_named(slack: AsyncWebClient) -> None:
    assert (await refused(slack.api_call("chat.shout")))["req_method"] == "chat.shout"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "invalid_name_required"),
        ("x" * 81, "invalid_name_maxlength"),
        ("Ops", "invalid_name_specials"),
        ("---", "invalid_name_punctuation"),
        ("ops", "name_taken"),
    ],
)
async def test_a_bad_channel_name_is_refused(slack: AsyncWebClient, name: str, error: str) -> None:
    assert (await refused(slack.conversations_create(name=name)))["error"] == error


async def test_the_name_of_an_archived_channel_stays_taken(slack: AsyncWebClient) -> None:
    made = await slack.conversations_create(name="inc-1")
    await slack.conversations_archive(channel=made["channel"]["id"])
    assert (await refused(slack.conversations_create(name="inc-1")))["error"] == "name_taken"
    assert (await refused(slack.conversations_archive(channel=made["channel"]["id"])))["error"] == "already_archived"
    posted = slack.chat_postMessage(channel=made["channel"]["id"], text="hi")
    assert (await refused(posted))["error"] == "is_archived"
    await slack.conversations_unarchive(channel=made["channel"]["id"])
    await slack.chat_postMessage(channel=made["channel"]["id"], text="hi")


async def test_the_creator_is_the_first_member(slack: AsyncWebClient, workspace: Workspace) -> None:
    made = (await slack.conversations_create(name="inc-1"))["channel"]
    assert made["is_member"]
    assert (await slack.conversations_members(channel=made["id"]))["members"] == [workspace.bot_user]
    assert (await slack.conversations_info(channel=made["id"]))["channel"]["name"] == "inc-1"


async def test_people_are_invited_and_asked_twice_refused(slack: AsyncWebClient, workspace: Workspace) -> None:
    made = (await slack.conversations_create(name="inc-1"))["channel"]["id"]
    ana = person(workspace, "ana")
    await slack.conversations_invite(channel=made, users=[ana])
    answer = await refused(slack.conversations_invite(channel=made, users=[ana]))
    assert answer["error"] == "already_in_channel"
    assert answer["errors"] == [{"user": ana, "ok": False, "error": "already_in_channel"}]


@pytest.mark.parametrize(
    ("name", "error"), [("farid", "cant_invite"), ("eli", "user_is_restricted"), ("muster", "cant_invite_self")]
)
async def test_some_people_cannot_be_invited(
    slack: AsyncWebClient, workspace: Workspace, name: str, error: str
) -> None:
    made = (await slack.conversations_create(name="inc-1"))["channel"]["id"]
    answer = await refused(slack.conversations_invite(channel=made, users=[person(workspace, name)]))
    assert answer["error"] == error


async def test_force_keeps_the_valid_ones(slack: AsyncWebClient, workspace: Workspace) -> None:
    made = (await slack.conversations_create(name="inc-1"))["channel"]["id"]
    ana, gone = person(workspace, "ana"), person(workspace, "farid")
    answer = await slack.conversations_invite(channel=made, users=[ana, gone], force=True)
    assert [error["user"] for error in answer["errors"]] == [gone]
    assert ana in (await slack.conversations_members(channel=made))["members"]


async def test_topic_and_purpose_have_a_limit(slack: AsyncWebClient, workspace: Workspace) -> None:
    ops = workspace.find("ops").id
    answer = await slack.conversations_setTopic(channel=ops, topic="SEV2 · checkout")
    assert answer["channel"]["topic"]["value"] == "SEV2 · checkout"
    await slack.conversations_setPurpose(channel=ops, purpose="why we are here")
    assert workspace.find("ops").purpose == "why we are here"
    assert (await refused(slack.conversations_setTopic(channel=ops, topic="x" * 251)))["error"] == "too_long"


async def test_a_channel_is_renamed_and_found_by_its_new_name(slack: AsyncWebClient, workspace: Workspace) -> None:
    ops = workspace.find("ops").id
    answer = await slack.conversations_rename(channel=ops, name="operations")
    assert answer["channel"]["previous_names"] == ["ops"]
    assert workspace.find("operations").id == ops
    assert (await refused(slack.conversations_rename(channel=ops, name="incidents")))["error"] == "name_taken"


async def test_lists_come_in_pages(slack: AsyncWebClient) -> None:
    names: list[str] = []
    cursor = ""
    for _ in range(2):
        page = await slack.conversations_list(limit=1, cursor=cursor)
        names += [channel["name"] for channel in page["channels"]]
        cursor = page["response_metadata"]["next_cursor"]
    assert (names, cursor) == (["incidents", "ops"], "")
    assert (await refused(slack.conversations_list(cursor="nonsense")))["error"] == "invalid_cursor"


async def test_a_private_channel_is_unknown_to_outsiders(slack: AsyncWebClient, workspace: Workspace) -> None:
    hidden = workspace.add_channel("hidden", members=[person(workspace, "ana")], private=True, with_bot=False)
    assert (await refused(slack.conversations_info(channel=hidden)))["error"] == "channel_not_found"
    assert [c["name"] for c in (await slack.users_conversations())["channels"]] == ["incidents", "ops"]


async def test_the_bot_joins_before_it_writes(slack: AsyncWebClient, workspace: Workspace) -> None:
    lobby = workspace.add_channel("lobby", members=[person(workspace, "ana")], with_bot=False)
    assert (await refused(slack.chat_postMessage(channel=lobby, text="hi")))["error"] == "not_in_channel"
    await slack.conversations_join(channel=lobby)
    await slack.chat_postMessage(channel=lobby, text="hi")


async def test_a_message_is_posted_edited_and_deleted(slack: AsyncWebClient, workspace: Workspace) -> None:
    ops = workspace.find("ops").id
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*hi*"}}]
    posted = await slack.chat_postMessage(channel="#ops", text="hi", blocks=blocks)
    assert workspace.messages("ops")[0]["blocks"][0]["text"]["text"] == "*hi*"
    await slack.chat_update(channel=ops, ts=posted["ts"], text="ho")
    [message] = workspace.messages("ops")
    assert (message["text"], "blocks" in message) == ("ho", False)
    await slack.chat_delete(channel=ops, ts=posted["ts"])
    assert workspace.messages("ops") == []
    assert (await refused(slack.chat_delete(channel=ops, ts=posted["ts"])))["error"] == "message_not_found"


async def test_the_words_of_others_cannot_be_edited(slack: AsyncWebClient, workspace: Workspace) -> None:
    ts = await workspace.say(person(workspace, "ana"), "ops", "mine")
    edited = slack.chat_update(channel=workspace.find("ops").id, ts=ts, text="yours")
    assert (await refused(edited))["error"] == "cant_update_message"


async def test_timestamps_of_a_channel_never_repeat(slack: AsyncWebClient) -> None:
    stamps = [(await slack.chat_postMessage(channel="#ops", text=str(n)))["ts"] for n in range(30)]
    assert stamps == sorted(set(stamps))
    assert all(len(stamp.partition(".")[2]) == 6 for stamp in stamps)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"text": ""}, "no_text"),
        ({"text": "x", "blocks": [{"type": "nope"}]}, "invalid_blocks"),
        ({"text": "x", "blocks": "nope"}, "invalid_blocks_format"),
        ({"text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
        ({"text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
    ],
)
async def test_a_bad_message_is_refused(slack: AsyncWebClient, words: dict[str, Any], error: str) -> None:
    answer = await refused(slack.api_call("chat.postMessage", json={"channel": "#ops", **words}))
    assert answer["error"] == error


async def test_bad_blocks_are_explained(slack: AsyncWebClient) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    answer = await refused(slack.chat_postMessage(channel="#ops", text="x", blocks=blocks))
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    ]


async def test_a_message_of_many_long_blocks_is_refused(slack: AsyncWebClient) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}] * 4
    answer = await refused(slack.chat_postMessage(channel="#ops", text="x", blocks=blocks))
    assert answer["error"] == "msg_blocks_too_long"


async def test_long_text_is_cut_when_posted_and_refused_when_edited(
    slack: AsyncWebClient, workspace: Workspace
) -> None:
    posted = await slack.chat_postMessage(channel="#ops", text="x" * 50_000)
    assert len(workspace.messages("ops")[0]["text"]) == 40_000
    edited = slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="x" * 4001)
    assert (await refused(edited))["error"] == "msg_too_long"


async def test_threads_are_kept_out_of_the_history(slack: AsyncWebClient, workspace: Workspace) -> None:
    ops = workspace.find("ops").id
    top = (await slack.chat_postMessage(channel=ops, text="top"))["ts"]
    await slack.chat_postMessage(channel=ops, text="below", thread_ts=top)
    history = (await slack.conversations_history(channel=ops))["messages"]
    assert [(message["text"], message["reply_count"]) for message in history] == [("top", 1)]
    replies = (await slack.conversations_replies(channel=ops, ts=top))["messages"]
    assert [message["text"] for message in replies] == ["top", "below"]
    assert (await refused(slack.conversations_replies(channel=ops, ts="1.000001")))["error"] == "thread_not_found"


async def test_metadata_is_shown_only_when_asked_for(slack: AsyncWebClient, workspace: Workspace) -> None:
    ops = workspace.find("ops").id
    metadata = {"event_type": "incident_card", "event_payload": {"key": "INC-1/card"}}
    await slack.chat_postMessage(channel=ops, text="card", metadata=metadata)
    plain = (await slack.conversations_history(channel=ops))["messages"][0]
    full = (await slack.conversations_history(channel=ops, include_all_metadata=True))["messages"][0]
    assert "metadata" not in plain
    assert full["metadata"] == metadata


async def test_a_whisper_reaches_one_member(slack: AsyncWebClient, workspace: Workspace) -> None:
    ops, ben, dora = workspace.find("ops").id, person(workspace, "ben"), person(workspace, "dora")
    await slack.chat_postEphemeral(channel=ops, user=ben, text="only you")
    assert [whisper["text"] for whisper in workspace.ephemerals(ben)] == ["only you"]
    assert workspace.messages("ops") == []
    assert (await refused(slack.chat_postEphemeral(channel=ops, user=dora, text="x")))["error"] == "user_not_in_channel"


async def test_a_permalink_leads_to_the_page(slack: AsyncWebClient) -> None:
    posted = await slack.chat_postMessage(channel="#ops", text="hi")
    link = (await slack.chat_getPermalink(channel=posted["channel"], message_ts=posted["ts"]))["permalink"]
    async with aiohttp.ClientSession() as session, session.get(link, allow_redirects=False) as answer:
        assert answer.headers["Location"] == f"/#{posted['channel']}/{posted['ts']}"


async def test_people_are_looked_up(slack: AsyncWebClient, workspace: Workspace) -> None:
    ben = person(workspace, "ben")
    shown = (await slack.users_info(user=ben))["user"]
    assert (shown["tz"], shown["tz_offset"], shown["profile"]["real_name"]) == (
        "Africa/Nairobi",
        10800,
        "Ben Otieno",
    )
    assert (await slack.users_lookupByEmail(email="ben@lab.example"))["user"]["id"] == ben
    assert ben in [member["id"] for member in (await slack.users_list())["members"]]
    assert (await refused(slack.users_info(user="U1")))["error"] == "user_not_found"
    assert (await refused(slack.users_lookupByEmail(email="x@y.z")))["error"] == "users_not_found"


async def test_user_groups_are_listed_on_paid_plans(slack: AsyncWebClient, workspace: Workspace) -> None:
    [group] = (await slack.usergroups_list(include_users=True))["usergroups"]
    assert group["handle"] == "oncall-web"
    assert (await slack.usergroups_users_list(usergroup=group["id"]))["users"] == group["users"]
    assert (await refused(slack.usergroups_users_list(usergroup="S1")))["error"] == "no_such_subteam"
    workspace.state.plan_has_groups = False
    assert (await refused(slack.usergroups_list()))["error"] == "plan_upgrade_required"


async def test_pins_bookmarks_and_reactions_refuse_repeats(slack: AsyncWebClient, workspace: Workspace) -> None:
    posted = await slack.chat_postMessage(channel="#ops", text="hi")
    ops, ts = posted["channel"], posted["ts"]
    await slack.pins_add(channel=ops, timestamp=ts)
    assert (await refused(slack.pins_add(channel=ops, timestamp=ts)))["error"] == "already_pinned"
    await slack.bookmarks_add(channel_id=ops, title="Runbook", type="link", link="https://example.com/runbook")
    assert [b["title"] for b in (await slack.bookmarks_list(channel_id=ops))["bookmarks"]] == ["Runbook"]
    bad = slack.bookmarks_add(channel_id=ops, title="Runbook", type="link", link="runbook")
    assert (await refused(bad))["error"] == "invalid_link"
    await slack.reactions_add(channel=ops, timestamp=ts, name="eyes")
    assert (await refused(slack.reactions_add(channel=ops, timestamp=ts, name="eyes")))["error"] == "already_reacted"
    got = (await slack.reactions_get(channel=ops, timestamp=ts))["message"]
    assert (got["text"], got["reactions"][0]["name"]) == ("hi", "eyes")
    await slack.reactions_remove(channel=ops, timestamp=ts, name="eyes")
    assert workspace.messages("ops")[0]["reactions"] == []


async def test_a_file_is_uploaded_and_can_be_read_again(slack: AsyncWebClient, workspace: Workspace) -> None:
    ops = workspace.find("ops").id
    sent = await slack.files_upload_v2(
        channel=ops,
        filename="postmortem.md",
        content="# What happened",
        title="Postmortem",
        initial_comment="Draft",
    )
    [message] = workspace.messages("ops")
    assert (message["subtype"], message["text"], message["files"][0]["title"]) == (
        "file_share",
        "Draft",
        "Postmortem",
    )
    async with aiohttp.ClientSession() as session, session.get(sent["file"]["permalink"]) as answer:
        assert await answer.text() == "# What happened"
        assert answer.content_type == "text/plain"


async def test_a_channel_has_one_canvas(slack: AsyncWebClient, workspace: Workspace) -> None:
    ops = workspace.find("ops").id
    content = {"type": "markdown", "markdown": "# Plan"}
    made = await slack.conversations_canvases_create(channel_id=ops, document_content=content)
    again = slack.conversations_canvases_create(channel_id=ops, document_content=content)
    assert (await refused(again))["error"] == "channel_canvas_already_exists"
    channel = (await slack.conversations_info(channel=ops))["channel"]
    assert channel["properties"]["canvas"]["file_id"] == made["canvas_id"]


async def test_the_workspace_has_a_name(slack: AsyncWebClient) -> None:
    assert (await slack.team_info())["team"]["name"] == "Lab"


async def test_a_direct_message_reaches_a_person(slack: AsyncWebClient, workspace: Workspace) -> None:
    ana = person(workspace, "ana")
    opened = (await slack.conversations_open(users=[ana]))["channel"]["id"]
    posted = await slack.chat_postMessage(channel=ana, text="psst")
    assert posted["channel"] == opened


async def test_a_method_has_its_tier_and_a_minute_later_it_works_again() -> None:
    clock = Clock()
    async with await Workspace.start(clock=clock) as workspace:
        slack = client(workspace)
        for number in range(20):
            await slack.conversations_create(name=f"inc-{number}")
        answer = await refused(slack.conversations_create(name="inc-20"))
        assert (answer.status_code, answer["error"]) == (429, "ratelimited")
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        clock.advance(60)
        await slack.conversations_create(name="inc-20")


async def test_a_channel_takes_a_message_a_second_after_a_small_burst() -> None:
    clock = Clock()
    async with await Workspace.start(clock=clock, cast=True) as workspace:
        slack = client(workspace)
        for number in range(4):
            await slack.chat_postMessage(channel="#ops", text=str(number))
        assert (await refused(slack.chat_postMessage(channel="#ops", text="5"))).status_code == 429
        await slack.chat_postMessage(channel="#incidents", text="another channel has its own limit")
        clock.advance(1)
        await slack.chat_postMessage(channel="#ops", text="5")


async def test_calls_are_read_from_query_form_and_json(workspace: Workspace) -> None:
    url = workspace.api_url + "chat.postMessage"
    words = {"channel": "#ops", "text": "hi", "token": workspace.bot_token}
    bearer = {"Authorization": f"Bearer {workspace.bot_token}"}
    async with aiohttp.ClientSession() as session:
        for sent in ({"params": words}, {"data": words}, {"json": words}):
            async with session.post(url, **sent) as answer:  # type: ignore[arg-type]
                assert (await answer.json())["ok"]
        async with session.get(url, params={"channel": "#ops", "text": "hi"}, headers=bearer) as answer:
            assert (await answer.json())["ok"]
    assert len(workspace.messages("ops")) == 4
    assert all("token" not in call.params for call in workspace.calls)


async def test_every_call_is_written_down_with_its_answer(slack: AsyncWebClient, workspace: Workspace) -> None:
    posted = await slack.chat_postMessage(channel="#ops", text="hi")
    await slack.chat_update(channel=posted["channel"], ts=posted["ts"], text="ho")
    first, second = workspace.calls
    assert (first.method, first.params["text"], first.answer["message"]["text"]) == (
        "chat.postMessage",
        "hi",
        "hi",
    )
    assert (second.method, second.committed) == ("chat.update", True)


async def test_faults_come_in_every_shape(slack: AsyncWebClient, workspace: Workspace) -> None:
    post = "chat.postMessage"
    workspace.fault(post, "error", code="restricted_action")
    assert (await refused(slack.chat_postMessage(channel="#ops", text="1")))["error"] == "restricted_action"
    workspace.fault(post, "limited", seconds=3)
    assert (await refused(slack.chat_postMessage(channel="#ops", text="2"))).headers["Retry-After"] == "3"
    workspace.fault(post, "broken", status=503)
    assert (await refused(slack.chat_postMessage(channel="#ops", text="3"))).status_code == 503
    workspace.fault(post, "html")
    with pytest.raises((SlackApiError, AttributeError)):
        await slack.chat_postMessage(channel="#ops", text="4")
    assert workspace.messages("ops") == []
    workspace.fault(post, "delay", seconds=0.01)
    await slack.chat_postMessage(channel="#ops", text="5")
    assert [message["text"] for message in workspace.messages("ops")] == ["5"]


@pytest.mark.parametrize(("kind", "left"), [("drop-before", 0), ("drop-after", 1)])
async def test_a_connection_is_cut_before_or_after_the_call_is_done(
    slack: AsyncWebClient, workspace: Workspace, kind: str, left: int
) -> None:
    workspace.fault("chat.postMessage", kind)
    with pytest.raises(aiohttp.ClientError):
        await slack.chat_postMessage(channel="#ops", text="hi")
    assert len(workspace.messages("ops")) == left
    [call] = workspace.calls
    assert (call.status, call.committed) == (0, bool(left))


async def test_a_fault_stays_until_it_is_cleared(slack: AsyncWebClient, workspace: Workspace) -> None:
    workspace.fault("*", "broken", times=None)
    for _ in range(3):
        assert (await refused(slack.auth_test())).status_code == 500
    workspace.faults.clear()
    await slack.auth_test()
