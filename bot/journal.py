"""Dataclasses to JSON and back, by their type hints. What is stored here is read again years later.

Unknown fields are ignored and missing ones take their defaults, so that old and new versions read each other.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from math import isfinite
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
PLAIN = (str, int, bool, float)
UNCHANGED = frozenset({str, int, bool, type(None)})


def to_json(value: Any) -> Any:
    """Plain JSON values for a dataclass, enum, datetime (UTC, with Z), tuple or mapping of such.

    A number that JSON does not know (not a number, infinite) becomes its name.
    """
    kind: Any = type(value)
    if kind in UNCHANGED:
        return value
    if (names := _names(kind)) is not None:
        return {name: to_json(getattr(value, name)) for name in names}
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(v) for v in value]
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, (str, int)):
        return value
    raise TypeError(f"{kind.__name__} cannot be stored")


@cache
def _names(kind: Any) -> tuple[str, ...] | None:
    """The fields of a dataclass; None for anything else."""
    return tuple(f.name for f in fields(kind)) if is_dataclass(kind) else None


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC with Z, to the second, or to the microsecond where there are any."""
    if at.tzinfo is None:
        raise TypeError("a time without a zone cannot be stored")
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """The aware UTC time that `stamp` wrote. Raises ValueError for text without a zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return at.astimezone(UTC)


def from_json(kind: type[T], data: Mapping[str, Any], *, strict: bool = False) -> T:
    """The dataclass of this kind that `to_json` wrote. Raises KeyError for a missing field without default.

    `strict` is for what outsiders wrote: text, numbers and truth values of another type raise TypeError.
    """
    values = {}
    for name, hint, required in _shape(cast(Any, kind)):
        if name in data:
            values[name] = _read(hint, data[name], strict)
        elif required:
            raise KeyError(f"{kind.__name__}.{name}")
    return kind(**values)


@cache
def _shape(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING) for f in fields(kind) if f.init
    )


def _read(hint: Any, value: Any, strict: bool) -> Any:
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        inner = next(a for a in get_args(hint) if a is not type(None))
        return None if value is None else _read(inner, value, strict)
    if origin in {tuple, list}:
        return _read_sequence(origin, get_args(hint), value, strict)
    if origin is not None:  # mappings
        inner = get_args(hint)[1]
        return {k: _read(inner, v, strict) for k, v in value.items()}
    if hint is datetime:
        return instant(value)
    if isinstance(hint, type) and is_dataclass(hint):
        return from_json(hint, value, strict=strict)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    if strict and hint in PLAIN and type(value) is not hint:
        raise TypeError(f"{value!r} is not of type {hint.__name__}")
    return value


def _read_sequence(origin: Any, args: tuple[Any, ...], value: Any, strict: bool) -> Any:
    if origin is tuple and args[-1] is not Ellipsis:
        return tuple(_read(a, v, strict) for a, v in zip(args, value, strict=True))
    return origin(_read(args[0], v, strict) for v in value)
