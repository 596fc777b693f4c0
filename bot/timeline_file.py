"""A timeline as people write it, read row by row: bullets, tables, headings, and rows without a time.

Nothing is dropped: a row that cannot be placed is kept as typed, with the question or the refusal in
its place. No file is opened here; the text is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from bot.incident import Kind, Precision
from bot.spoken.date import day_first_of, read_date, settle_date
from bot.spoken.heard import Ask, Context, Heard, NoTime, Refused, Understood
from bot.spoken.pasted import Typed, unfolded
from bot.spoken.settle import AHEAD, anchor_of
from bot.spoken.words import Nonsense, Unclear, Words
from bot.spoken.zone import NamedZone, read_zone, settle
from bot.spoken_time import understand

_FENCE = re.compile(r"^\s*(```|~~~)")
_RULE = re.compile(r"^[\s|:+=_*-]*-{2,}[\s|:+=_*-]*$|^\s*\|(?:\s*:?-+:?\s*\|)+\s*$")
_BULLET = re.compile(r"^\s*(?:[-*•◦▪‣+–—]|\d{1,3}[.)]|\[[ xX]\])\s+")
_EMPHASIS = re.compile(r"^(\*\*|__|\*|_|`)(?=\S)(.+?)\1")
_SPLIT = re.compile(r"\s+[–—-]+\s+|\t+|\s*\|\s*|:\s+")
_ABOUT_ALL = re.compile(
    r"\b(all|unless|times?)\b.*\b(times?|noted|otherwise|in|are|is)\b"
    r"|^\W*(time ?zone|tz|zone|date|day|times?|timestamps?)\b\W*:",
    re.IGNORECASE,
)
_TITLE = re.compile(r"^\s*(?:title|incident|postmortem|summary)\s*:\s*(?P<title>.+)$", re.IGNORECASE)
_GENERIC = re.compile(
    r"^\W*(?:the\s+)?(?:incident\s+)?"
    r"(?:timeline|time|events?|date|log|(?:post-?mortem\s+)?reports?|post-?mortems?)\b[\s\W]*(?:\(.*\))?\W*$",
    re.IGNORECASE,
)
_HEADER_CELL = re.compile(r"^\W*(time|date|when|timestamp|hour|event|what|description|#|no|nr)\b", re.IGNORECASE)
_HEADER = re.compile(r"^\W*(?:time|date|when|timestamp)\b[^,;\t|]*[,;\t|]\s*[A-Za-z]", re.IGNORECASE)
_TIME_CELL = re.compile(r"^\W*(time|date|when|timestamp|hour|day|utc|local)\b", re.IGNORECASE)
_COUNTER_CELL = re.compile(r"^\W*(?:#|no|nr|id|num|number)?\W*$", re.IGNORECASE)
_KIND = re.compile(
    r"^\W*(began|detected|notified|acknowledged|finding|ruled[ -]out|cause|root cause|factor|impact|mitigated|resolved"
    r"|update)\W*?(?::|\s[–—|-])\s",
    re.IGNORECASE,
)
_LONGEST_TIME = 40
_TRIES = 7


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: its line in the file, the time and the text as typed, and what was understood of the time.

    `author` is who said it, where a paste from a chat tells.
    """

    number: int
    typed: str
    text: str
    heard: Heard
    author: str = ""

    @property
    def placed(self) -> bool:
        """Whether nothing has to be asked about this row."""
        return isinstance(self.heard, Understood)

    @property
    def at(self) -> datetime | None:
        """When it was (UTC), as far as that was understood."""
        return self.heard.at if isinstance(self.heard, Understood) else None

    @property
    def kind(self) -> Kind:
        """What it is about, where its first word says so: `Detected: …`; otherwise a note."""
        found = _KIND.match(self.text)
        word = found[1].lower().replace(" ", "-").removeprefix("root-") if found else "note"
        return Kind(word)

    @property
    def question(self) -> str:
        """What has to be asked about it; empty for a row that is placed."""
        match self.heard:
            case Ask(question=question, choices=choices):
                return f"{question} {' or '.join(choices)}".strip()
            case Refused(text=text, suggestion=suggestion):
                return "; ".join(filter(None, (text, suggestion)))
            case NoTime():
                return "when was that?"
            case Understood():
                return ""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A timeline in the order in which it was written. `questions` are about headings, with their line."""

    title: str
    rows: tuple[Row, ...]
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A line with a row on it, and what the headings above it say."""

    number: int
    body: str
    zone: tzinfo
    date: date | None
    block: int
    author: str


def read(
    text: str,
    *,
    zone: tzinfo,
    date: date | None = None,
    now: datetime,
    started: datetime | None = None,
    day_first: bool | None = None,
) -> Timeline:
    """Reads a timeline. `zone` and `date` hold where no heading says otherwise; `now` is when it was handed in.

    `started` is the incident's start for rows like `T+15`; `day_first` settles dates like 03-04-2022.
    Undated rows follow the row before over midnight. Without any date the last row lies before `now`.
    """
    page = _Page(Context(now=now, zone=zone, date=date, started=started, day_first=day_first), text)
    for typed in unfolded(text):
        page.take(typed)
    rows = _placed(page.lines, page.context)
    return Timeline(title=page.title, rows=tuple(rows), questions=tuple(page.questions))


class _Page:
    """Takes the lines one by one and sorts them into title, headings and rows."""

    def __init__(self, context: Context, text: str) -> None:
        bodies = [_body(typed.line) for typed in unfolded(text)]
        self.context = replace(
            context,
            day_first=context.day_first if context.day_first is not None else _day_first(bodies),
            dotted=_dotted(bodies, context),
        )
        self.zone, self.date, self.block = context.zone, context.date, 0
        self.title = ""
        self.columns: list[str] = []
        self.author = ""
        self.lines: list[_Line] = []
        self.questions: list[str] = []

    def take(self, typed: Typed) -> None:
        """Sorts one line in."""
        number, line, self.author = typed.number, typed.line, typed.author
        if not line.strip() or _FENCE.match(line) or _RULE.match(line):
            return
        body = _body(line)
        if line.lstrip().startswith("#"):
            self._heading(number, body)
        elif _HEADER.match(line):
            self._set_zone(number, body)
        elif line.lstrip().startswith("|"):
            self._table(number, line)
        elif self._is_heading(body, line):
            self._heading(number, body)
        else:
            self._row(number, line, body)

    def _is_heading(self, body: str, line: str) -> bool:
        """A date alone, a sentence about all times, a title before the first row."""
        heard = understand(body, self._context())
        if not isinstance(heard, NoTime):
            bare = isinstance(heard, Understood) and not heard.rest and heard.precision is Precision.DATE
            return bare and not re.search(r"[?:]\S", body)
        if _BULLET.match(line) or line.lstrip()[:1] in "–—|-":
            return False
        if _ABOUT_ALL.search(body) and (_first_zone(body) or _first_date(body, self._context())):
            return True
        if _GENERIC.match(body) or (body.endswith(":") and _first_date(body, self._context())):
            return True
        return not self.title and not self.lines and not line[:1].isspace()

    def _heading(self, number: int, body: str) -> None:
        self._set_zone(number, body)
        on = self._set_date(number, body)
        named = _TITLE.match(body)
        bare = on and not re.sub(r"[\W\d_]", "", body[len(on) :] if body.startswith(on) else body)
        if not self.title and not self.lines and not bare and not _GENERIC.match(body) and not _ABOUT_ALL.search(body):
            self.title = (named["title"] if named else body).strip(" #*_:")

    def _set_zone(self, number: int, body: str) -> None:
        named = _first_zone(body)
        if named is None or named.local:
            return
        try:
            on = self.date or self.context.now.date()
            self.zone = settle(named, home=self.context.zone, on=on).tz
        except Unclear as unclear:
            self.questions.append(f"line {number}: {unclear.question}")

    def _set_date(self, number: int, body: str) -> str:
        """Takes the first date of a heading for the rows below; answers the words that were the date."""
        try:
            found = _first_date(body, self._context())
        except (Unclear, Nonsense) as error:
            self.questions.append(f"line {number}: {error}")
            return ""
        if found is None:
            return ""
        self.date, self.block = found[0], self.block + 1
        return found[1]

    def _table(self, number: int, line: str) -> None:
        cells = [_body(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if all(_HEADER_CELL.match(cell) or not cell for cell in cells[:2]) and any(cells):
            self._set_zone(number, " ".join(cells))
            self.columns = cells
            return
        self._add(number, _joined(_time_first(cells, self.columns), self._context()))

    def _row(self, number: int, line: str, body: str) -> None:
        timed = not isinstance(understand(body, self._context()), NoTime)
        if (
            not timed
            and self.lines
            and line[:1].isspace()
            and not _BULLET.match(line)
            and line.lstrip()[:1] not in "–—-"
        ):
            last = self.lines[-1]
            self.lines[-1] = replace(last, body=f"{last.body} {body}")
        else:
            self._add(number, body)

    def _add(self, number: int, body: str) -> None:
        here = _Line(number=number, body=body, zone=self.zone, date=self.date, block=self.block, author=self.author)
        self.lines.append(here)

    def _context(self) -> Context:
        return replace(self.context, zone=self.zone, date=self.date)


def _body(line: str) -> str:
    """A line without its bullet and the stars around its beginning."""
    body = line.strip().lstrip("#>").strip()
    while (bullet := _BULLET.match(body)) is not None:
        body = body[bullet.end() :]
    return _EMPHASIS.sub(r"\2", body).strip()


def _time_first(cells: list[str], columns: list[str]) -> list[str]:
    """The cells with those first under whose heads times stand, without empty ones and without a counter."""
    if len(columns) == len(cells) and any(_TIME_CELL.match(head) for head in columns):
        both = [(head, cell) for head, cell in zip(columns, cells, strict=True) if not _COUNTER_CELL.match(head)]
        cells = [cell for _, cell in sorted(both, key=lambda pair: not _TIME_CELL.match(pair[0]))]
    return [cell for cell in cells if cell] or [""]


def _joined(cells: list[str], context: Context) -> str:
    """The cells of a row as one line; a counter before the time is left out."""
    counted = len(cells) > 2 and (not cells[0] or cells[0].rstrip(".").isdigit())
    if counted and not isinstance(understand(cells[1], context), NoTime):
        cells = cells[1:]
    day = understand(cells[0], context)
    if isinstance(day, Understood) and day.precision is Precision.DATE and len(cells) > 2:
        both = understand(f"{cells[0]} {cells[1]}", context)
        if not isinstance(both, NoTime) and not getattr(both, "rest", "") and cells[1]:
            cells = [f"{cells[0]} {cells[1]}", *cells[2:]]
    return f"{cells[0]} | " + " – ".join(cell for cell in cells[1:] if cell)


def _first_zone(body: str) -> NamedZone | None:
    words = Words(body)
    i = 0
    while words[i].kind != "end":
        found = read_zone(words, i, names=frozenset())
        if found is not None and not (words.is_sign(i, "+") or words.low(i) == "z"):
            return found[0]
        i += 1
    return None


def _first_date(body: str, context: Context) -> tuple[date, str] | None:
    words = Words(body)
    i = 0
    while words[i].kind != "end":
        found = read_date(words, i)
        if found is not None and (found[0].readings or (i == 0 and found[0].weekday is not None)):
            return settle_date(found[0], anchor_of(context, context.zone)).on, words.typed(i, found[1])
        i += 1
    return None


def _day_first(bodies: Iterable[str]) -> bool | None:
    """What the dates with a part over twelve say of the others."""
    shown = {_shows(body) for body in bodies} - {None}
    return shown.pop() if len(shown) == 1 else None


def _shows(body: str) -> bool | None:
    words = Words(body)
    try:
        found = read_date(words, 0)
    except (Unclear, Nonsense):
        return None
    return day_first_of(found[0], words, 0) if found else None


def _dotted(bodies: list[str], context: Context) -> bool:
    """Whether the rows write 11.15: one of them says so beyond doubt, or all that begin with figures do."""
    figures = [body for body in bodies if re.match(r"[\W_]*\d", body)]
    dots = [body for body in figures if re.match(r"\W*\d{1,2}\.\d\d(?![\d.])", body)]
    sure = any(isinstance(understand(body, context), Understood) for body in dots)
    return sure or (len(dots) > 2 and len(dots) == len(figures))


def _placed(lines: list[_Line], context: Context) -> list[Row]:
    """The rows with their instants, in the order in which they were written."""
    rows = _in_time(lines, context)
    if _doubtful(rows) < 2:
        return rows
    newest_first = _in_time(lines[::-1], context)[::-1]
    return newest_first if _doubtful(newest_first) < _doubtful(rows) else rows


def _in_time(lines: list[_Line], context: Context) -> list[Row]:
    rows = _chain(lines, context, None)
    return _before_what_follows(lines, rows, context) if lines and lines[0].date is None else rows


def _doubtful(rows: list[Row]) -> int:
    """How many rows do not follow the row before: asked about, or flagged as out of order."""
    return sum(
        isinstance(row.heard, Ask)
        or (isinstance(row.heard, Understood) and any("the row before" in warning for warning in row.heard.warnings))
        for row in rows
    )


def _chain(lines: list[_Line], context: Context, first: date | None) -> list[Row]:
    rows: list[Row] = []
    previous, block, started = None, -1, context.started
    for line in lines:
        if line.block != block:
            previous = previous if line.date is None else None
            block = line.block
        here = replace(context, zone=line.zone, date=line.date or first, previous=previous, started=started)
        row = _row(line, here)
        rows.append(row)
        if isinstance(row.heard, Understood) and row.heard.at is not None:
            previous = row.heard.at
            started = started or previous
    return rows


def _row(line: _Line, context: Context) -> Row:
    heard = understand(line.body, context)
    if isinstance(heard, NoTime):
        return Row(number=line.number, typed="", text=line.body.lstrip("–—-| \t"), heard=heard, author=line.author)
    typed, text = heard.typed, heard.rest
    if not isinstance(heard, Understood):
        typed, text = _as_typed(line.body, typed, text)
    return Row(number=line.number, typed=typed, text=text, heard=heard, author=line.author)


def _as_typed(body: str, typed: str, text: str) -> tuple[str, str]:
    """The time and the text of a row whose time could not be read to its end."""
    parts = _SPLIT.split(body, maxsplit=1)
    whole = len(parts) == 2 and len(typed) <= len(parts[0]) <= _LONGEST_TIME
    return (parts[0], parts[1]) if whole else (typed, text)


def _before_what_follows(lines: list[_Line], rows: list[Row], context: Context) -> list[Row]:
    """Moves undated rows at the beginning to the days before the first date, or before now."""
    dated = next((n for n, line in enumerate(lines) if line.date or _has_date(line, context)), None)
    leading = [row.heard.at for row in rows[:dated] if isinstance(row.heard, Understood) and row.heard.at]
    if not leading:
        return rows
    anchor = rows[dated].heard if dated is not None else None
    limit = anchor.at if isinstance(anchor, Understood) and anchor.at else context.now + AHEAD
    day = limit.astimezone(lines[0].zone).date()
    for back in range(_TRIES):
        tried = _chain(lines, context, day - timedelta(days=back))
        last = [row.heard.at for row in tried[:dated] if isinstance(row.heard, Understood) and row.heard.at]
        if last and max(last) <= limit:
            return tried
    return rows


def _has_date(line: _Line, context: Context) -> bool:
    """Whether a row names its own day: then it means the same whatever the day around it."""
    here = replace(context, zone=line.zone)
    days = [understand(line.body, replace(here, date=date(year, 3, 3))) for year in (2001, 2002)]
    found = {day.on.replace(year=2000) for day in days if isinstance(day, Understood) and day.on}
    return bool(found) and found != {date(2000, 3, 3)}
