"""Scores a draft against its record: twenty checks, each 0 or 1, from the Markdown and the record alone.

    python tests/postmortem/rubric.py postmortem.md incident.json

It imports nothing of the bot, so that a mistake of the bot's cannot hide here a second time.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Record = dict[str, Any]
CITE = re.compile(r"\[((?:E\d+)(?:, E\d+)*)\]")
CLOCK = r"(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d)(?::\d\d)? ([A-Z]{2,5}(?:[+-]\d\d:\d\d)?)"
BLAME = re.compile(
    r"\b(?:junior|inexperienced|newbie|human error|operator error|careless\w*|more careful|sloppy)\b"
    r"|\b(?:negligen|incompeten)\w+"
    r"|\b(?:caused|triggered|broken|introduced) by (?:an?|the|our) (?:\w+ )?(?:developer|engineer|person|admin)\b"
    r"|\b(?:we|developer|engineer|he|she) (?:forgot|failed to|neglected to|overlooked|mistyped)\b",
    re.IGNORECASE,
)
POINTS = {
    "Impact began": "impact_started_at",
    "Detected": "detected_at",
    "Acknowledged": "acknowledged_at",
    "Mitigated": "mitigated_at",
    "Resolved": "resolved_at",
}


class Page:
    """A draft taken apart: its sections by heading, its timeline by entry."""

    def __init__(self, markdown: str) -> None:
        self.text = markdown
        markdown = re.sub(r"(?ms)^(`{3,})diff\n.*?^\1$", lambda m: m[0].replace("\n", "\n    "), markdown)
        self.sections: dict[str, str] = {}
        name = ""
        for line in markdown.split("\n"):
            heading = re.match(r"#{1,3} (.*)", line)
            name = heading[1] if heading else name
            self.sections[name] = self.sections.get(name, "") + ("" if heading else line + "\n")
        self.rows = [row for row in rows(self.part("Timeline")) if re.fullmatch(r"E\d+", row[0])]

    def part(self, name: str) -> str:
        """A section by the start of its heading, "" when there is none."""
        return next((body for title, body in self.sections.items() if title.startswith(name)), "")

    @property
    def narrative(self) -> str:
        """Everything but names, quoted wording and evidence."""
        left_out = ("Roster", "Wording", "Evidence")
        return "\n".join(f"{t}\n{b}" for t, b in self.sections.items() if not t.startswith(left_out))


def rows(text: str) -> list[list[str]]:
    """The rows of all tables in a text, without their heads."""
    lines = [line for line in text.split("\n") if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def shown(record: Record) -> list[dict[str, Any]]:
    """The entries that were not dropped."""
    return [e for e in record["timeline"] if not e["dropped"]]


def instant(text: str | None) -> datetime | None:
    """An instant of the record."""
    return datetime.fromisoformat(text) if text else None


def each_entry_once(page: Page, record: Record) -> bool:
    """1: every recorded entry stands in the timeline exactly once."""
    return sorted(r[0] for r in page.rows) == sorted(e["id"] for e in shown(record))


def in_order(page: Page, record: Record) -> bool:
    """2: in order of happening, ties as recorded."""
    return [r[0] for r in page.rows] == [e["id"] for e in shown(record)]


def own_time(page: Page, record: Record) -> bool:
    """3: the printed time is the event's, also when it was written down later."""
    by_id = {e["id"]: e for e in shown(record)}
    return all(_utc(row) == f"{at:%H:%M}" for row in page.rows if (at := _exact(by_id[row[0]])))


def _exact(entry: dict[str, Any]) -> datetime | None:
    return None if entry["precision"] in {"date", "unknown"} else instant(entry["occurred_at"])


def _utc(row: list[str]) -> str:
    found = re.search(r"(\d\d:\d\d)(?::\d\d)?(?: to .*)? UTC", " ".join(row[1:3]) if "UTC" in row[1] else row[2])
    return found[1] if found else ""


def zones_agree(page: Page, record: Record) -> bool:
    """4: every time has a zone, and local and UTC differ by that zone's offset."""
    offsets = dict(re.findall(r"([A-Z]{2,5}) \(UTC([+-]\d\d:\d\d)\)", page.part("Timeline")))
    for row in page.rows:
        if row[1].startswith("unknown") or not re.search(r"\d\d:\d\d", row[1]):
            continue
        local = re.search(CLOCK, re.sub(r" to .*?(?= [A-Z]{2,5})", "", row[1]))
        if not local:
            return False
        if local[3] != "UTC" and _minutes(local[2]) - _minutes(_utc(row)) not in _days(
            _offset(str(offsets.get(local[3], local[3])))
        ):
            return False
    parts = page.part("Postmortem") + page.part("Key times") + page.part("Issue summary").split("“")[0]
    bare = re.sub(CLOCK, "", re.sub(r"[+-]\d\d:\d\d", "", parts))
    return not re.search(r"(?<![\d.])\d\d:\d\d(?![\d:]*[ap]m)", bare) or _said_in(bare, record)


def _said_in(bare: str, record: Record) -> bool:
    told = json.dumps(record)
    return all(t in told for t in re.findall(r"\d\d:\d\d", bare))


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:5])


def _offset(word: str) -> int:
    found = re.search(r"([+-])(\d\d):(\d\d)", word)
    return (1 if found[1] == "+" else -1) * (int(found[2]) * 60 + int(found[3])) if found else 0


def _days(minutes: int) -> set[int]:
    return {minutes, minutes + 1440, minutes - 1440}


def date_at_each_change(page: Page, record: Record) -> bool:
    """5: the date stands at the first row and at each change of day."""
    day = ""
    offsets = dict(re.findall(r"([A-Z]{2,5}) \(UTC([+-]\d\d:\d\d)\)", page.part("Timeline")))
    by_id = {e["id"]: e for e in shown(record)}
    for row in page.rows:
        at = instant(by_id[row[0]]["occurred_at"])
        zone = re.search(r"([A-Z]{2,5}(?:[+-]\d\d:\d\d)?)(?:,|$)", row[1])
        if not at or not zone:
            continue
        here = f"{at + timedelta(minutes=_offset(str(offsets.get(zone[1], zone[1])))):%Y-%m-%d}"
        if here != day and here not in row[1]:
            return False
        day = here
    return True


def vagueness_kept(page: Page, record: Record) -> bool:
    """6: approximate, ranged, dated and unknown times stay what they are."""
    words = {"approximate": "about ", "hour": "about ", "range": " to ", "unknown": "unknown", "date": "hour not known"}
    cells = {r[0]: r[1] for r in page.rows}
    told = all(
        words[e["precision"]] in cells.get(e["id"], "")
        for e in shown(record)
        if e["precision"] in words and (e["precision"] != "range" or e["ends_at"])
    )
    sure = ("second", "minute")
    return told and not any("about" in cells.get(e["id"], "") for e in shown(record) if e["precision"] in sure)


def key_times_apart(page: Page, record: Record) -> bool:
    """7: began, detected, acknowledged, mitigated and resolved stand apart; what is missing is said to be."""
    cells = {r[0]: r for r in rows(page.part("Key times"))}
    for label, name in POINTS.items():
        if label not in cells:
            return False
        at = instant(record[name])
        missing = cells[label][1] == "not recorded"
        if missing and at and any(instant(e["occurred_at"]) == at for e in shown(record)):
            return False
        if not missing and (not at or f"{at:%H:%M}" not in cells[label][1]):
            return False
    return True


def intervals_recompute(page: Page, record: Record) -> bool:
    """8: each interval names two entries, and their times give its value."""
    by_id = {e["id"]: e for e in shown(record)}
    listed = [r for r in rows(page.part("Key times")) if len(r) == 4 and r[0] != "Interval"]
    for row in listed:
        if row[3].startswith("cannot be computed"):
            continue
        ends = [_end(by_id, cell) for cell in row[1:3]]
        if None in ends or abs(abs((ends[1] - ends[0]).total_seconds()) - _seconds(row[3])) > _slack(row[3]):  # type: ignore[operator]
            return False
    return bool(listed)


def _end(by_id: dict[str, Any], cell: str) -> datetime | None:
    found = CITE.search(cell)
    entry = by_id.get(found[1]) if found else None
    return instant(entry["recorded_at" if "when recorded" in cell else "occurred_at"]) if entry else None


def _seconds(value: str) -> float:
    sizes = {"d": 86400, "h": 3600, "min": 60, "s": 1}
    return sum(float(n) * sizes[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?) (d|h|min|s)\b", value))


def _slack(value: str) -> float:
    return 0.06 if re.search(r"\d\.\d s", value) else 0.6 if " s" in value else 60


def impact_measured(page: Page, record: Record) -> bool:
    """9: the impact has its numbers with their entries, or says that they are not recorded."""
    part = page.part("Impact")
    stated = [e["id"] for e in shown(record) if e["kind"] == "impact"]
    told = all(f"[{id}]" in part for id in stated)
    return told and "Start of impact" in part and (bool(stated) or "not recorded" in part)


def detection_named(page: Page, record: Record) -> bool:
    """10: what detected it is named with its entry; the alert is linked where the record has a link."""
    part = page.part("Detection")
    first = min((a for a in record["alerts"] if a.get("bad", True)), key=lambda a: a["at"], default=None)
    if not first:
        return "No alert is recorded" in part
    linked = not str(first.get("link", "")).startswith("http") or "](http" in part
    return bool(CITE.search(part)) and _words(first["title"]) <= _words(part) and linked


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]{4,}", text.lower()))


def statements_cite(page: Page, record: Record) -> bool:
    """11: every statement cites entries, and every cited entry exists and was not dropped."""
    ids = {e["id"] for e in shown(record)}
    cited = {id for found in CITE.findall(page.text.replace("like [E1]", "")) for id in found.split(", ")}
    return cited <= ids and all(CITE.search(said) for said in _statements(page))


def _statements(page: Page) -> Iterator[str]:
    for sentence in re.split(r"(?<=\]\.) ", page.part("Issue summary").strip()):
        if not sentence.startswith("Nothing is recorded"):
            yield sentence
    for name in ("Investigation", "Root cause", "Contributing factors", "Resolution and recovery"):
        for title, body in page.sections.items():
            if title.startswith(name):
                yield from (line for line in body.split("\n") if line.startswith("- ") or line.startswith("**"))


def nothing_foreign(page: Page, record: Record) -> bool:
    """12: no number and no quoted system that is not in the record."""
    told = json.dumps(record, ensure_ascii=False)
    numbers = set(re.findall(r"\d+", told))
    names = ("Issue summary", "Impact", "Detection", "Investigation", "Root cause", "Contributing", "Resolution")
    text = "\n".join(b for t, b in page.sections.items() if t.startswith(names))
    systems = [
        s for s in re.findall(r"`([^`\n]+)`", text) if not s.startswith(("/incident", "muster", "incident.json"))
    ]
    left = re.sub(CLOCK, "", CITE.sub("", re.sub(r"UTC[+-]\d\d:\d\d|\d{4}-\d\d-\d\d", "", text)))
    strange = [n for n in re.findall(r"\d+", left) if n not in numbers]
    return not strange and all(_words(s) <= _words(told) for s in systems)


def contradictions_listed(page: Page, record: Record) -> bool:
    """13: gaps and contradictions of the record are asked about."""
    part = page.part("Open questions")
    if not part.strip():
        return False
    start, end = instant(record["detected_at"]), instant(record["mitigated_at"] or record["resolved_at"])
    wanted = [] if not (start and end) else _gaps(record, start, end)
    if start and end and end < start:
        wanted.append("before “Detected”")
    untimed = [e["id"] for e in shown(record) if e["occurred_at"] is None]
    return all(w in part for w in wanted) and all(f"[{id}]" in part for id in untimed[:5])


def _gaps(record: Record, start: datetime, end: datetime) -> list[str]:
    dated = [(at, e["id"]) for e in shown(record) if (at := _exact(e)) and start <= at <= end]
    gaps = [(b[0] - a[0], a[1], b[1]) for a, b in itertools.pairwise(dated)]
    wide = [g for g in gaps if g[0] > timedelta(minutes=15)]
    return [f"[{wide[0][1]}]", f"[{wide[0][2]}]"] if len(wide) == 1 else []


def cause_marked(page: Page, record: Record) -> bool:
    """14: a cause is proved by checks and marked so, or stated by people, or asked for."""
    part = page.part("Root cause\n") or page.sections.get("Root cause", "")
    proved = [c for c in record["causes"] if c["verdict"] == "proved"]
    if bool(proved) != ("proved by checks" in part.lower()):
        return False
    stated = [e for e in shown(record) if e["kind"] == "cause" and e["source"]["type"] not in {"check", "bot"}]
    if not proved and not stated:
        return "No cause is recorded" in part or "neither proved" in part
    return all(_words(c["text"]) <= _words(part) for c in proved) and all(e["id"] in part for e in stated)


def no_names_no_blame(page: Page, record: Record) -> bool:
    """15: roles in the narrative, names in the roster only, nobody blamed."""
    people = [*record["roles"].values(), *(e["author"] for e in record["timeline"])]
    names = {p["name"] for p in people if len(p["name"]) > 2}
    told = page.narrative + page.part("Evidence")
    roster = page.part("Roster")
    named = not any(name in told for name in names)
    return named and all(p["name"] in roster for p in record["roles"].values()) and not BLAME.search(page.narrative)


def dead_ends_kept(page: Page, record: Record) -> bool:
    """16: what was ruled out is kept."""
    part = page.part("Investigation")
    people = [e["id"] for e in shown(record) if e["kind"] == "ruled-out"]
    runs = [c.get("run") for c in record["causes"] if c["verdict"] == "proved"]
    first = [c for c in record["causes"] if not runs or c.get("run") == runs[0]]
    checks = [c["text"].split(". ")[0] for c in first if c["verdict"] == "ruled-out"]
    return all(id in part for id in people) and all(_words(text) <= _words(part) for text in checks)


def restoration_told(page: Page, record: Record) -> bool:
    """17: what restored service, its diff and its outcome, and whether it lasts."""
    part = page.sections.get("Resolution and recovery", "")
    for repair in record["remediations"]:
        changed = [line for line in repair.get("diff", "").split("\n") if re.match(r"[+-](?![+-])", line)]
        if repair["state"].replace("-", " ").lower() not in part.replace("-", " ").lower() or not all(
            c in part for c in changed
        ):
            return False
        if repair["approved_by"] and "Approved by " not in part:
            return False
    ended = [e["id"] for e in shown(record) if e["kind"] in {"mitigated", "resolved"}]
    return all(id in part for id in ended) and bool(CITE.search(part) or "not recorded" in part)


def actions_complete(page: Page, record: Record) -> bool:
    """18: every action with its fields, gaps in bold, none invented."""
    listed = [r for r in rows(page.part("Corrective")) if re.fullmatch(r"A\d+", r[0])]
    if [r[0] for r in listed] != [a["id"] for a in record["actions"]]:
        return False
    fields = {3: "owner", 4: "due", 5: "priority", 6: "done_when"}
    for row, action in zip(listed, record["actions"], strict=True):
        if any((row[n] == "**missing**") != (not action.get(name)) for n, name in fields.items()):
            return False
    return bool(listed) or "No action is recorded" in page.part("Corrective")


def chart_with_text(page: Page, record: Record) -> bool:
    """19: a picture that needs no server, with a text that says the same."""
    found = re.search(r"!\[(Timeline of [^\]]+)\]\(timeline\.svg\)", page.text)
    points = [record[name] for name in ("detected_at", "mitigated_at", "resolved_at") if record[name]]
    return bool(found and (not points or re.search(CLOCK, found[1])))


def marked_as_draft(page: Page, record: Record) -> bool:
    """20: draft status, owner, checklist, where it comes from, and the stamp that guards human edits."""
    head = page.sections.get(next(t for t in page.sections if t.startswith("Postmortem")), "")
    wanted = ("Draft, not reviewed", "| Owner |", "fingerprint `", "`incident.json`")
    stamped = re.search(rf"<!-- muster: draft {record['id']}, sha256 [0-9a-f]{{64}}", page.text)
    return all(w in head for w in wanted) and page.part("Review").count("- [ ]") >= 5 and bool(stamped)


CHECKS: tuple[Callable[[Page, Record], bool], ...] = (
    each_entry_once, in_order, own_time, zones_agree, date_at_each_change, vagueness_kept, key_times_apart,
    intervals_recompute, impact_measured, detection_named, statements_cite, nothing_foreign, contradictions_listed,
    cause_marked, no_names_no_blame, dead_ends_kept, restoration_told, actions_complete, chart_with_text,
    marked_as_draft,
)  # fmt: skip


def score(markdown: str, record: Record) -> dict[str, bool]:
    """Each check by name, and whether the draft passes it."""
    page = Page(markdown)
    return {check.__name__: check(page, record) for check in CHECKS}


def main(paths: list[str]) -> int:
    """Print the score; 0 when at least 19 checks pass."""
    marks = score(Path(paths[0]).read_text("utf-8"), json.loads(Path(paths[1]).read_text("utf-8")))
    for name, passed in marks.items():
        sys.stdout.write(f"{int(passed)}  {name}\n")
    sys.stdout.write(f"{sum(marks.values())} of {len(marks)}\n")
    return 0 if sum(marks.values()) >= 19 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
