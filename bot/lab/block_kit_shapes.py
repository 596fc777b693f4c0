"""The shapes of Block Kit: each block, element and view with the sizes that Slack publishes.

https://docs.slack.dev/reference/block-kit/blocks and the pages below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.lab.block_kit_rules import Rule, any_of, both, error, kind_of, listed, one_of, shape, typed, words

MARKDOWN_CHARACTERS = 12_000

_FLAG = kind_of(bool)
_ID = words(255)


def _plain(most: int) -> Rule:
    return typed({"plain_text": shape(needs={"text": words(most)}, may={"emoji": _FLAG})})


def _text(most: int) -> Rule:
    mrkdwn = shape(needs={"text": words(most)}, may={"verbatim": _FLAG})
    plain = shape(needs={"text": words(most)}, may={"emoji": _FLAG})
    return typed({"mrkdwn": mrkdwn, "plain_text": plain})


_CONFIRM = shape(
    needs={"title": _plain(100), "text": _text(300), "confirm": _plain(30), "deny": _plain(30)},
    may={"style": one_of("primary", "danger")},
)


def _option(*, plain: bool = True) -> Rule:
    text = _plain(75) if plain else _text(75)
    return shape(needs={"text": text, "value": words(150)}, may={"description": text, "url": words(3000)})


_GROUP = shape(needs={"label": _plain(75), "options": listed(_option(), most=100)}, may={})
_ELEMENT: dict[str, Rule] = {"action_id": _ID}
_CHOOSER: dict[str, Rule] = {
    **_ELEMENT,
    "placeholder": _plain(150),
    "confirm": _CONFIRM,
    "focus_on_load": _FLAG,
}
_ANYTHING: Rule = kind_of(object)


def _starts_with_a_choice(value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict) or "initial_option" not in value:
        return
    groups = value.get("option_groups") or [{"options": value.get("options", [])}]
    if value["initial_option"] not in [option for group in groups for option in group.get("options", [])]:
        yield error("initial_option must be one of the options", where)


_STATIC = {**_CHOOSER, "options": listed(_option(), most=100), "option_groups": listed(_GROUP, most=100)}


def _select(**more: Rule) -> Rule:
    return shape(needs={}, may={**_CHOOSER, "max_selected_items": kind_of(int), **more})


def _line_input(**more: Rule) -> Rule:
    may = {**_ELEMENT, "placeholder": _plain(150), "focus_on_load": _FLAG, "dispatch_action_config": _ANYTHING}
    return shape(needs={}, may={**may, **more})


def _boxes(name: str) -> Rule:
    may = {**_ELEMENT, "confirm": _CONFIRM, "focus_on_load": _FLAG, name: _ANYTHING}
    return shape(needs={"options": listed(_option(plain=False), most=10)}, may=may)


_IMAGE = both(
    shape(needs={"alt_text": words(2000)}, may={"image_url": words(3000), "slack_file": _ANYTHING}),
    any_of("image_url", "slack_file"),
)
_BUTTON = shape(
    needs={"text": _plain(75)},
    may={
        **_ELEMENT,
        "value": words(2000),
        "url": words(3000),
        "style": one_of("primary", "danger"),
        "confirm": _CONFIRM,
        "accessibility_label": words(75),
    },
)
_CHOOSERS: dict[str, Rule] = {
    "static_select": both(
        both(shape(needs={}, may={**_STATIC, "initial_option": _option()}), any_of("options", "option_groups")),
        _starts_with_a_choice,
    ),
    "multi_static_select": both(
        shape(needs={}, may={**_STATIC, "initial_options": _ANYTHING, "max_selected_items": kind_of(int)}),
        any_of("options", "option_groups"),
    ),
    "external_select": _select(min_query_length=kind_of(int), initial_option=_option()),
    "users_select": _select(initial_user=_ID),
    "multi_users_select": _select(initial_users=_ANYTHING),
    "channels_select": _select(initial_channel=_ID, response_url_enabled=_FLAG),
    "conversations_select": _select(
        initial_conversation=_ID,
        default_to_current_conversation=_FLAG,
        response_url_enabled=_FLAG,
        filter=_ANYTHING,
    ),
    "datepicker": _select(initial_date=words(10)),
    "timepicker": _select(initial_time=words(5), timezone=words(100)),
    "datetimepicker": _select(initial_date_time=kind_of(int)),
    "checkboxes": _boxes("initial_options"),
    "radio_buttons": _boxes("initial_option"),
}
_PRESSED: dict[str, Rule] = {
    "button": _BUTTON,
    "overflow": shape(needs={"options": listed(_option(), most=5)}, may={**_ELEMENT, "confirm": _CONFIRM}),
}
_LENGTHS = {"min_length": kind_of(int), "max_length": kind_of(int)}
_TYPED_IN: dict[str, Rule] = {
    "plain_text_input": _line_input(initial_value=words(3000, least=0), multiline=_FLAG, **_LENGTHS),
    "email_text_input": _line_input(initial_value=words(3000, least=0)),
    "url_text_input": _line_input(initial_value=words(3000, least=0)),
    "number_input": _line_input(
        is_decimal_allowed=_FLAG, initial_value=words(100, least=0), min_value=words(100), max_value=words(100)
    ),
    "rich_text_input": _line_input(initial_value=_ANYTHING),
    "file_input": _line_input(filetypes=_ANYTHING, max_files=kind_of(int)),
}

_RICH_PIECE = typed(
    {
        "text": shape(needs={"text": words(40_000)}, may={"style": _ANYTHING}),
        "link": shape(needs={"url": words(3000)}, may={"text": words(3000), "unsafe": _FLAG, "style": _ANYTHING}),
        "emoji": shape(needs={"name": words(100)}, may={"unicode": words(100), "style": _ANYTHING}),
        "user": shape(needs={"user_id": _ID}, may={"style": _ANYTHING}),
        "usergroup": shape(needs={"usergroup_id": _ID}, may={"style": _ANYTHING}),
        "channel": shape(needs={"channel_id": _ID}, may={"style": _ANYTHING}),
        "broadcast": shape(needs={"range": one_of("here", "channel", "everyone")}, may={"style": _ANYTHING}),
        "color": shape(needs={"value": words(20)}, may={"style": _ANYTHING}),
        "date": shape(
            needs={"timestamp": kind_of(int), "format": words(200)},
            may={"url": words(3000), "fallback": words(200), "style": _ANYTHING},
        ),
    }
)
_PIECES = listed(_RICH_PIECE, most=1000, least=0)
_SECTION_OF_TEXT = shape(needs={"elements": _PIECES}, may={})
_RICH_TEXT = shape(
    needs={
        "elements": listed(
            typed(
                {
                    "rich_text_section": _SECTION_OF_TEXT,
                    "rich_text_preformatted": shape(
                        needs={"elements": _PIECES}, may={"border": kind_of(int), "language": words(100)}
                    ),
                    "rich_text_quote": shape(needs={"elements": _PIECES}, may={"border": kind_of(int)}),
                    "rich_text_list": shape(
                        needs={
                            "style": one_of("bullet", "ordered"),
                            "elements": listed(typed({"rich_text_section": _SECTION_OF_TEXT}), most=1000),
                        },
                        may={"indent": kind_of(int), "offset": kind_of(int), "border": kind_of(int)},
                    ),
                }
            ),
            most=1000,
        )
    },
    may={"block_id": _ID},
)
_CELL = typed(
    {
        "raw_text": shape(needs={"text": words(3000, least=0)}, may={}),
        "raw_number": shape(needs={"value": kind_of(int, float)}, may={"text": words(3000)}),
        "rich_text": _RICH_TEXT,
    }
)
_COMMON: dict[str, Rule] = {"block_id": _ID}
_BLOCKS: dict[str, Rule] = {
    "divider": shape(needs={}, may=_COMMON),
    "header": shape(needs={"text": _plain(150)}, may={**_COMMON, "level": kind_of(int)}),
    "section": both(
        shape(
            needs={},
            may={
                **_COMMON,
                "text": _text(3000),
                "fields": listed(_text(2000), most=10),
                "accessory": typed({**_PRESSED, **_CHOOSERS, "image": _IMAGE}),
                "expand": _FLAG,
            },
        ),
        any_of("text", "fields"),
    ),
    "context": shape(
        needs={"elements": listed(typed({"image": _IMAGE, "mrkdwn": _text(3000), "plain_text": _text(3000)}), most=10)},
        may=_COMMON,
    ),
    "actions": shape(needs={"elements": listed(typed({**_PRESSED, **_CHOOSERS}), most=25)}, may=_COMMON),
    "image": both(
        shape(
            needs={"alt_text": words(2000)},
            may={**_COMMON, "image_url": words(3000), "slack_file": _ANYTHING, "title": _plain(2000)},
        ),
        any_of("image_url", "slack_file"),
    ),
    "input": shape(
        needs={"label": _plain(2000), "element": typed({**_TYPED_IN, **_CHOOSERS})},
        may={**_COMMON, "hint": _plain(2000), "optional": _FLAG, "dispatch_action": _FLAG},
    ),
    "rich_text": _RICH_TEXT,
}
_MESSAGE_ONLY: dict[str, Rule] = {
    "markdown": shape(needs={"text": words(MARKDOWN_CHARACTERS)}, may=_COMMON),
    "table": shape(
        needs={"rows": listed(listed(_CELL, most=20), most=100)}, may={**_COMMON, "column_settings": _ANYTHING}
    ),
}
_MODAL_ONLY: dict[str, Rule] = {
    "alert": shape(
        needs={"text": _text(200)},
        may={**_COMMON, "level": one_of("default", "info", "warning", "error", "success")},
    )
}


def blocks_on(surface: str) -> Rule:
    more = {"message": _MESSAGE_ONLY, "modal": _MODAL_ONLY}.get(surface, {})
    return typed({**_BLOCKS, **more})


_VIEW: dict[str, Rule] = {
    "blocks": kind_of(list),
    "callback_id": words(255, least=0),
    "private_metadata": words(3000, least=0),
    "external_id": words(255, least=0),
}
MODAL = shape(
    needs={"title": _plain(24), "blocks": kind_of(list)},
    may={
        **_VIEW,
        "submit": _plain(24),
        "close": _plain(24),
        "clear_on_close": _FLAG,
        "notify_on_close": _FLAG,
        "submit_disabled": _FLAG,
    },
)
HOME = shape(needs={"blocks": kind_of(list)}, may=_VIEW)
