"""Slack's refusals in words: which of them pass by themselves, and what a person can do about the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.ports import GaveUp

PASSING = frozenset(
    {
        "ratelimited",
        "rate_limited",
        "too_many_requests",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "external_channel_migrating",
        "team_added_to_org",
    }
)
"""The codes after which asking again later makes sense."""

LIMITED = frozenset({"ratelimited", "rate_limited", "too_many_requests"})
"""The codes that say that nothing was done because we asked too often."""

BAD_BLOCKS = frozenset({"block_mismatch", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})
"""The codes that say that nothing was done because of how a message looks."""

_NEW_TOKEN = "Reinstall the app and put its new bot token into SLACK_BOT_TOKEN."  # noqa: S105 - a sentence
_ADMIN = "Ask an administrator of the workspace to allow it for this app."

FIXES = {
    "account_inactive": _NEW_TOKEN,
    "invalid_auth": _NEW_TOKEN,
    "not_authed": _NEW_TOKEN,
    "token_expired": _NEW_TOKEN,
    "token_revoked": _NEW_TOKEN,
    "not_allowed_token_type": "Put a bot token (xoxb-…) into SLACK_BOT_TOKEN.",
    "access_denied": _ADMIN,
    "cannot_create_channel": _ADMIN,
    "ekm_access_denied": _ADMIN,
    "enterprise_is_restricted": _ADMIN,
    "file_uploads_disabled": _ADMIN,
    "no_permission": _ADMIN,
    "org_login_required": _ADMIN,
    "restricted_action": _ADMIN,
    "team_access_not_granted": _ADMIN,
    "user_is_restricted": _ADMIN,
    "already_in_channel": "Nothing needs to be done.",
    "cant_invite": "Invite this person by hand.",
    "cant_invite_self": "Nothing needs to be done.",
    "cant_update_message": "Only messages of this app can be edited; post it once more.",
    "channel_not_found": "Check the channel's name in policy.yaml and /invite the bot into it.",
    "invalid_name_specials": "Use lower-case letters, digits and dashes in the channel name of policy.yaml.",
    "is_archived": "Unarchive the channel.",
    "message_not_found": "Somebody deleted the message; it is posted once more.",
    "name_taken": "Rename or archive the other channel with this name.",
    "no_such_subteam": "Check the group's handle in policy.yaml.",
    "not_in_channel": "/invite the bot into the channel.",
    "org_user_not_in_team": "Add this person to the workspace.",
    "plan_upgrade_required": "User groups need a paid Slack plan; list the people themselves in policy.yaml.",
    "storage_limit_reached": "Free some file storage of the workspace.",
    "ura_max_channels": "This guest may be in no more channels; invite somebody else.",
    "user_not_found": "Check the id in policy.yaml.",
    "user_not_in_channel": "/invite this person into the channel.",
    "users_not_found": "Check the e-mail address in policy.yaml.",
}


class Refused(GaveUp):
    """Slack answered `ok: false`; `answer` is all that it said."""

    def __init__(self, method: str, *, reason: str, answer: Mapping[str, Any]) -> None:
        super().__init__(f"Slack refused {method}: {reason}.", reason=reason, fix=fix_for(reason, answer))
        self.answer = answer


def fix_for(reason: str, answer: Mapping[str, Any]) -> str:
    """What a person can do about a refusal, in one sentence; always says something."""
    if reason == "missing_scope":
        needed = str(answer.get("needed") or "that it lacks").split(",")[0].strip()
        return f"Add the scope {needed} to the app and reinstall it."
    if reason.startswith("restricted_action"):
        return FIXES["restricted_action"]
    return FIXES.get(reason, f"See what {reason} means at https://docs.slack.dev/reference/methods.")
