"""The draft of a postmortem: an incident in, Markdown, a picture and the record out. Same record, same bytes.

It states nothing that is not in the record, cites the entries of every statement, blames nobody and asks for what
is missing. A template of one's own gets the names that `parts` returns, already safe as Markdown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any

from jinja2 import Template

from bot.incident import Incident
from bot.ports import NotAllowed
from bot.postmortem import chart, findings, sections, summary, timeline
from bot.postmortem.markdown import escaped, tidy
from bot.postmortem.own_template import environment, rendered
from bot.postmortem.questions import questions
from bot.postmortem.story import Story
from bot.postmortem.strip import strip
from bot.record import to_record

BOOKKEEPING = frozenset({"view", "watched", "draft_path", "troubles", "held", "closings", "channel"})
"""Parts of the record that change by publishing the draft, and so stay out of its fingerprint."""
STAMP = "<!-- muster: draft {id}, sha256 {hash} of the lines above; edit freely, your edits are kept -->\n"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a closed incident leaves behind: `postmortem.md`, `timeline.svg` and `incident.json`, as text."""

    markdown: str
    svg: str
    record_json: str
    charts: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> Mapping[str, bytes]:
        """The files by name."""
        return {
            "postmortem.md": self.markdown.encode(),
            "timeline.svg": self.svg.encode(),
            "incident.json": self.record_json.encode(),
            **{name: svg.encode() for name, svg in self.charts.items()},
        }


def draft(
    incident: Incident, *, zone: str, brief: bool = False, template: str | None = None, command: str = "/incident"
) -> Draft:
    """The draft with local times in `zone` (an IANA name); raises NotAllowed for an unknown zone.

    `brief` leaves out the sections for the review; `command` is what people type before a word. `template` is the
    text of a Jinja2 template of one's own; one that does not work is replaced by the built-in one, and the draft says
    so at its top.
    """
    record = to_record(incident)
    story = Story(incident, zone=zone, command=command)
    values = parts(story, fingerprint=_fingerprint(record), brief=brief)
    page = tidy(_page(values, template))
    return Draft(
        markdown=page + "\n" + stamp(incident.id, page + "\n"),
        svg=strip(story),
        record_json=_json(record),
        charts=chart.charts(story),
    )


def parts(story: Story, *, fingerprint: str, brief: bool = False) -> dict[str, Any]:
    """What a template may use: safe Markdown by name (and the flag `brief`)."""
    first = story.shown[0].id if story.shown else ""
    made: dict[str, Any] = {
        "title": story.words(story.incident.title, first) or "no title",
        "id": story.incident.id,
        "warning": "",
        "banner": sections.banner(story),
        "brief": brief,
        "header": sections.header(story, fingerprint),
        "lead": summary.lead(story),
        "summary": summary.summary(story),
        "impact": sections.impact(story),
        "key_times": sections.key_times(story),
        "measurements": chart.measurements(story),
        "strip_text": sections.strip_text(story),
        "timeline": timeline.timeline(story),
        "detection": sections.detection(story),
        "investigation": findings.investigation(story),
        "root_cause": findings.root_cause(story),
        "factors": findings.factors(story),
        "resolution": findings.resolution(story),
        "response": sections.response(story),
        "measures": findings.measures(story),
        "lessons": findings.lessons(story),
        "questions": _numbered(questions(story)),
        "roster": sections.roster(story),
        "evidence": timeline.evidence(story),
    }
    return {**made, "wording": findings.wording(story)}


def _numbered(asked: list[str]) -> str:
    return "\n".join(f"{n}. {question}" for n, question in enumerate(asked, 1)) or "None was found."


def _page(values: Mapping[str, Any], template: str | None) -> str:
    if template is None:
        return built_in().render(values)
    try:
        return rendered(template, values)
    except NotAllowed as problem:
        warning = f"> **Warning: your template was not used.** {escaped(str(problem)[:300])}. This is the built-in one."
        return built_in().render({**values, "warning": warning})


@cache
def built_in() -> Template:
    """Our own template."""
    text = resources.files(__package__).joinpath("postmortem.md.j2").read_text("utf-8")
    return environment().from_string(text)


def stamp(id: str, above: str) -> str:
    """The last line of a draft: it shows later whether a person changed the lines above."""
    return STAMP.format(id=id, hash=sha256(above.encode()).hexdigest())


def _fingerprint(record: Mapping[str, Any]) -> str:
    told = {name: value for name, value in record.items() if name not in BOOKKEEPING}
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def lasting_record(incident: Incident) -> bytes:
    """The record without what changes by publishing it: the same as long as nothing is said or done."""
    told = {name: value for name, value in to_record(incident).items() if name not in BOOKKEEPING}
    return _json(told).encode()


def _json(record: Mapping[str, Any]) -> str:
    """The record with one entry a line, so that two versions of it compare well."""
    members = ",\n".join(f"{json.dumps(name)}: {_member(value)}" for name, value in record.items())
    return f"{{\n{members}\n}}\n"


def _member(value: Any) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(_compact(item) for item in value) + "\n]"
    return _compact(value)


READABLE = json.JSONEncoder(ensure_ascii=False)  # made once: json.dumps makes one for each of ten thousand entries


def _compact(value: Any) -> str:
    text = READABLE.encode(value)
    return text if _writable(text) else json.dumps(value)


def _writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return True
