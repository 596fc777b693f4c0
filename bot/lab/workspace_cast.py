"""The small shop in which the demo plays: who works there, where they talk, who is on call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.lab.workspace import Workspace

SCOPES = frozenset(
    {
        "app_mentions:read",
        "bookmarks:write",
        "canvases:write",
        "channels:history",
        "channels:join",
        "channels:manage",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "groups:write",
        "im:write",
        "pins:write",
        "reactions:read",
        "reactions:write",
        "team:read",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)
EVENTS = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "channel_archive",
        "channel_deleted",
        "channel_left",
        "channel_rename",
        "channel_unarchive",
        "group_archive",
        "group_deleted",
        "group_left",
        "group_rename",
        "group_unarchive",
        "member_joined_channel",
        "message.channels",
        "message.groups",
        "reaction_added",
        "reaction_removed",
    }
)


def bring_in_the_cast(workspace: Workspace) -> None:
    """Six people in five time zones, two channels with the bot in them, and who is on call for the web."""
    ana = workspace.add_user("ana", "Ana Duarte", tz="Europe/Lisbon", title="On call, web")
    ben = workspace.add_user("ben", "Ben Otieno", tz="Africa/Nairobi", title="Backend engineer")
    chen = workspace.add_user("chen", "Chen Wei", tz="Asia/Singapore", title="Engineering manager")
    dora = workspace.add_user("dora", "Dora Novak", tz="America/New_York", title="Support")
    eli = workspace.add_user("eli", "Eli Brandt", tz="Europe/Berlin", title="Contractor", guest=True)
    workspace.add_user("farid", "Farid Aziz", tz="UTC", title="Left in spring", deactivated=True)
    workspace.add_channel("incidents", members=[ana, ben, chen, dora], purpose="Every incident is announced here")
    workspace.add_channel("ops", members=[ana, ben, eli], purpose="The people who run the shop")
    workspace.add_group("oncall-web", [ana, ben])
