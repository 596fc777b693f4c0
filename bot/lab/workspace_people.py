"""auth.test, users.* and usergroups.*: who the caller is and who else is there."""

from __future__ import annotations

from bot.lab.workspace_methods import SPECIAL_TIER, Asked, method, page_of
from bot.lab.workspace_state import JSON, TEAM_ID, SlackError, State, User


@method("auth.test", tier=SPECIAL_TIER)
def auth_test(state: State, _asked: Asked) -> JSON:
    """Who this token speaks for."""
    return {
        "url": f"{state.base_url}/",
        "team": state.name,
        "user": state.bot.name,
        "team_id": TEAM_ID,
        "user_id": state.bot.id,
        "bot_id": state.bot_id,
        "is_enterprise_install": False,
    }


@method("apps.connections.open", scope="connections:write", tier=3)
def connections_open(state: State, _asked: Asked) -> JSON:
    """An address for one connection. Bot tokens cannot have the scope."""
    return {"url": state.new_ticket()}


@method("users.info", scope="users:read", tier=4)
def info(state: State, asked: Asked) -> JSON:
    """One person."""
    return {"user": _shown(state.user(asked.text("user")), state)}


@method("users.lookupByEmail", scope="users:read.email", tier=3)
def lookup_by_email(state: State, asked: Asked) -> JSON:
    """The person with this address."""
    email = asked.text("email").lower()
    for user in state.users.values():
        if user.email.lower() == email and not user.deactivated:
            return {"user": user.to_json()}
    raise SlackError("users_not_found")


@method("users.list", scope="users:read", tier=2)
def list_users(state: State, asked: Asked) -> JSON:
    """Everybody, leavers and bots included."""
    page, cursor = page_of(list(state.users.values()), asked)
    return {"members": [_shown(user, state) for user in page], "response_metadata": {"next_cursor": cursor}}


def _shown(user: User, state: State) -> JSON:
    shown = user.to_json()
    if not any("users:read.email" in scopes for scopes in state.tokens.values()):
        del shown["profile"]["email"]
    return shown


@method("usergroups.list", scope="usergroups:read", tier=2)
def list_groups(state: State, asked: Asked) -> JSON:
    """The user groups; free plans have none."""
    _paid(state)
    return {
        "usergroups": [
            {
                "id": group.id,
                "team_id": TEAM_ID,
                "is_usergroup": True,
                "handle": group.handle,
                "name": group.name,
                "date_delete": 0,
                "user_count": len(group.users),
                **({"users": list(group.users)} if asked.flag("include_users") else {}),
            }
            for group in state.groups.values()
        ]
    }


@method("usergroups.users.list", scope="usergroups:read", tier=2)
def list_group_users(state: State, asked: Asked) -> JSON:
    """Who is in a user group."""
    _paid(state)
    group = state.groups.get(asked.text("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


def _paid(state: State) -> None:
    if not state.plan_has_groups:
        raise SlackError("plan_upgrade_required")
