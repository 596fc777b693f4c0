"""Looking people up."""

from __future__ import annotations

import pytest

from bot.ports import GaveUp
from tests.slack.worlds import SlackWorld


async def test_people_are_looked_up_once(slack: SlackWorld) -> None:
    ana = slack.workspace.add_user("ana", tz="Africa/Nairobi")
    assert (await slack.chat.person(ana)).zone == "Africa/Nairobi"
    await slack.chat.person(ana)
    assert slack.methods() == ["users.info"]


@pytest.mark.parametrize("mark", ["{0}", "<@{0}>", "<@{0}|ana>", "ana@lab.example", "<mailto:ana@lab.example|ana>"])
async def test_a_person_is_known_by_id_mention_or_address(slack: SlackWorld, mark: str) -> None:
    ana = slack.add_person("ana")
    assert await slack.chat.members(mark.format(ana)) == {ana}


async def test_a_group_is_known_by_handle_mention_or_id(slack: SlackWorld) -> None:
    ana = slack.add_person("ana")
    group = slack.workspace.add_group("oncall-web", [ana])
    for word in ("@oncall-web", "oncall-web", "@OnCall-Web", group, f"<!subteam^{group}|@oncall-web>"):
        assert await slack.chat.members(word) == {ana}, word


async def test_an_unknown_address_is_told_with_its_fix(slack: SlackWorld) -> None:
    with pytest.raises(GaveUp) as unknown:
        await slack.chat.members("nobody@lab.example")
    assert (unknown.value.reason, bool(unknown.value.fix)) == ("users_not_found", True)


async def test_guests_and_leavers_are_marked(slack: SlackWorld) -> None:
    guest = await slack.chat.person(slack.workspace.add_user("eli", guest=True))
    left = await slack.chat.person(slack.workspace.add_user("farid", deactivated=True))
    assert (guest.guest, guest.active, left.guest, left.active) == (True, True, False, False)
