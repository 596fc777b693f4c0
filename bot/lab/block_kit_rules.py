"""The grammar in which Block Kit's rules are written: a rule looks at a value and complains.

A rule is a function `(value, where) -> complaints`; the functions here make rules out of rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Rule = Callable[[Any, str], Iterator[str]]


def error(text: str, where: str) -> str:
    """A complaint in Slack's manner, with the place as a JSON pointer."""
    return f"[ERROR] {text} [json-pointer:{where or '/'}]"


def words(most: int, *, least: int = 1) -> Rule:
    """A string of so many characters."""

    def rule(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield error("must be a string", where)
        elif len(value) < least:
            yield error(f"must be more than {least - 1} characters", where)
        elif len(value) > most:
            yield error(f"must be less than {most + 1} characters", where)

    return rule


def kind_of(*kinds: type) -> Rule:
    """A value of one of these kinds."""

    def rule(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, kinds):
            yield error(f"must be a {kinds[0].__name__}", where)

    return rule


def one_of(*allowed: str) -> Rule:
    """One of a few words."""

    def rule(value: Any, where: str) -> Iterator[str]:
        if value not in allowed:
            yield error(f"must be one of: {', '.join(allowed)}", where)

    return rule


def listed(each: Rule, *, most: int, least: int = 1) -> Rule:
    """A list of so many items, each of which follows a rule."""

    def rule(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield error("must be an array", where)
            return
        if len(value) < least:
            yield error(f"must have at least {least} items", where)
        if len(value) > most:
            yield error(f"no more than {most} items allowed", where)
        for at, item in enumerate(value):
            yield from each(item, f"{where}/{at}")

    return rule


def shape(*, needs: Mapping[str, Rule], may: Mapping[str, Rule]) -> Rule:
    """An object with fields that it needs, fields that it may have, and no others."""
    known = {**needs, **may}

    def rule(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield error("must be an object", where)
            return
        yield from (error(f"missing required field: {name}", where) for name in needs if name not in value)
        for name, item in value.items():
            if name in known:
                yield from known[name](item, f"{where}/{name}")
            elif name != "type":
                yield error(f"invalid additional property: {name}", where)

    return rule


def typed(table: Mapping[str, Rule]) -> Rule:
    """An object whose `type` picks the rule."""

    def rule(value: Any, where: str) -> Iterator[str]:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in table:
            yield error(f"unsupported type: {kind}", f"{where}/type")
        else:
            yield from table[kind](value, where)

    return rule


def both(first: Rule, second: Rule) -> Rule:
    """The first rule and, when that has no complaint, the second."""

    def rule(value: Any, where: str) -> Iterator[str]:
        yield from list(first(value, where)) or second(value, where)

    return rule


def any_of(*names: str) -> Rule:
    """An object with at least one of these fields."""

    def rule(value: Any, where: str) -> Iterator[str]:
        if isinstance(value, dict) and not any(name in value for name in names):
            yield error(f"missing one of: {', '.join(names)}", where)

    return rule
