"""The views.* methods: modals, opened with a trigger, and each person's Home tab."""

from __future__ import annotations

import json
from typing import Any

from bot.lab.block_kit import check_view
from bot.lab.workspace_methods import Asked, method, missing
from bot.lab.workspace_state import APP_ID, JSON, TEAM_ID, SlackError, State

LARGEST_VIEW = 250_000
DEEPEST_STACK = 3


@method("views.open", tier=4)
def open_view(state: State, asked: Asked) -> JSON:
    """Open a modal for the person whose trigger this is."""
    view = _valid(asked)
    user = state.use_trigger(asked.text("trigger_id"))
    return {"view": add_view(state, view, user=user)}


@method("views.push", tier=4)
def push_view(state: State, asked: Asked) -> JSON:
    """Put a modal on top of the one that is open."""
    view = _valid(asked)
    user = state.use_trigger(asked.text("trigger_id"))
    stack = [held for held in state.views.values() if held["user"] == user]
    if len(stack) >= DEEPEST_STACK:
        raise SlackError("push_limit_reached")
    return {"view": add_view(state, view, user=user, under=stack[-1] if stack else None)}


@method("views.update", tier=4)
def update_view(state: State, asked: Asked) -> JSON:
    """Change an open modal; `hash` guards against lost updates."""
    new = _valid(asked)
    view = _open(state, asked)
    if asked.maybe("hash") not in (None, view["hash"]):
        raise SlackError("hash_conflict")
    return {"view": replace_view(state, view, new)}


@method("views.publish", tier=4)
def publish_home(state: State, asked: Asked) -> JSON:
    """Set a person's Home tab."""
    view, user = _valid(asked), asked.text("user_id")
    state.user(user)
    old = state.homes.get(user)
    if old is not None and asked.maybe("hash") not in (None, old["hash"]):
        raise SlackError("hash_conflict")
    home = _made(state, view, user=user)
    state.homes[user] = home
    state.changed({"type": "home", "view": home, "only": user})
    return {"view": home}


def _valid(asked: Asked) -> JSON:
    view = asked.nested("view")
    if view is None:
        raise missing("view")
    if len(json.dumps(view)) > LARGEST_VIEW:
        raise SlackError("view_too_large")
    if errors := check_view(view):
        raise SlackError("invalid_arguments", response_metadata={"messages": errors})
    return dict(view)


def _open(state: State, asked: Asked) -> JSON:
    by_id, external = asked.maybe("view_id"), asked.maybe("external_id")
    for view in state.views.values():
        if view["id"] == by_id or (external and view.get("external_id") == external):
            return view
    raise SlackError("not_found")


def _made(state: State, view: JSON, *, user: str, **more: Any) -> JSON:
    view_id = state.next_id("V")
    made = {"callback_id": "", "private_metadata": "", "external_id": "", "state": {"values": {}}, **view, **more}
    blocks = [{"block_id": f"v{at}", **block} for at, block in enumerate(view.get("blocks", []))]
    ids = {"id": view_id, "team_id": TEAM_ID, "app_id": APP_ID, "bot_id": state.bot_id, "user": user}
    return {
        "root_view_id": view_id,
        "previous_view_id": None,
        **made,
        **ids,
        "blocks": blocks,
        "hash": _hash(state),
    }


def _hash(state: State) -> str:
    return f"{int(state.clock.now())}.{state.next_id('h')}"


def add_view(state: State, view: JSON, *, user: str, under: JSON | None = None) -> JSON:
    """Open a modal for a person, on top of another if there is one. Raises SlackError `duplicate_external_id`."""
    external = view.get("external_id")
    if external and any(other.get("external_id") == external for other in state.views.values()):
        raise SlackError("duplicate_external_id")
    above = {"previous_view_id": under["id"], "root_view_id": under["root_view_id"]} if under else {}
    made = _made(state, view, user=user, **above)
    state.views[made["id"]] = made
    state.changed({"type": "view", "view": made, "only": user})
    return made


def replace_view(state: State, view: JSON, new: JSON) -> JSON:
    """Give an open modal another content."""
    kept = {name: view[name] for name in ("id", "root_view_id", "previous_view_id")}
    made = {**_made(state, new, user=view["user"]), **kept}
    state.views[view["id"]] = made
    state.changed({"type": "view", "view": made, "only": view["user"]})
    return made


def close_view(state: State, view: JSON, *, whole_stack: bool = False) -> None:
    """Close a modal, or it and all below it."""
    root = view["root_view_id"]
    gone = [v for v in state.views.values() if v["id"] == view["id"] or (whole_stack and v["root_view_id"] == root)]
    for held in gone:
        del state.views[held["id"]]
        state.changed({"type": "view_closed", "view_id": held["id"], "only": held["user"]})
