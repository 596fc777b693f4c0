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
