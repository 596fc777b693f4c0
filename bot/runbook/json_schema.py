"""The shape of a runbook as JSON Schema, for editors; made from the same registry and values as the loader.

It knows shapes only. What one word demands of another, and of the inventory, is `muster runbook lint`.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, Union, get_args, get_origin

from bot.checks import Noun, Port, Seconds, Share
from bot.runbook.runbook import ANSWERS, At, Severity, Status

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = "[a-z][a-z0-9-]{0,48}"
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
PLACEHOLDER: Schema = {"type": "string", "pattern": r"\$[a-z]"}
DURATION: Schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$"}
SHARE: Schema = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%$"}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
KINDS: Mapping[object, Schema] = {
    str: TEXT,
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: FLAG,
    Seconds: DURATION,
    Share: SHARE,
    Port: PORT,
}


def json_schema(nouns: Mapping[str, Noun]) -> Schema:
    """The whole schema of version 1, with the words of these nouns."""
    return {
        "$schema": DIALECT,
        "title": "Muster runbook, version 1",
        **_block(
            {
                "runbook": {"const": 1},
                "name": {"type": "string", "pattern": f"^{NAME}$"},
                "title": TEXT,
                "owner": TEXT,
                "docs": TEXT,
                "when": _one_or_many(_when()),
                "checks": _named(_check(nouns)),
                "causes": {"type": "array", "items": _cause()},
                "actions": _named(_action()),
            },
            required=("runbook", "name", "title", "owner", "checks"),
        ),
    }


def _when() -> Schema:
    words = {"service": TEXT, "tags": {"type": "object", "additionalProperties": TEXT}, "monitor": TEXT}
    return _block({**words, "status": _one_or_many(_choice(Status))})


def _check(nouns: Mapping[str, Noun]) -> Schema:
    common: dict[str, Schema] = {
        "at": _choice(At),
        "timeout": DURATION,
        "severity": _choice(Severity),
        "preflight": FLAG,
        "explains": TEXT,
    }
    asked = {name: _noun(noun) for name, noun in sorted(nouns.items())}
    return {**_block({**common, **asked}), "oneOf": [{"required": [name]} for name in asked]}


def _noun(noun: Noun) -> Schema:
    words = {word.rstrip("_").replace("_", "-"): p for word, p in noun.words.items()}
    required = tuple(word for word, p in words.items() if p.default is inspect.Parameter.empty)
    shapes = {word: _argv() if word == "argv" else _word(p.annotation) for word, p in words.items()}
    return {"description": noun.help, **_block(shapes, required=required)}


def _word(annotation: object) -> Schema:
    """One word of a noun; a placeholder fits wherever a value does."""
    shape = _kind(annotation)
    return shape if shape in (TEXT, FLAG) or shape.get("enum") else {"anyOf": [shape, PLACEHOLDER]}


def _kind(annotation: object) -> Schema:
    if annotation in KINDS:
        return KINDS[annotation]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, types.UnionType):
        shapes = [_kind(kind) for kind in inner if kind is not type(None)]
        return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    if origin in (list, tuple, Sequence):
        return _one_or_many(_kind(inner[0]))
    raise TypeError(f"no JSON Schema is known for the kind {annotation!r}")


def _cause() -> Schema:
    answers = _one_or_many({"enum": list(ANSWERS)})
    when = {**_named(answers), "minProperties": 1}
    return _block({"when": when, "explains": TEXT, "offer": _one_or_many(TEXT)}, required=("when", "explains"))


def _action() -> Schema:
    argvs: Schema = {"type": "array", "items": _argv()}
    restore = {"repo": TEXT, "paths": _one_or_many(TEXT), "to": {"enum": ["known-good", "HEAD"]}}
    approve = {
        "by": _one_or_many(TEXT),
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "requester": {"enum": ["may-approve", "may-not-approve"]},
        "expires": DURATION,
    }
    count: Schema = {"type": "integer", "minimum": 0}
    words: dict[str, Schema] = {
        "title": TEXT,
        "at": {"enum": [At.AFFECTED.value, At.BALANCER.value, At.PRIMARY.value]},
        "restore": _block(restore, required=("repo", "paths")),
        "run": argvs,
        "preview": _argv(),
        "test": _argv(),
        "then": argvs,
        "sudo": FLAG,
        "verify": _block({"checks": _one_or_many(TEXT), "within": DURATION, "hold": DURATION}, required=("checks",)),
        "undo": {"anyOf": [{"enum": ["put-back", "none"]}, argvs]},
        "approve": _block(approve),
        "limits": _block({"hosts": {**count, "minimum": 1}, "healthy-peers": count, "once-every": DURATION}),
        "timeout": DURATION,
    }
    either = [{"required": ["restore"]}, {"required": ["run", "preview"]}]
    return {**_block(words, required=("verify", "undo")), "oneOf": either}


def _argv() -> Schema:
    return {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1}


def _choice(options: type[StrEnum]) -> Schema:
    return {"enum": [option.value for option in options]}


def _one_or_many(shape: Schema) -> Schema:
    return {"anyOf": [shape, {"type": "array", "items": shape}]}


def _named(shape: Schema) -> Schema:
    return {"type": "object", "propertyNames": {"pattern": f"^{NAME}$"}, "additionalProperties": shape}


def _block(words: Mapping[str, Schema], *, required: Sequence[str] = ()) -> Schema:
    found: Schema = {"type": "object", "properties": dict(words), "additionalProperties": False}
    return {**found, "required": list(required)} if required else found
