"""Handing out the draft: once, whatever happens on the way."""

from __future__ import annotations

import pytest

from bot.ports import TryAgain
from tests.slack.chat_contract import opened
from tests.slack.worlds import SlackWorld


async def test_a_draft_whose_answer_is_lost_is_not_handed_out_twice(slack: SlackWorld) -> None:
    incident, channel = await opened(slack)
    incident.closings = 1
    slack.workspace.fault("files.completeUploadExternal", "drop-after")
    with pytest.raises(TryAgain):
        await slack.chat.post_draft(incident, {"postmortem.md": b"# INC-7"})
    message = await slack.chat.post_draft(incident, {"postmortem.md": b"# INC-7"})
    (posted,) = slack.workspace.messages(channel.id)
    assert posted["ts"] == message
    assert posted["files"][0]["name"] == "postmortem.md"


@pytest.mark.parametrize("refusal", ["missing_scope", "file_uploads_disabled"])
async def test_without_files_the_draft_is_posted_in_words_once(slack: SlackWorld, refusal: str) -> None:
    incident, channel = await opened(slack)
    incident.closings = 1
    draft = ("# INC-7 <!channel>\n" + "what happened ``` \n" * 700).encode()
    for _ in range(2):
        slack.workspace.fault("files.getUploadURLExternal", "error", code=refusal)
        await slack.chat.post_draft(incident, {"postmortem.md": draft})
    note, *pieces = slack.workspace.messages(channel.id)
    assert "Postmortem draft of INC-7" in note["text"]
    shown = [piece["blocks"][0]["elements"][0]["elements"][0]["text"] for piece in pieces]
    assert "".join(shown) == draft.decode()
    assert {piece["thread_ts"] for piece in pieces} == {note["ts"]}


async def test_where_the_plan_allows_it_the_draft_is_in_the_canvas_and_pictures_are_beside_it(
    slack: SlackWorld,
) -> None:
    incident, channel = await opened(slack)
    incident.closings = 1
    page = (
        b"# INC-7\n\n![x](timeline.svg)\n\n## Timeline\n\n| a | b |\n|---|---|\n"
        + b"| 1 | 2 |\n" * 400
        + b"\n<!-- x -->\n"
    )
    await slack.chat.post_draft(incident, {"postmortem.md": page, "timeline.png": b"png", "timeline.svg": b"<svg/>"})
    (posted,) = slack.workspace.messages(channel.id)
    assert [file["name"] for file in posted["files"]] == ["postmortem.md", "timeline.png"]
    assert "canvas of this channel" in posted["text"]
    canvas = slack.workspace.state.channel(channel.id, viewer="").canvas
    assert canvas is not None
    assert "timeline.svg" not in canvas["markdown"]
    assert canvas["markdown"].count("|") < 3 * 300
    assert canvas["markdown"].endswith("The rest of this table is in the file.\n")


@pytest.mark.parametrize("refusal", ["missing_scope", "team_tier_cannot_create_channel_canvases"])
async def test_without_a_canvas_the_file_says_so(slack: SlackWorld, refusal: str) -> None:
    incident, channel = await opened(slack)
    incident.closings = 1
    slack.workspace.fault("conversations.canvases.create", "error", code=refusal)
    await slack.chat.post_draft(incident, {"postmortem.md": b"# INC-7"})
    (posted,) = slack.workspace.messages(channel.id)
    assert f"No canvas was made: {refusal}." in posted["text"]


async def test_a_canvas_that_is_there_stays_as_people_left_it(slack: SlackWorld) -> None:
    incident, channel = await opened(slack)
    for closing in (1, 2):
        incident.closings = closing
        await slack.chat.post_draft(incident, {"postmortem.md": f"# {closing}".encode()})
    first, second = slack.workspace.messages(channel.id)
    assert "canvas" in first["text"]
    assert "canvas" not in second["text"]
