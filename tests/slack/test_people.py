"""Looking people up."""

from __future__ import annotations

from typing import Any

import pytest

from bot.ports import GaveUp, TryAgain
from bot.slack.people import GROUP_FOR, People, _person
from tests.slack.worlds import SlackWorld


async def test_people_are_looked_up_once(slack: SlackWorld) -> None:
    ana = slack.workspace.add_user("ana", tz="Africa/Nairobi")
    assert (await slack.chat.person(ana)).zone == "Africa/Nairobi"
    await slack.chat.person(ana)
    assert slack.methods() == ["auth.test", "users.info"]
    await slack.chat.person(slack.workspace.add_user("ben"))
    assert slack.methods() == ["auth.test", "users.info", "users.info"], "our own workspace is looked up once"


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


async def test_everybody_is_of_a_kind(slack: SlackWorld) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "member": {},
        "guest": {"guest": True},
        "single-channel guest": {"single_channel": True},
        "stranger": {"stranger": True},
        "bot": {"bot": True},
        "deactivated": {"deactivated": True, "guest": True},
    }
    for kind, marks in kinds.items():
        person = await slack.chat.person(slack.workspace.add_user(f"p-{kind[:3]}-{len(kind)}", **marks))
        assert person.kind == kind
        assert person.active is (kind != "deactivated")


@pytest.mark.parametrize("belongs", [{"teams": ["TX", "T0LAB"]}, {"enterprise_id": "T0LAB"}])
async def test_a_colleague_in_the_same_organisation_is_a_member(belongs: dict[str, Any]) -> None:
    user = {"id": "U1", "name": "ana", "team_id": "TX"}
    assert _person({"user": user}, "T0LAB").kind == "stranger"
    assert _person({"user": {**user, "enterprise_user": belongs}}, "T0LAB").kind == "member"


async def test_who_cannot_be_looked_up_again_is_who_they_were(slack: SlackWorld) -> None:
    now = [0.0]
    chat = slack.again(clock=lambda: now[0])
    ana = slack.add_person("ana")
    known = await chat.person(ana)
    now[0] += 10_000
    slack.workspace.fault("users.info", "drop-before", times=None)
    assert await chat.person(ana) == known
    with pytest.raises(TryAgain):
        await chat.person(slack.add_person("ben"))


async def test_what_is_outdated_is_forgotten(slack: SlackWorld) -> None:
    now = 0.0
    people = People(slack.chat.pace, team=slack.chat._our_team, clock=lambda: now)
    for n in range(5):
        assert await people.lately(f"U00{n}") == {f"U00{n}"}
        now += GROUP_FOR / 2
    assert set(people._words) == {"U003", "U004"}
