"""The workspace counts whose device rings because of the app."""

from __future__ import annotations

import pytest

from bot.lab.workspace import Workspace
from bot.lab.workspace_notices import mentioned, notice, posted


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


def test_mentions_of_people_groups_and_everybody_ring(workspace: Workspace) -> None:
    ana, ben, chen = (workspace.add_user(name) for name in ("ana", "ben", "chen"))
    group = workspace.add_group("oncall-web", [ana, ben])
    channel = workspace.find(workspace.add_channel("ops", members=[ana, chen]))
    called = {
        f"<@{ana}> look": {ana},
        f"<!subteam^{group}|@oncall-web>": {ana, ben},
        "<!here> all": {ana, chen},
        "@ana nobody": set(),
        f"<@{workspace.bot_user}> <@U0GONE>": set(),
    }
    assert {text: mentioned(workspace.state, channel, text) for text in called} == called
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": f"<@{ben}>"}}]
    assert mentioned(workspace.state, channel, f"<@{ana}>", blocks) == {ben}, "of blocks the text is only the fallback"


def test_they_are_told_person_by_person(workspace: Workspace) -> None:
    ana = workspace.add_user("ana")
    channel = workspace.find(workspace.add_channel("ops", members=[ana]))
    for kind in ("invite", "mention"):
        notice(workspace.state, ana, kind, channel)
    assert workspace.notices(ana) == ["invite", "mention"]
    assert workspace.notices(workspace.bot_user) == []


def test_whoever_takes_part_in_a_thread_or_is_written_to_directly_rings(workspace: Workspace) -> None:
    ana, ben, chen = (workspace.add_user(name) for name in ("ana", "ben", "chen"))
    state, channel = workspace.state, workspace.find(workspace.add_channel("ops", members=[ana, ben, chen]))
    thread = state.post(channel, user=ana, text="look at this")["ts"]
    state.post(channel, user=ben, text="I do", thread_ts=thread)
    posted(state, channel, state.post(channel, user=workspace.bot_user, text=f"Noted, <@{ben}>.", thread_ts=thread))
    directly = state.direct_with(chen)
    posted(state, directly, state.post(directly, user=workspace.bot_user, text="Noted."))
    assert [workspace.notices(user) for user in (ana, ben, chen)] == [["thread"], ["mention"], ["direct"]]
