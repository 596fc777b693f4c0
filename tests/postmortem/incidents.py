"""Incidents to draft from, each folded from the facts that would be recorded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.facts import (
    ActionAdded,
    AlertAttached,
    ChecksAnswered,
    Closed,
    Corrected,
    Dropped,
    Fact,
    Opened,
    RepairApproved,
    RepairMoved,
    RepairOffered,
    Resolved,
    RoleGiven,
    SeveritySet,
    Told,
    What,
    fold,
)
from bot.incident import (
    AlertSeen,
    CauseSeen,
    CheckSeen,
    Incident,
    Kind,
    Person,
    Precision,
    Repair,
    RepairState,
    Source,
    Verdict,
)

ADA = Person(id="U0ADA", name="Ada Lovelace")
BEN = Person(id="U0BEN", name="Ben Okri")
TYPED = Source(type="command", url="https://chat.example/archives/C1/p1")
MACHINE = Source(type="bot")


def at(clock: str, day: str = "2026-11-22") -> datetime:
    """A UTC instant of the day on which most of these incidents happen."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)


class Facts:
    """Collects facts; each is recorded when it happened unless it says otherwise."""

    def __init__(self) -> None:
        self.all: list[Fact] = []

    def add(
        self,
        what: What,
        when: datetime | None,
        *,
        recorded: datetime | None = None,
        by: Person | None = None,
        source: Source | None = None,
    ) -> None:
        """One more fact, by a person's command unless a source says otherwise."""
        self.all.append(
            Fact(
                key=f"k{len(self.all)}",
                what=what,
                occurred_at=when,
                recorded_at=recorded or when or at("12:00:00"),
                author=by or Person(),
                source=source or (TYPED if by else MACHINE),
            )
        )

    def told(self, kind: Kind, text: str, when: datetime | None, **more: Any) -> None:
        """Something that a person said."""
        said = {name: more.pop(name) for name in ("typed", "precision", "ends_at") if name in more}
        more.setdefault("by", ADA)
        self.add(Told(kind=kind, text=text, **said), when, **more)

    def incident(self, number: int = 7) -> Incident:
        """What they add up to."""
        return fold(number, self.all)


DIFF = """--- conf.d/site.conf
+++ conf.d/site.conf
@@ -1,4 +1,4 @@
 server {
-    listen 127.0.0.12:8081;
+    listen 127.0.0.12:8080;
     server_name shop;
 }
"""


def alert(title: str = "web-02 does not answer", transition: str = "Triggered", **more: Any) -> AlertSeen:
    """An alert of the kind that the lab sends."""
    return AlertSeen(
        delivery="d1",
        source="datadog",
        transition=transition,
        at=more.pop("at", at("10:30:00")),
        reason="opened: an alert about shop-web in prod",
        monitor_id="4711",
        title=title,
        hostname="web-02",
        query="network.http.can_connect{service:shop} by {host}",
        link="https://app.datadoghq.example/monitors/4711?from=1&to=2",
        scope=("host:web-02", "env:prod"),
        fingerprint="f1",
        **more,
    )


def check(name: str, host: str, state: str = "ok", reason: str = "", summary: str = "") -> CheckSeen:
    """One answer of one check."""
    when = at("10:30:01")
    return CheckSeen(check=name, host=host, state=state, reason=reason, summary=summary, took_ms=3, at=when)


CAUSE = CauseSeen(
    id="web-server-out/1",
    verdict=Verdict.PROVED,
    host="web-02",
    text=(
        "web-02 runs nginx on another port than its peers: it listens on 8081, the load balancer and web-01 use 8080 "
        "(conf.d/site.conf:2, uncommitted). The load balancer gets a refusal and uses the other server, so users see "
        "slow pages, not errors."
    ),
    at=at("10:30:01"),
    facts={
        "port": {"found": 8081, "expected": 8080},
        "file": "conf.d/site.conf",
        "line": 2,
        "commit": "uncommitted",
        "compared": ["web-01", "web-02", "lb-01"],
    },
)


def machine_run() -> Incident:
    """From the alert to the close without a word typed but the approval, as in the demo."""
    facts = Facts()
    bot = Source(type="bot")
    facts.add(Opened(title="web-02 is out of rotation", severity="SEV2", service="shop"), at("10:30:00.200"))
    facts.add(AlertAttached(alert=alert()), at("10:30:00"), recorded=at("10:30:00.210"), source=Source(type="alert"))
    results = (
        check("port", "web-02", "fail", "refused", "connection to 127.0.0.12:8080 refused"),
        check("config", "web-02", "fail", "differs", "listens on 8081; web-01 and the load balancer use 8080"),
        check("process", "web-02", summary="nginx runs"),
        check("disk", "web-02", summary="41% used"),
        check("loads", "web-02", summary="the config loads"),
        check("port", "web-01", summary="connected in 1 ms"),
    )
    causes = (
        CAUSE,
        CauseSeen(
            id="web-server-out/2",
            verdict=Verdict.RULED_OUT,
            host="web-02",
            text="nginx is not running on web-02",
            because="process is ok",
            at=at("10:30:01"),
        ),
        CauseSeen(
            id="web-server-out/3",
            verdict=Verdict.RULED_OUT,
            host="web-02",
            text="The config on disk does not load",
            because="loads is ok",
            at=at("10:30:01"),
        ),
    )
    facts.add(
        ChecksAnswered(runbook="web-server-out", host="web-02", run="r1", results=results, causes=causes, took_ms=212),
        at("10:30:01.400"),
        source=Source(type="check"),
    )
    repair = Repair(
        name="restore-config",
        host="web-02",
        plan="p1",
        state=RepairState.OFFERED,
        at=at("10:30:02"),
        title="Restore the nginx config of web-02",
        diff=DIFF,
        approvers=("@oncall-web",),
        runbook="web-server-out",
        cause="web-server-out/1",
    )
    facts.add(RepairOffered(repair=repair), at("10:30:02"), source=bot)
    facts.add(RoleGiven(role="commander", person=ADA), at("10:31:00"), by=ADA)
    facts.add(RepairApproved(plan="p1"), at("10:31:20"), by=ADA, source=Source(type="action"))
    facts.add(RepairMoved(plan="p1", state=RepairState.RUNNING), at("10:31:20.500"), source=Source(type="action"))
    facts.add(
        RepairMoved(
            plan="p1",
            state=RepairState.VERIFIED,
            text="web-02 answers through the load balancer again",
            details={"test": "nginx -t: ok", "in rotation after": "4.2 s"},
        ),
        at("10:31:26"),
        source=Source(type="action"),
    )
    facts.add(
        AlertAttached(alert=alert(transition="Recovered", bad=False, at=at("10:31:40"))),
        at("10:31:40"),
        source=Source(type="alert"),
    )
    facts.told(Kind.IMPACT, "About 50% of requests took twice as long", at("10:32:00"))
    facts.add(
        ActionAdded(
            text="Run the same checks on every web server config before production", owner="@ada", due="2026-12-01"
        ),
        at("10:33:00"),
        by=ADA,
    )
    facts.add(Resolved(text="Both servers serve"), at("10:34:00"), by=ADA)
    facts.add(Closed(), at("10:35:00"), by=ADA)
    return facts.incident()


SEED = (
    ("10:30am", "07:30:00", "Issue detected by datadog"),
    ("10:34am", "07:34:00", "Issue alert sent to development team"),
    ("10:45am", "07:45:00", "Development team starts reviewing load balancer and server2 config file"),
    (
        "11:13am",
        "08:13:00",
        "Took time to realize a junior developer had changed the server block in the config file without testing. "
        "The server was not listening on port 80",
    ),
    ("11.15am", "08:15:00", "Using version control, the server2 config file was restored to a previous stage"),
    ("11:20am", "08:20:00", "testing of new changes and then sent to production"),
)


def seed_by_hand() -> Incident:
    """The seed incident, typed in three days later by somebody in Nairobi."""
    facts = Facts()
    day, later = "2024-01-15", at("09:00:00", "2024-01-18")
    kinds = (Kind.DETECTED, Kind.NOTIFIED, Kind.NOTE, Kind.FINDING, Kind.MITIGATED, None)
    facts.add(Opened(title="Mending Minds server failure", severity=""), later, by=ADA)
    for n, ((typed, clock, text), kind) in enumerate(zip(SEED, kinds, strict=True), 1):
        recorded = later + timedelta(seconds=20 * n)
        if kind is None:
            facts.add(
                Resolved(text=text, typed=typed, precision=Precision.MINUTE), at(clock, day), recorded=recorded, by=ADA
            )
        else:
            facts.told(kind, text, at(clock, day), typed=typed, precision=Precision.MINUTE, recorded=recorded)
    statements = (
        (
            Kind.IMPACT,
            "Between 10:30am and 11:45am users experienced slow responses; "
            "one of the databases was not doing replication",
        ),
        (Kind.IMPACT, "Approximately 70% of all the active users were affected by this slow service"),
        (Kind.IMPACT, "70% of requests sent to the server took twice as much response time"),
        (
            Kind.CAUSE,
            "The incident was caused by a junior developer who had been tasked to configure a new server; "
            "the http block of the web server configuration was changed to a different port",
        ),
        (Kind.FINDING, "The server block listened on another port than in production"),
    )
    for n, (kind, text) in enumerate(statements):
        facts.told(kind, text, later + timedelta(minutes=5, seconds=n))
    facts.add(
        ActionAdded(
            text="All server configurations will pass through a thorough testing phase before being sent to production"
        ),
        later + timedelta(minutes=6),
        by=ADA,
    )
    return facts.incident(1)


def over_midnight() -> Incident:
    """Berlin, the night in which summer time ends: 02:30 happens twice."""
    facts = Facts()
    facts.add(Opened(title="Nightly import fails", severity="SEV3"), at("21:40:00", "2026-10-24"), by=ADA)
    facts.told(
        Kind.BEGAN, "Imports stop", at("21:30:00", "2026-10-24"), precision=Precision.APPROXIMATE, typed="~23:30"
    )
    facts.told(Kind.DETECTED, "The import queue is full", at("21:40:00", "2026-10-24"), precision=Precision.MINUTE)
    facts.told(Kind.NOTE, "First restart", at("00:30:00", "2026-10-25"), precision=Precision.MINUTE)
    facts.told(Kind.NOTE, "Second restart", at("01:30:00", "2026-10-25"), precision=Precision.MINUTE)
    facts.told(Kind.MITIGATED, "Imports run", at("02:10:00", "2026-10-25"), precision=Precision.MINUTE)
    facts.add(Resolved(), at("03:00:00", "2026-10-25"), by=BEN)
    return facts.incident(12)


def vague() -> Incident:
    """Backfilled, edited, dropped, approximate, ranged, dated and unknown rows."""
    facts = Facts()
    facts.add(Opened(title="Search is slow", severity="SEV4"), at("09:00:00"), by=BEN)
    late = at("18:00:00")
    facts.told(
        Kind.NOTE, "Latency climbs", at("08:30:00"), precision=Precision.APPROXIMATE, typed="~8:30", recorded=late
    )
    facts.told(
        Kind.NOTE,
        "Reindexing",
        at("08:40:00"),
        precision=Precision.RANGE,
        ends_at=at("08:55:00"),
        typed="8:40-8:55",
        recorded=late,
    )
    facts.told(Kind.NOTE, "Somebody restarted a node", None, precision=Precision.UNKNOWN, typed="8:??", recorded=late)
    facts.told(
        Kind.NOTE,
        "The index was built",
        at("00:00:00", "2026-11-20"),
        precision=Precision.DATE,
        typed="20 Nov",
        recorded=late,
    )
    facts.told(Kind.NOTE, "Checked the cahce", at("09:05:00"))
    facts.told(Kind.NOTE, "Wrong channel, sorry", at("09:06:00"))
    facts.add(Corrected(entry="E6", text="Checked the cache"), None, recorded=late, by=BEN)
    facts.add(Dropped(entry="E7"), None, recorded=late, by=BEN)
    facts.told(Kind.RULED_OUT, "The cache", at("09:10:00"))
    facts.add(SeveritySet(severity="SEV3"), at("09:11:00"), by=BEN)
    return facts.incident(3)


HOSTILE = (
    "| a | b |\n## Heading `x` <script>alert(1)</script> ![i](http://evil.example/x.png) [l](javascript:alert(1)) "
    "@everyone <!channel> fixes #12 <@U0ADA> <#C1|ops> <https://evil.example|click> "
    "&amp; www.evil.example $a$ *b* _c_ ~d~"
)


def hostile(text: str = HOSTILE) -> Incident:
    """Every field that an outsider or a user can write says the same bad thing."""
    facts = Facts()
    facts.add(Opened(title=text, severity=text[:20], service=text), at("10:00:00"), by=Person(id="U1", name=text))
    seen = AlertSeen(
        delivery="d",
        source=text,
        transition=text,
        at=at("10:01:00"),
        reason=text,
        title=text,
        monitor_id=text,
        hostname=text,
        query=text,
        link=text,
        scope=(text,),
    )
    facts.add(AlertAttached(alert=seen), at("10:01:00"), source=Source(type="alert", url=text))
    cause = CauseSeen(
        id=text, verdict=Verdict.PROVED, text=text, at=at("10:02:00"), host=text, facts={text: text, "n": {"a": [text]}}
    )
    no = CauseSeen(id=text + "2", verdict=Verdict.RULED_OUT, text=text, because=text, at=at("10:02:00"), host=text)
    seen_check = CheckSeen(check=text, host=text, state="fail", reason=text, summary=text, at=at("10:02:00"))
    facts.add(
        ChecksAnswered(runbook=text, host=text, run="r", results=(seen_check,), causes=(cause, no)), at("10:02:00")
    )
    repair = Repair(
        name=text,
        host=text,
        plan="p",
        state=RepairState.OFFERED,
        at=at("10:03:00"),
        title=text,
        diff=f"-{text}\n+```\n {text}",
        approvers=(text,),
    )
    facts.add(RepairOffered(repair=repair), at("10:03:00"))
    facts.add(RepairApproved(plan="p"), at("10:04:00"), by=Person(id=text, name=text))
    facts.add(RepairMoved(plan="p", state=RepairState.FAILED, text=text, details={text: text}), at("10:05:00"))
    for n, kind in enumerate(
        (Kind.NOTE, Kind.IMPACT, Kind.CAUSE, Kind.FACTOR, Kind.FINDING, Kind.RULED_OUT, Kind.UPDATE)
    ):
        facts.told(kind, text, at(f"10:1{n}:00"), typed=text)
    facts.told(Kind.NOTE, text, None, typed=text, precision=Precision.UNKNOWN)
    facts.add(RoleGiven(role=text, person=Person(id="U2", name=text)), at("10:20:00"), by=ADA)
    facts.add(ActionAdded(text=text, owner=text, due=text, type=text), at("10:21:00"), by=ADA)
    return facts.incident()


def long(count: int) -> Incident:
    """An incident with this many notes, ten seconds apart."""
    facts = Facts()
    facts.add(Opened(title="A long one", severity="SEV1"), at("00:00:00"), by=ADA)
    for n in range(count - 1):
        facts.told(
            Kind.NOTE,
            f"Note {n}: the queue holds {n} jobs, restarted by the scheduler"
            if n % 10
            else f"Note {n}: we should have paged earlier",
            at("00:00:00") + timedelta(seconds=10 * n),
        )
    return facts.incident(99)


ALL: dict[str, tuple[Incident, str]] = {
    "machine": (machine_run(), "Africa/Nairobi"),
    "seed": (seed_by_hand(), "Africa/Nairobi"),
    "midnight": (over_midnight(), "Europe/Berlin"),
    "vague": (vague(), "UTC"),
}


def everything() -> Iterable[tuple[str, Incident, str]]:
    """Each incident with its name and zone."""
    return [(name, incident, zone) for name, (incident, zone) in ALL.items()]
