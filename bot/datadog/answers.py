"""Reading Datadog's JSON: what is missing or of another kind becomes the empty value, never an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

NOTHING: Mapping[str, Any] = {}


def mapping(value: Any, *path: str) -> Mapping[str, Any]:
    """The object at this path."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else NOTHING


def items(value: Any, *path: str) -> Sequence[Any]:
    """The list at this path."""
    found = mapping(value, *path[:-1]).get(path[-1]) if path else value
    return found if isinstance(found, list) else []


def text(value: Any, *path: str) -> str:
    """The text at this path; a number as it is written, so that ids are text."""
    found = mapping(value, *path[:-1]).get(path[-1]) if path else value
    return str(found) if isinstance(found, (str, int, float)) and not isinstance(found, bool) else ""


def texts(value: Any, *path: str) -> tuple[str, ...]:
    """The list of texts at this path."""
    return tuple(item for item in items(value, *path) if isinstance(item, str))


def since_epoch(seconds: Any) -> datetime | None:
    """The time of a number of seconds since 1970; none for 0, which means never."""
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def written(value: str) -> datetime | None:
    """The time of an ISO 8601 text."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
