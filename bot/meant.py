"""What somebody probably meant whose first word is none of ours, and the sentence that says so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

LONGEST = 80
"""Characters of what was said that a suggestion repeats."""

OTHER_NAMES: Mapping[str, str] = {
    "acknowledge": "ack",
    "add": "note",
    "assign": "role",
    "broadcast": "update",
    "correct": "fix",
    "delete": "drop",
    "draft": "postmortem",
    "edit": "fix",
    "end": "close",
    "finish": "close",
    "fixed": "mitigated",
    "hand": "lead",
    "handoff": "lead",
    "handover": "lead",
    "log": "note",
    "pause": "hold",
    "people": "who",
    "recap": "catchup",
    "remove": "drop",
    "rename": "title",
    "resume": "release",
    "ruled": "ruled-out",
    "runbook": "check",
    "runbooks": "check",
    "severity": "sev",
    "solved": "resolve",
    "start": "began",
    "started": "began",
    "stop": "hold",
    "summary": "catchup",
    "todo": "action",
    "undo": "drop",
}
"""What other tools call our words. They are never taken for them: they are also how sentences begin."""
BY_BUTTON = frozenset({"approve", "approved", "reject"})


def inside(text: str, word: str, usages: Mapping[str, str]) -> str:
    """The refusal in an incident, where nothing is recorded by guessing. `usages` are the known words, with theirs."""
    if near := slip_of(word, usages):
        keep = "" if near == "note" else f" To keep it say: note {cut(text)}"
        return f"Nothing was recorded: did you mean “{_corrected(text, word, near)}”?{keep}"
    keep = f"to keep it say: note {cut(text)}"
    if word in BY_BUTTON:
        return f"Nothing was approved: that is for the button on the card only, under what it would do; {keep}"
    if other := OTHER_NAMES.get(word):
        return f"Nothing was recorded: “{word}” is no word here, there is “{usages[other]}”; {keep}"
    return f"Nothing was recorded: “{word}” is no word here; {keep}"


def outside(text: str, word: str, known: Iterable[str], *, talk: bool) -> str:
    """The refusal where a title would open an incident; empty where it may. `talk`: it came out of a conversation."""
    if near := slip_of(word, known):
        declare = "" if near == "declare" else f" To open an incident: declare {cut(text)}"
        return f"Nothing was recorded: did you mean “{_corrected(text, word, near)}”?{declare}"
    if talk:
        return f"Nothing was recorded: “{word}” is no word that I know; to open an incident: declare {cut(text)}"
    return ""


def slip_of(word: str, known: Iterable[str]) -> str:
    """The known word that this one is a slip of, or nothing."""
    return next((one for one in known if one_slip(word, one)), "")


def one_slip(word: str, known: str) -> bool:
    """Whether one letter was added, left out, changed, or swapped with its neighbour. Very short words never fit."""
    if word == known or len(known) < 3 or abs(len(word) - len(known)) > 1:
        return False
    start = next((n for n, (a, b) in enumerate(zip(word, known, strict=False)) if a != b), min(len(word), len(known)))
    a, b = word[start:], known[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and len(a) > 1 and a[2:] == b[2:])


def cut(text: str) -> str:
    """As much of it as a suggestion repeats."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _corrected(text: str, word: str, near: str) -> str:
    return cut(f"{near} {text[len(word) :].strip()}".strip())
