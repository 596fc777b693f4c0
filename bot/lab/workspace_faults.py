"""What can go wrong on the way: faults that a test or a person switches on, a method at a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """In which way a call fails."""

    ERROR = "error"
    """HTTP 200 with `ok: false` and the fault's code."""
    LIMITED = "limited"
    """HTTP 429 with `Retry-After`."""
    BROKEN = "broken"
    """HTTP 500 (or the fault's status), nothing done."""
    HTML = "html"
    """HTTP 200 with a proxy's page as the body, nothing done."""
    DELAY = "delay"
    """The call works, late."""
    DROP_BEFORE = "drop-before"
    """The connection is cut before anything is done."""
    DROP_AFTER = "drop-after"
    """The call is done, then the connection is cut."""


@dataclass(kw_only=True)
class Fault:
    """One kind of failure of one method (`*`: of all), for the next `times` calls (None: until cleared)."""

    method: str
    kind: FaultKind
    code: str = "internal_error"
    status: int = 500
    seconds: float = 1.0
    times: int | None = 1


class Faults:
    """The faults that are switched on, oldest first."""

    def __init__(self) -> None:
        self._on: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Switch a fault on."""
        self._on.append(fault)

    def clear(self, method: str | None = None) -> None:
        """Switch off the faults of one method, or all of them."""
        self._on = [fault for fault in self._on if method is not None and fault.method != method]

    def take(self, method: str) -> Fault | None:
        """The fault that this call meets; it is used up by as much."""
        for fault in self._on:
            if fault.method in (method, "*"):
                if fault.times is not None:
                    fault.times -= 1
                    self._on = [other for other in self._on if other.times is None or other.times > 0]
                return fault
        return None
