"""The rules of Block Kit: what Slack accepts in a message, a modal or a Home tab.

This is a checker, not a builder: it answers with everything that Slack would reject, each with a JSON pointer
to the place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from bot.lab.block_kit_rules import error, listed
from bot.lab.block_kit_shapes import HOME, MARKDOWN_CHARACTERS, MODAL, blocks_on

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_CHARACTERS = 11_000
"""Slack publishes no figure; messages of 11,341 visible characters were refused
(https://github.com/slackapi/bolt-js/issues/2509), so this stays below."""


def check_blocks(blocks: Any, *, surface: str = "message") -> list[str]:
    """Everything that Slack would reject in `blocks` on this surface: `message`, `modal` or `home`."""
    most = MESSAGE_BLOCKS if surface == "message" else VIEW_BLOCKS
    # What hangs together is looked at only once every part has the right shape.
    errors = list(listed(blocks_on(surface), most=most)(blocks, "/blocks"))
    return errors or [*_repeated_ids(blocks), *_too_much_of_a_kind(blocks)]


def check_view(view: Any) -> list[str]:
    """Everything that Slack would reject in a modal or a Home tab."""
    kind = view.get("type") if isinstance(view, dict) else None
    if kind not in ("modal", "home"):
        return ["[ERROR] must be one of: modal, home [json-pointer:/type]"]
    errors = list((MODAL if kind == "modal" else HOME)(view, "")) or check_blocks(view["blocks"], surface=kind)
    if not errors and kind == "modal" and "submit" not in view and _has_inputs(view["blocks"]):
        return ["[ERROR] missing required field: submit [json-pointer:/view]"]
    return errors


def _has_inputs(blocks: list[dict[str, Any]]) -> bool:
    return any(block["type"] == "input" for block in blocks)


def visible_characters(value: Any) -> int:
    """How many characters of text these blocks show; identifiers, values and addresses do not count."""
    if isinstance(value, list):
        return sum(visible_characters(item) for item in value)
    if not isinstance(value, dict):
        return 0
    own = value.get("text")
    return (len(own) if isinstance(own, str) else 0) + sum(visible_characters(item) for item in value.values())


def elements_of(blocks: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each interactive element of these blocks, with the block that holds it."""
    for block in blocks or []:
        held = [block.get("accessory"), block.get("element"), *block.get("elements", [])]
        for element in held:
            if isinstance(element, dict) and "action_id" in element:
                yield block, element


def _repeated_ids(blocks: list[dict[str, Any]]) -> Iterator[str]:
    ids = Counter(block["block_id"] for block in blocks if "block_id" in block)
    yield from (error(f"block_id {name!r} already exists", "/blocks") for name, times in ids.items() if times > 1)
    for at, block in enumerate(blocks):
        names = Counter(one["action_id"] for one in block.get("elements", []) if "action_id" in one)
        yield from (error(f"action_id {n!r} already exists", f"/blocks/{at}") for n, t in names.items() if t > 1)


def _too_much_of_a_kind(blocks: list[dict[str, Any]]) -> Iterator[str]:
    if sum(block["type"] == "table" for block in blocks) > 1:
        yield error("only one table allowed", "/blocks")
    markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
    if markdown > MARKDOWN_CHARACTERS:
        yield error(f"more than {MARKDOWN_CHARACTERS} characters of markdown", "/blocks")
