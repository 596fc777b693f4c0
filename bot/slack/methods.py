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
    private channels. Without an `optional` method everything but its own feature works.
    """

    per_minute: int
    scope: str = ""
    private: str = ""
    optional: bool = False


METHODS = {
    "auth.test": Method(per_minute=SPECIAL),
    "chat.postEphemeral": Method(per_minute=TIER_4, scope="chat:write"),
    "chat.postMessage": Method(per_minute=SPECIAL, scope="chat:write"),
    "chat.update": Method(per_minute=TIER_3, scope="chat:write"),
    "conversations.create": Method(per_minute=TIER_2, scope="channels:manage", private="groups:write"),
    "conversations.history": Method(per_minute=TIER_3, scope="channels:history", private="groups:history"),
    "conversations.invite": Method(per_minute=TIER_3, scope="channels:manage", private="groups:write"),
    "conversations.replies": Method(per_minute=TIER_3, scope="channels:history", private="groups:history"),
    "conversations.setTopic": Method(per_minute=TIER_2, scope="channels:manage", private="groups:write"),
    "files.completeUploadExternal": Method(per_minute=TIER_4, scope="files:write", optional=True),
    "files.getUploadURLExternal": Method(per_minute=TIER_4, scope="files:write", optional=True),
    "usergroups.list": Method(per_minute=TIER_2, scope="usergroups:read"),
    "usergroups.users.list": Method(per_minute=TIER_2, scope="usergroups:read"),
    "users.conversations": Method(per_minute=TIER_2, scope="channels:read", private="groups:read"),
    "users.info": Method(per_minute=TIER_4, scope="users:read"),
    "users.lookupByEmail": Method(per_minute=TIER_3, scope="users:read.email"),
}
