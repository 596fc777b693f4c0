"""A plan: exactly what an approved action will do to one host, with the bytes before and after.

Pure values. A plan survives a crash as JSON, so that what was written can still be put back.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from bot.checks import FileStat
from bot.runbook.runbook import Argv, Undo


@dataclass(frozen=True, kw_only=True)
class PlannedFile:
    """One file: its bytes before (None: it is not there) and after, the blob these come from, owner and mode."""

    path: str
    old: bytes | None
    new: bytes
    blob: str
    like: FileStat


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is approved is what runs: `id` is a hash over everything else here except `shown`.

    `digest` is the runbook's; `commit` and `decided_by` say which commit is restored and why that one; `diff` and
    `shown` (what a preview command printed) are for people. `within`, `hold` and `timeout` are in seconds.
    """

    id: str = ""
    runbook: str
    digest: str
    action: str
    title: str
    host: str
    commit: str = ""
    decided_by: str = ""
    files: tuple[PlannedFile, ...] = ()
    diff: str = ""
    shown: str = ""
    test: Argv = ()
    then: tuple[Argv, ...] = ()
    undo: Undo = "none"
    verify: tuple[str, ...]
    within: float
    hold: float = 0.0
    timeout: float = 60.0
    sudo: bool = False
    healthy_peers: int = 0

    def sealed(self) -> Plan:
        """The same plan with its id."""
        return replace(self, id=self._hash())

    def intact(self) -> bool:
        """Whether the id still fits the contents."""
        return self.id == self._hash()

    def to_json(self) -> str:
        """The plan as JSON text; bytes are base64."""
        return json.dumps(_encoded(asdict(self)), sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Plan:
        """The plan from its JSON text. Raises ValueError when it is not one, or was changed."""
        try:
            raw: dict[str, Any] = json.loads(text)
            plan = Plan(**{**raw, **_decoded(raw)})
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"this is no plan: {error}") from error
        if not plan.intact():
            raise ValueError("the plan does not fit its id")
        return plan

    def _hash(self) -> str:
        said = _encoded(asdict(self))
        del said["id"], said["shown"]
        for file in said["files"]:
            file["like"] = {key: file["like"][key] for key in ("uid", "gid", "mode")}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _encoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _encoded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(inner) for inner in value]
    return value


def _decoded(raw: dict[str, Any]) -> dict[str, Any]:
    undo = raw["undo"]
    return {
        "files": tuple(_file(each) for each in raw["files"]),
        "test": tuple(raw["test"]),
        "then": tuple(tuple(argv) for argv in raw["then"]),
        "undo": undo if isinstance(undo, str) else tuple(tuple(argv) for argv in undo),
        "verify": tuple(raw["verify"]),
    }


def _file(raw: dict[str, Any]) -> PlannedFile:
    return PlannedFile(
        path=raw["path"],
        old=None if raw["old"] is None else _bytes(raw["old"]),
        new=_bytes(raw["new"]),
        blob=raw["blob"],
        like=FileStat(**raw["like"]),
    )


def _bytes(raw: dict[str, str]) -> bytes:
    return base64.b64decode(raw["base64"], validate=True)
