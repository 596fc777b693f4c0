"""Which runbooks cover an alert. Pure; an alert only ever selects from what the files say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bot.pattern import matches
from bot.runbook.inventory import Group
from bot.runbook.runbook import Runbook, When

_TRANSITION = re.compile(r"\s*\[(?:re-?)?(?:triggered|warn|alert|no data|recovered)\b[^\]]*\]\s*", re.IGNORECASE)


def covering(
    runbooks: Iterable[Runbook],
    *,
    service: str = "",
    tags: Mapping[str, str] | None = None,
    monitor: str = "",
    status: str = "alert",
    group: Group | None = None,
) -> list[Runbook]:
    """The runbooks with a `when` that fits, in their order.

    `group` is the inventory's group of the alert's host: its service, role and env count like tags of the alert,
    and where both speak the inventory is right. `status` is alert, warn or no-data. A runbook without `when` never
    applies by itself.
    """
    known = {**(tags or {}), **_tags_of(group)}
    services = {word for word in (service, known.get("service", "")) if word}
    return [
        runbook
        for runbook in runbooks
        if any(_fits(when, services=services, tags=known, monitor=monitor, status=status) for when in runbook.when)
    ]


def covers_group(when: When, group: Group) -> bool:
    """Whether an alert about a host of this group can fit, whatever its monitor and other tags are called."""
    own = _tags_of(group)
    if when.service and "service" in own and not _same(when.service, own["service"]):
        return False
    return all(_same(value, own[key]) for key, value in when.tags.items() if key in own)


def _fits(when: When, *, services: set[str], tags: Mapping[str, str], monitor: str, status: str) -> bool:
    return (
        status in when.status
        and (not when.service or any(_same(when.service, s) for s in services))
        and all(key in tags and _same(value, tags[key]) for key, value in when.tags.items())
        and (not when.monitor or _titled(when.monitor, monitor))
    )


def _titled(pattern: str, monitor: str) -> bool:
    """Datadog's event titles open with the transition, `[Triggered on {host:web-02}] `; monitor names do not."""
    return any(matches(pattern, title, any_case=True) for title in (monitor, _TRANSITION.sub("", monitor, count=1)))


def _same(pattern: str, value: str) -> bool:
    return matches(pattern, value, any_case=True)


def _tags_of(group: Group | None) -> dict[str, str]:
    if group is None:
        return {}
    known = {"service": group.service, "role": group.role, "env": group.env, "group": group.name}
    return {key: value for key, value in known.items() if value}
