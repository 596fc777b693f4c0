"""Inviting people: each gets an outcome."""

from __future__ import annotations

from tests.slack.chat_contract import opened
from tests.slack.worlds import SlackWorld


async def test_the_outcome_of_each_person_is_told_in_words(slack: SlackWorld) -> None:
    incident, _ = await opened(slack)
    ana = slack.add_person("ana")
    guest = slack.workspace.add_user("eli", guest=True)
    left = slack.workspace.add_user("farid", deactivated=True)
    outcome = await slack.chat.invite(incident, [ana, guest, left, "U0NOBODY", slack.workspace.bot_user])
    assert outcome == {
        ana: "invited",
        guest: "is a guest and may not be invited",
        left: "Slack does not allow this person in",
        "U0NOBODY": "is not known to Slack",
        slack.workspace.bot_user: "invited",
    }


async def test_more_than_a_hundred_people_are_invited_in_batches(slack: SlackWorld) -> None:
    incident, channel = await opened(slack)
    crowd = [slack.add_person(f"p{n}") for n in range(130)]
    await slack.chat.invite(incident, crowd)
    assert slack.members_of(channel.id) == set(crowd)
    assert slack.methods().count("conversations.invite") == 2


async def test_whoever_was_invited_is_not_asked_about_again(slack: SlackWorld) -> None:
    incident, _ = await opened(slack)
    ana = slack.add_person("ana")
    incident.view.invited = dict(await slack.chat.invite(incident, [ana]))
    assert await slack.chat.invite(incident, [ana]) == {}
    assert slack.methods().count("conversations.invite") == 1


async def test_a_group_on_a_free_plan_is_explained(slack: SlackWorld) -> None:
    incident, _ = await opened(slack)
    slack.workspace.state.plan_has_groups = False
    outcome = await slack.chat.invite(incident, ["@oncall-web"])
    assert outcome == {"@oncall-web": "user groups need a paid Slack plan"}
