"""Every call that we make: how it must look on the wire, what Datadog answers, and what we read in that.

Paths, queries, headers and bodies follow https://docs.datadoghq.com/api/latest/.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.datadog import Datadog
from bot.incident import Change
from bot.ports import (
    Groups,
    GroupState,
    LogLine,
    Logs,
    Marker,
    Mirrored,
    MonitorState,
    Series,
    Silence,
)

START = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
END = START + timedelta(minutes=30)
WEB_02 = GroupState(
    monitor_id="4711",
    name="host:web-02,service:shop",
    status="alert",
    tags=("host:web-02", "service:shop"),
    monitor="Web server out of rotation",
    triggered_at=START,
)
MONITOR = {
    "id": 4711,
    "name": "Web server out of rotation",
    "type": "service check",
    "query": '"http.can_connect".over("service:shop").by("host","service").last(3).count_by_status()',
    "message": "@webhook-muster",
    "options": {"thresholds": {"critical": 2}, "avalanche_window": 20},
    "overall_state": "Alert",
    "state": {
        "groups": {
            "host:web-02,service:shop": {
                "name": "host:web-02,service:shop",
                "status": "Alert",
                "last_triggered_ts": int(START.timestamp()),
                "last_resolved_ts": None,
            }
        }
    },
}
FOUND_GROUP = {
    "status": "Alert",
    "last_nodata_ts": 0,
    "env_tags": [],
    "muted_remaining": None,
    "muted_until_ts": None,
    "all_tags": ["service:shop"],
    "monitor_name": "Web server out of rotation",
    "last_triggered_ts": int(START.timestamp()),
    "group": "host:web-02,service:shop",
    "downtimes": [],
    "monitor_id": 4711,
    "priority": 2,
    "muted": False,
    "group_tags": ["host:web-02", "service:shop"],
}
GROUPS = {
    "counts": {"status": [{"count": 1, "name": "Alert"}], "muted": [{"count": 1, "name": False}], "type": []},
    "groups": [FOUND_GROUP],
    "metadata": {"total_count": 1, "page_count": 1, "page": 0, "per_page": 200},
}
QUERY = {
    "status": "ok",
    "resp_version": 1,
    "res_type": "time_series",
    "series": [
        {
            "metric": "system.load.1",
            "scope": "host:web-02",
            "tag_set": ["host:web-02"],
            "interval": 60,
            "length": 3,
            "aggr": None,
            "pointlist": [[1795341600000, 1.5], [1795341660000, None], [1795341720000, 95]],
            "unit": [{"family": "bytes", "name": "byte", "short_name": "B"}, {"name": "second", "short_name": "s"}],
        }
    ],
    "from_date": 1795341600000,
    "to_date": 1795343400000,
}
LOGS = {
    "data": [
        {
            "id": "AQAAAYAZ",
            "type": "log",
            "attributes": {
                "status": "error",
                "timestamp": "2026-11-22T10:05:00.000Z",
                "host": "web-02",
                "message": "bind() to 0.0.0.0:80 failed",
                "tags": ["source:nginx"],
                "attributes": {"http": {"status_code": 500}},
            },
        }
    ],
    "meta": {"page": {"after": "eyJhZnRlciI6IkFRQUFBWUFaZGJvSjdkR3dOZ0"}, "elapsed": 12, "status": "done"},
}
EVENTS = {
    "data": [
        {
            "id": "AAAAAYE",
            "type": "event",
            "attributes": {
                "timestamp": "2026-11-22T09:58:00.000Z",
                "message": "shop 1.2.3",
                "tags": ["source:deployment", "service:shop"],
                "attributes": {"title": "Deployed shop 1.2.3", "evt": {"id": "6509751066204996294"}, "service": "shop"},
            },
        }
    ],
    "meta": {"elapsed": 12, "status": "done"},
}
OUR_EVENTS = {
    "data": [
        {
            "id": "AAAAAYF",
            "type": "event",
            "attributes": {
                "timestamp": "2026-11-22T09:59:00.000Z",
                "tags": ["source:muster", "muster:prod/INC-7/opened"],
            },
        }
    ]
}
POSTED = {
    "status": "ok",
    "event": {"id": 6327818702635911000, "id_str": "6327818702635911562", "title": "INC-7 opened", "tags": []},
}
DOWNTIME_ID = "85428b34-0187-11ee-bb05-da7ad0900002"
DOWNTIME = {
    "type": "downtime",
    "id": DOWNTIME_ID,
    "attributes": {
        "display_timezone": "UTC",
        "scope": "host:web-02 AND service:shop",
        "message": "Muster INC-7",
        "status": "active",
        "canceled": None,
        "monitor_identifier": {"monitor_id": 4711},
        "schedule": {"end": "2026-11-22T12:00:00+00:00", "start": "2026-11-22T10:00:00.286133+00:00"},
        "notify_end_states": ["alert", "warn", "no data"],
        "notify_end_types": ["canceled", "expired"],
        "mute_first_recovery_notification": False,
    },
    "relationships": {"monitor": {"data": {"id": "4711", "type": "monitors"}}},
}
INCIDENT_ID = "e2fe83b8-e433-476f-bf2c-d076aee55bed"
INCIDENT = {
    "id": INCIDENT_ID,
    "type": "incidents",
    "attributes": {
        "title": "[prod INC-7] Web is out",
        "public_id": 338022,
        "severity": "SEV-2",
        "state": "active",
        "declared": "2026-11-22T10:00:00Z",
        "resolved": None,
        "fields": {"state": {"type": "dropdown", "value": "active"}},
        "creation_idempotency_key": None,
    },
    "relationships": {"commander_user": {"data": None}},
}
SEARCHED = {
    "data": {
        "type": "incidents_search_results",
        "attributes": {"total": 1, "facets": {"severity": []}, "incidents": [{"data": INCIDENT}]},
    },
    "included": [],
    "meta": {"pagination": {"offset": 0, "next_offset": 1, "size": 25}},
}
WISH = Silence(monitor_id="4711", group=WEB_02, until=END, text="Muster INC-7")
MARKER = Marker(
    key="prod/INC-7/opened",
    together="muster-prod-INC-7",
    title="INC-7 opened",
    text="Web is out",
    at=START,
    mood="error",
    tags=("service:shop",),
)
SHOWN = Mirrored(
    key="prod INC-7",
    title="Web is out",
    state="active",
    severity="SEV2",
    declared_at=START,
    detected_at=START,
)
FIELDS = {"state": {"type": "dropdown", "value": "active"}, "severity": {"type": "dropdown", "value": "SEV-2"}}
HOOKS = "/api/v1/integration/webhooks/configuration"
WEBHOOK = {"name": "muster", "url": "https://m.example/datadog/webhook", "payload": "{}", "encode_as": "json"}
RULE_ID = "bbea2907-c191-48d0-9e0f-1ec5881ee37c"
RULE = {"name": "muster", "filter": {"scope": "team:shop"}, "recipients": ["webhook-muster"]}
RULES = {"data": [{"type": "monitor-notification-rule", "id": RULE_ID, "attributes": {**RULE, "created_at": "2026"}}]}
OURS = {"name": "Disk", "type": "query alert", "query": "q", "message": "m", "tags": ["a:b"], "options": {}}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call: what must be on the wire, the answer, what we read, and the scope that a refusal names."""

    do: Callable[[Datadog], Awaitable[Any]]
    method: str
    path: str
    query: dict[str, str] | None = None
    body: Any = None
    answer: Any = None
    read: Any = None
    scope: str = ""


CALLS = {
    "monitor": Call(
        do=lambda d: d.monitor("4711"),
        method="GET",
        path="/api/v1/monitor/4711",
        query={"group_states": "alert,warn,no data"},
        answer=MONITOR,
        read=MonitorState(
            state="Alert",
            name="Web server out of rotation",
            link="https://app.datadoghq.eu/monitors/4711",
            groups=(WEB_02,),
        ),
        scope="monitors_read",
    ),
    "alerting groups": Call(
        do=lambda d: d.groups("notification:webhook-muster"),
        method="GET",
        path="/api/v1/monitor/groups/search",
        query={
            "query": 'group_status:(alert OR warn OR "no data") notification:webhook-muster',
            "page": "0",
            "per_page": "200",
        },
        answer=GROUPS,
        read=Groups(groups=(GroupState(**{**vars(WEB_02), "priority": "P2", "monitor_tags": ("service:shop",)}),)),
        scope="monitors_read",
    ),
    "metric query": Call(
        do=lambda d: d.series("avg:system.load.1{host:web-02}", start=START, end=END),
        method="GET",
        path="/api/v1/query",
        query={"from": "1795341600", "to": "1795343400", "query": "avg:system.load.1{host:web-02}"},
        answer=QUERY,
        read=[
            Series(
                points=((START, 1.5), (START + timedelta(minutes=2), 95.0)),
                about="host:web-02",
                unit="B/s",
            )
        ],
        scope="timeseries_query",
    ),
    "log search": Call(
        do=lambda d: d.logs("host:web-02 status:error", start=START, end=END, most=3),
        method="POST",
        path="/api/v2/logs/events/search",
        body={
            "filter": {
                "query": "host:web-02 status:error",
                "from": "2026-11-22T10:00:00+00:00",
                "to": "2026-11-22T10:30:00+00:00",
            },
            "page": {"limit": 3},
            "sort": "-timestamp",
        },
        answer=LOGS,
        read=Logs(
            lines=(
                LogLine(
                    at=START + timedelta(minutes=5),
                    text="bind() to 0.0.0.0:80 failed",
                    host="web-02",
                    status="error",
                ),
            ),
            more=True,
        ),
        scope="logs_read_data",
    ),
    "event search": Call(
        do=lambda d: d.changes("service:shop", start=START, end=END, most=5),
        method="POST",
        path="/api/v2/events/search",
        body={
            "filter": {
                "query": "service:shop",
                "from": "2026-11-22T10:00:00+00:00",
                "to": "2026-11-22T10:30:00+00:00",
            },
            "page": {"limit": 5},
            "sort": "-timestamp",
        },
        answer=EVENTS,
        read=[
            Change(
                at=START - timedelta(minutes=2),
                title="Deployed shop 1.2.3",
                kind="deployment",
                link="https://app.datadoghq.eu/event/event?id=6509751066204996294",
            )
        ],
        scope="events_read",
    ),
    "our event": Call(
        do=lambda d: d.mark(MARKER),
        method="POST",
        path="/api/v1/events",
        body={
            "title": "INC-7 opened",
            "text": "%%%\nWeb is out\n%%%",
            "alert_type": "error",
            "aggregation_key": "muster-prod-INC-7",
            "tags": ["service:shop", "muster:prod/INC-7/opened"],
        },
        answer=POSTED,
    ),
    "our event, found again": Call(
        do=lambda d: d.marked(MARKER),
        method="POST",
        path="/api/v2/events/search",
        body={
            "filter": {
                "query": 'tags:"muster:prod/INC-7/opened"',
                "from": "2026-11-21T10:00:00+00:00",
                "to": "2026-11-23T10:00:00+00:00",
            },
            "page": {"limit": 10},
            "sort": "-timestamp",
        },
        answer=OUR_EVENTS,
        read=True,
        scope="events_read",
    ),
    "downtime": Call(
        do=lambda d: d.silence(WISH),
        method="POST",
        path="/api/v2/downtime",
        body={
            "data": {
                "type": "downtime",
                "attributes": {
                    "message": "Muster INC-7",
                    "monitor_identifier": {"monitor_id": 4711},
                    "scope": "host:web-02 AND service:shop",
                    "schedule": {"start": None, "end": "2026-11-22T10:30:00+00:00"},
                    "mute_first_recovery_notification": False,
                    "notify_end_states": ["alert", "warn", "no data"],
                    "notify_end_types": ["canceled", "expired"],
                },
            }
        },
        answer={"data": DOWNTIME, "included": []},
        read=DOWNTIME_ID,
        scope="monitors_downtime",
    ),
    "downtimes": Call(
        do=lambda d: d.silenced(WISH),
        method="GET",
        path="/api/v2/downtime",
        query={"current_only": "true", "page[offset]": "0", "page[limit]": "100"},
        answer={"data": [{**DOWNTIME, "attributes": {"message": "else"}}, DOWNTIME], "meta": {"page": {}}},
        read=DOWNTIME_ID,
        scope="monitors_downtime",
    ),
    "end of a downtime": Call(
        do=lambda d: d.end_silence(DOWNTIME_ID),
        method="DELETE",
        path=f"/api/v2/downtime/{DOWNTIME_ID}",
        scope="monitors_downtime",
    ),
    "imported incident": Call(
        do=lambda d: d.mirror(SHOWN),
        method="POST",
        path="/api/v2/incidents/import",
        body={
            "data": {
                "type": "incidents",
                "attributes": {
                    "title": "[prod INC-7] Web is out",
                    "visibility": "organization",
                    "declared": "2026-11-22T10:00:00+00:00",
                    "detected": "2026-11-22T10:00:00+00:00",
                    "fields": {"state": {"value": "active"}, "severity": {"value": "SEV-2"}},
                },
            }
        },
        answer={"data": INCIDENT, "included": []},
        read=INCIDENT_ID,
        scope="incident_write",
    ),
    "incident search": Call(
        do=lambda d: d.mirrored("prod INC-7"),
        method="GET",
        path="/api/v2/incidents/search",
        query={"query": 'title:"[prod INC-7]"', "page[size]": "25"},
        answer=SEARCHED,
        read=INCIDENT_ID,
        scope="incident_read",
    ),
    "incident update": Call(
        do=lambda d: d.update_mirror(INCIDENT_ID, SHOWN),
        method="PATCH",
        path=f"/api/v2/incidents/{INCIDENT_ID}",
        body={
            "data": {
                "type": "incidents",
                "id": INCIDENT_ID,
                "attributes": {"title": "[prod INC-7] Web is out", "fields": FIELDS},
            }
        },
        answer={"data": INCIDENT},
        scope="incident_write",
    ),
    "key": Call(
        do=lambda d: d.keys.valid(),
        method="GET",
        path="/api/v1/validate",
        answer={"valid": True},
        read=True,
    ),
    "variable": Call(
        do=lambda d: d.webhooks.variable("MUSTER_TOKEN"),
        method="GET",
        path=f"{HOOKS}/custom-variables/MUSTER_TOKEN",
        answer={"name": "MUSTER_TOKEN", "is_secret": True},
        read={"name": "MUSTER_TOKEN", "is_secret": True},
        scope="integrations_read",
    ),
    "new variable": Call(
        do=lambda d: d.webhooks.create_variable("MUSTER_TOKEN", "s3cret"),
        method="POST",
        path=f"{HOOKS}/custom-variables",
        body={"name": "MUSTER_TOKEN", "value": "s3cret", "is_secret": True},
        answer={"name": "MUSTER_TOKEN", "is_secret": True},
        scope="manage_integrations",
    ),
    "changed variable": Call(
        do=lambda d: d.webhooks.update_variable("MUSTER_TOKEN", "s3cret"),
        method="PUT",
        path=f"{HOOKS}/custom-variables/MUSTER_TOKEN",
        body={"name": "MUSTER_TOKEN", "value": "s3cret", "is_secret": True},
        answer={"name": "MUSTER_TOKEN", "is_secret": True},
        scope="manage_integrations",
    ),
    "webhook": Call(
        do=lambda d: d.webhooks.webhook("muster"),
        method="GET",
        path=f"{HOOKS}/webhooks/muster",
        answer={**WEBHOOK, "auth_method_id": None},
        read={**WEBHOOK, "auth_method_id": None},
        scope="integrations_read",
    ),
    "new webhook": Call(
        do=lambda d: d.webhooks.create_webhook(WEBHOOK),
        method="POST",
        path=f"{HOOKS}/webhooks",
        body=WEBHOOK,
        answer=WEBHOOK,
        scope="create_webhooks",
    ),
    "changed webhook": Call(
        do=lambda d: d.webhooks.update_webhook("muster", {"url": "https://n.example"}),
        method="PUT",
        path=f"{HOOKS}/webhooks/muster",
        body={"url": "https://n.example"},
        answer=WEBHOOK,
        scope="manage_integrations",
    ),
    "rules": Call(
        do=lambda d: d.webhooks.rule("muster"),
        method="GET",
        path="/api/v2/monitor/notification_rule",
        query={"page": "0", "per_page": "1000"},
        answer=RULES,
        read=(RULE_ID, {**RULE, "created_at": "2026"}),
        scope="monitor_config_policy_read",
    ),
    "new rule": Call(
        do=lambda d: d.webhooks.create_rule(RULE),
        method="POST",
        path="/api/v2/monitor/notification_rule",
        body={"data": {"type": "monitor-notification-rule", "attributes": RULE}},
        answer={"data": RULES["data"][0]},
        scope="monitor_config_policy_write",
    ),
    "changed rule": Call(
        do=lambda d: d.webhooks.update_rule(RULE_ID, RULE),
        method="PATCH",
        path=f"/api/v2/monitor/notification_rule/{RULE_ID}",
        body={"data": {"type": "monitor-notification-rule", "id": RULE_ID, "attributes": RULE}},
        answer={"data": RULES["data"][0]},
        scope="monitor_config_policy_write",
    ),
    "monitors with a tag": Call(
        do=lambda d: d.monitors.tagged("muster:web"),
        method="GET",
        path="/api/v1/monitor",
        query={"monitor_tags": "muster:web", "page": "0", "page_size": "100"},
        answer=[MONITOR],
        read=[MONITOR],
        scope="monitors_read",
    ),
    "new monitor": Call(
        do=lambda d: d.monitors.create(OURS),
        method="POST",
        path="/api/v1/monitor",
        body=OURS,
        answer=MONITOR,
        read="4711",
        scope="monitors_write",
    ),
}
