"""Incidents to show: the smallest one, and one with everything on it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from bot.incident import (
    AlertSeen,
    CauseSeen,
    Channel,
    CheckSeen,
    Entry,
    Incident,
    Kind,
    Person,
    Repair,
    RepairState,
    Status,
    Trouble,
    Verdict,
)
from bot.slack.render import Message

AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
DIFF = "--- a/nginx/conf.d/site.conf\n+++ b/nginx/conf.d/site.conf\n@@ -1,4 +1,4 @@\n-  listen 8081;\n+  listen 8080;\n"


def small(number: int = 7, *, title: str = "web-02 is out of rotation") -> Incident:
    """As somebody declared it just now."""
    incident = Incident(number=number, title=title, severity="SEV2", opened_at=AT)
    incident.entries.append(Entry(id="E1", kind=Kind.OPENED, occurred_at=AT, recorded_at=AT, text=title))
    return incident


def repair(state: RepairState = RepairState.OFFERED, *, diff: str = DIFF, plan: str = "plan-1") -> Repair:
    """Putting web-02's port right."""
    return Repair(
        name="restore-config",
        host="web-02",
        plan=plan,
        state=state,
        at=AT + timedelta(seconds=1),
        title="Restore the nginx config of web-02 from version control",
        diff=diff,
        approvers=("@oncall-web",),
        approved_by=() if state in {RepairState.OFFERED, RepairState.EXPIRED} else (Person(id="U123", name="ana"),),
        expires_at=AT + timedelta(minutes=15),
    )


def cause(verdict: Verdict, text: str, *, n: int = 1) -> CauseSeen:
    """One reading of the checks of web-02."""
    return CauseSeen(id=f"web/{n}", verdict=verdict, text=text, at=AT + timedelta(seconds=0.4), host="web-02", run="r1")


def full(state: RepairState = RepairState.OFFERED) -> Incident:
    """The seed incident with its cause proved and its repair offered."""
    incident = small()
    incident.service = "shop"
    incident.status = Status.IDENTIFIED
    incident.roles["commander"] = Person(id="U123", name="ana")
    incident.view.channel = Channel(id="C1234567", name="inc-7-web-02")
    incident.alerts.append(
        AlertSeen(
            delivery="d1",
            source="datadog",
            transition="Triggered",
            at=AT,
            title="Shop latency on web-02",
            link="https://app.datadoghq.com/monitors/1?x=1&y=2",
            fingerprint="f1",
        )
    )
    incident.causes += [
        cause(Verdict.PROVED, "web-02 runs nginx on 8081; web-01 and the load balancer use 8080."),
        cause(Verdict.POSSIBLE, "The disk of web-02 is full.", n=2),
        cause(Verdict.RULED_OUT, "nginx is not running on web-02. Start it.", n=3),
    ]
    incident.checks.append(
        CheckSeen(
            check="disk",
            host="web-02",
            state="unknown",
            reason="no-access",
            summary="sudo refused",
            at=AT,
            runbook="web",
            run="r1",
        )
    )
    incident.repairs.append(repair(state))
    incident.troubles["channel topic"] = Trouble(
        step="channel topic",
        text="Slack refused conversations.setTopic: missing_scope.",
        fix="Add the scope channels:manage to the app and reinstall it.",
        at=AT,
    )
    return incident


def shown(message: Message) -> str:
    """Everything that a reader of the blocks sees."""
    return json.dumps(message.blocks, ensure_ascii=False)


def button_ids(message: Message) -> list[str]:
    """The buttons of a message, in order."""
    return [e["action_id"] for b in message.blocks if b["type"] == "actions" for e in b["elements"]]
