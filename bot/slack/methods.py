"""The Web API methods that we call: how often Slack allows each, and which scope it needs.

Nothing else is ever called; the app manifest asks for exactly these scopes.
"""

from __future__ import annotations

from dataclasses import dataclass

TIER_2, TIER_3, TIER_4 = 20, 50, 100
SPECIAL = 200
"""Slack says "hundreds" or "several hundred" a minute for these."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """How often a minute (https://docs.slack.dev/apis/web-api/rate-limits), and the scopes, `private` ones for
    private channels. Without an `optional` method everything but its own feature works. The calls of an `even` one
    are spread over the minute when there are many: edits that everybody waits for.
    """

    per_minute: int
    scope: str = ""
    private: str = ""
    optional: bool = False
    even: bool = False


METHODS = {
    "apps.connections.open": Method(per_minute=10),  # 1 or 50, by which page one reads: Retry-After tells
    "auth.test": Method(per_minute=SPECIAL),
    "bookmarks.add": Method(per_minute=TIER_2, scope="bookmarks:write", optional=True),
    "bookmarks.list": Method(per_minute=TIER_3, scope="bookmarks:read", optional=True),
    "chat.delete": Method(per_minute=TIER_3, scope="chat:write"),
    "chat.getPermalink": Method(per_minute=SPECIAL),
    "chat.postEphemeral": Method(per_minute=TIER_4, scope="chat:write"),
    "chat.postMessage": Method(per_minute=SPECIAL, scope="chat:write"),
    "chat.update": Method(per_minute=TIER_3, scope="chat:write", even=True),
    "conversations.archive": Method(per_minute=TIER_2, scope="channels:manage", private="groups:write"),
    "conversations.canvases.create": Method(per_minute=TIER_2, scope="canvases:write", optional=True),
    "conversations.create": Method(per_minute=TIER_2, scope="channels:manage", private="groups:write"),
    "conversations.history": Method(per_minute=TIER_3, scope="channels:history", private="groups:history"),
    "conversations.info": Method(per_minute=TIER_3, scope="channels:read", private="groups:read"),
    "conversations.invite": Method(per_minute=TIER_3, scope="channels:manage", private="groups:write"),
    "conversations.join": Method(per_minute=TIER_3, scope="channels:join", optional=True),
    "conversations.list": Method(per_minute=TIER_2, scope="channels:read", private="groups:read"),
    "conversations.members": Method(per_minute=TIER_4, scope="channels:read", private="groups:read"),
    "conversations.rename": Method(per_minute=TIER_2, scope="channels:manage", private="groups:write"),
    "conversations.replies": Method(per_minute=TIER_3, scope="channels:history", private="groups:history"),
    "conversations.setTopic": Method(per_minute=TIER_2, scope="channels:manage", private="groups:write"),
    "conversations.unarchive": Method(per_minute=TIER_2, scope="channels:manage", private="groups:write"),
    "files.completeUploadExternal": Method(per_minute=TIER_4, scope="files:write", optional=True),
    "files.getUploadURLExternal": Method(per_minute=TIER_4, scope="files:write", optional=True),
    "pins.add": Method(per_minute=TIER_2, scope="pins:write", optional=True),
    "reactions.add": Method(per_minute=TIER_3, scope="reactions:write", optional=True),
    "reactions.get": Method(per_minute=TIER_3, scope="reactions:read"),
    "reactions.remove": Method(per_minute=TIER_2, scope="reactions:write", optional=True),
    "usergroups.list": Method(per_minute=TIER_2, scope="usergroups:read"),
    "usergroups.users.list": Method(per_minute=TIER_2, scope="usergroups:read"),
    "users.conversations": Method(per_minute=TIER_2, scope="channels:read", private="groups:read"),
    "users.info": Method(per_minute=TIER_4, scope="users:read"),
    "users.lookupByEmail": Method(per_minute=TIER_3, scope="users:read.email"),
    "views.open": Method(per_minute=TIER_4),
    "views.publish": Method(per_minute=TIER_4),
}
