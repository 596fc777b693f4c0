"""Forms as Slack's modals: how each looks, what is wrong with what was filled in, and what it says. Pure.

Fields are blocks under their own names, so that an error stands where it belongs.
https://docs.slack.dev/surfaces/modals
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bot.forms import CAPTURE, DECLARE, UPDATE
from bot.incident import Person, Source
from bot.said import Form, Said
from bot.slack.blocks import BUTTON, Block, plain_line
from bot.slack.hearing import Payload

VALUE = "value"
"""The action id of every field; there is one in a block."""
OPTIONS = 100
TITLE = 24
TITLE_FIELD = 200
TEXT_FIELD = 3_000
SERVICE_FIELD = 80


def modal(form: Form) -> Block:
    """The form as a view."""
    title, submit, fields = _LOOKS[form.name]
    return {
        "type": "modal",
        "callback_id": form.name,
        "title": _plain(title, TITLE),
        "submit": _plain(submit, TITLE),
        "close": _plain("Cancel", TITLE),
        "private_metadata": json.dumps(dict(form.carries)),
        "blocks": fields(form),
    }


def _declare(form: Form) -> list[Block]:
    filled = form.filled
    return [
        _input("title", "What is wrong?", _text(filled.get("title", ""), most=TITLE_FIELD)),
        _input("severity", "How bad is it? (1 is worst)", _select(form, "severity"), optional=True),
        _input("service", "Which service?", _text("", most=SERVICE_FIELD), optional=True),
        _input("private", "Who may see it?", _boxes(("yes", "Only those who are invited")), optional=True),
    ]


def _update(form: Form) -> list[Block]:
    status = [_input("status", "Where does it stand?", _select(form, "status"), optional=True)]
    return [
        *(status if form.choices.get("status") else []),
        _input("text", "What should those outside know?", _text("", most=TEXT_FIELD, lines=True), optional=True),
    ]


def _capture(form: Form) -> list[Block]:
    field = _input("incident", "Into which timeline?", _select(form, "incident"))
    more = len(form.choices["incident"]) - OPTIONS
    hint = {"hint": _plain(f"The newest; {more} older ones: say INC-n note TEXT", 150)} if more > 0 else {}
    return [field | hint]


_LOOKS: Mapping[str, tuple[str, str, Callable[[Form], list[Block]]]] = {
    DECLARE: ("Declare an incident", "Declare", _declare),
    UPDATE: ("Update the incident", "Update", _update),
    CAPTURE: ("Add to a timeline", "Add", _capture),
}
FORMS = frozenset(_LOOKS)
"""The callback ids of all our modals."""


def wrong(body: Payload) -> dict[str, str]:
    """What is wrong with what was filled in, by field; empty when all is well."""
    said = answers(body)
    match str(body["view"]["callback_id"]):
        case form if form == DECLARE and not said["title"]:
            return {"title": "A few words are enough, but it needs some."}
        case form if form == UPDATE and not said["text"] and said.get("status", "") in {"", _status_shown(body)}:
            return {"text": "Nothing is new: choose another status, or say something."}
        case form if form == CAPTURE and not said["incident"]:
            return {"incident": "Choose one."}
    return {}


def _status_shown(body: Payload) -> str:
    """The status that the form stood on when it was opened."""
    blocks = body["view"].get("blocks") or ()
    shown = next((b["element"].get("initial_option") for b in blocks if b.get("block_id") == "status"), None)
    return str(shown["value"]) if shown else ""


def answers(body: Payload) -> dict[str, str]:
    """What was filled in, by field; what was left out is empty."""
    values = (body["view"].get("state") or {}).get("values") or {}
    return {field: _answer(held.get(VALUE) or {}) for field, held in values.items()}


def _answer(held: Mapping[str, Any]) -> str:
    chosen = [held.get("selected_option"), *(held.get("selected_options") or ())]
    option = next(filter(None, chosen), None)
    said = str(option["value"]) if option else str(held.get("value") or "")
    return said.strip().strip("\u200b\u2060\ufeff").strip()


def from_submission(body: Payload, *, now: datetime) -> Said:
    """A form that was filled in. Slack tells neither when nor where; what the form carries does."""
    view, user = body["view"], body["user"]
    carried = _carried(view)
    said = {**answers(body), **{word: carried[word] for word in ("quote",) if word in carried}}
    named = carried.get("incident") or said.get("incident", "")
    channel = carried.get("channel", "")
    told = {"channel": channel, "user": str(user["id"])}
    return Said(
        key=f"form:{view['id']}:{view.get('hash', '')}:{user['id']}",
        text="",
        author=Person(id=str(user["id"]), name=str(user.get("name") or user.get("username") or "")),
        at=now,
        source=Source(type="command"),
        channel=channel,
        incident=int(named.removeprefix("INC-")) if named else None,
        button=str(view["callback_id"]),
        answers=said,
        reply_to={word: value for word, value in told.items() if value},
    )


def _carried(view: Mapping[str, Any]) -> dict[str, str]:
    try:
        read = json.loads(view.get("private_metadata") or "{}")
    except ValueError:
        return {}
    return {str(word): str(value) for word, value in read.items()} if isinstance(read, dict) else {}


def _plain(text: str, most: int) -> Block:
    return {"type": "plain_text", "text": plain_line(text, most), "emoji": False}


def _input(field: str, label: str, element: Block, *, optional: bool = False) -> Block:
    return {
        "type": "input",
        "block_id": field,
        "label": _plain(label, 2_000),
        "element": {**element, "action_id": VALUE},
        "optional": optional,
    }


def _text(filled: str, *, most: int, lines: bool = False) -> Block:
    start = {"initial_value": plain_line(filled, most)} if filled.strip() else {}
    return {"type": "plain_text_input", "multiline": lines, "max_length": most, **start}


def _option(value: str, shown: str) -> Block:
    return {"text": _plain(shown, BUTTON), "value": value}


def _select(form: Form, field: str) -> Block:
    options = [_option(value, shown) for value, shown in form.choices[field][:OPTIONS]]
    first = next((o for o in options if o["value"] == form.filled.get(field)), None)
    return {"type": "static_select", "options": options, **({"initial_option": first} if first else {})}


def _boxes(*choices: tuple[str, str]) -> Block:
    return {"type": "checkboxes", "options": [_option(value, shown) for value, shown in choices]}
