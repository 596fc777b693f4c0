"""Hypothesis strategies for every kind of fact and all that is in one, made from their type hints."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bot.facts import KINDS, Fact, Imported, What, fold
from bot.incident import Incident, Person, Source
from bot.record import to_record

FEW = ("", "E1", "E2", "A1", "web-1", "channel")
"""Words that name the same thing again and again, so that facts refer to each other."""

WORDS = st.one_of(st.sampled_from(FEW), st.text(max_size=8))
INSTANTS = st.datetimes(
    min_value=datetime(2026, 1, 1),  # noqa: DTZ001 - the zone is drawn below
    max_value=datetime(2027, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


def value_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of this type."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return st.one_of([st.none() if a is type(None) else value_of(a) for a in args])
    if origin is tuple and args[-1] is not Ellipsis:
        return st.tuples(*map(value_of, args))
    if origin is tuple:
        return st.lists(value_of(args[0]), max_size=2).map(tuple)
    if origin is list:
        return st.lists(value_of(args[0]), max_size=2)
    if origin in {dict, Mapping}:
        return st.dictionaries(WORDS, value_of(args[1]), max_size=2)
    if isinstance(hint, type) and is_dataclass(hint):
        return dataclass_of(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    simple = {datetime: INSTANTS, str: WORDS, int: st.integers(0, 10**9), bool: st.booleans(), Any: JSON}
    return simple[hint]


def dataclass_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any instance of a dataclass."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{f.name: value_of(hints[f.name]) for f in fields(kind) if f.init})


def facts_of(whats: st.SearchStrategy[What]) -> st.SearchStrategy[Fact]:
    """Facts with such contents; their keys are hardly ever the same."""
    return st.builds(
        Fact,
        key=st.uuids().map(str),
        what=whats,
        occurred_at=st.none() | INSTANTS,
        recorded_at=INSTANTS,
        author=dataclass_of(Person),
        source=dataclass_of(Source),
    )


def _folds(facts: list[Fact]) -> Incident:
    return fold(7, facts)


ORIGINAL = st.one_of([dataclass_of(kind) for kind in KINDS.values() if kind is not Imported])
INCIDENTS = st.lists(facts_of(ORIGINAL), min_size=1, max_size=8).map(_folds)
"""Incidents as they come out of any facts."""

IMPORTS = INCIDENTS.map(lambda incident: Imported(record=to_record(incident)))
WHATS = st.one_of(ORIGINAL, IMPORTS)
"""Every kind of what can happen."""

FACTS = facts_of(WHATS)
