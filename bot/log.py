"""Named events on standard error, one JSON object a line, or readable for a console. Never payloads, never tokens."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_logger = logging.getLogger("muster")
incident: ContextVar[str] = ContextVar("incident", default="")


def event(name: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Say that something happened: a dotted name and its fields. The incident's id is added by itself."""
    if _logger.isEnabledFor(level):
        if id := incident.get():
            fields = {"incident": id, **fields}
        _logger.log(level, name, extra={"fields": fields})


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.name != "muster":
            line["logger"] = record.name
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Console(logging.Formatter):
    """Readable lines for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        fields = " ".join(f"{k}={_one_word(v)}" for k, v in getattr(record, "fields", {}).items())
        text = f"{at:%H:%M:%S}Z {record.levelname.lower():7} {record.getMessage()} {fields}".rstrip()
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _one_word(value: Any) -> str:
    """A value that cannot be taken for two, nor for the next line: quoted unless it is plain."""
    text = str(value)
    return text if text and text.isprintable() and not set(text) & set(' "=') else json.dumps(text)


def configure(*, level: str, format: str) -> None:
    """Send everything to standard error. Bolt's own loggers quote request bodies, so they only warn."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Console() if format == "console" else Json())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    _logger.setLevel(level.upper())
    logging.getLogger("slack_bolt").setLevel(logging.ERROR)
