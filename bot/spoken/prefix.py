"""What stands before a time: `about`, `by`, `between`, `this morning`, `last night at`."""

from __future__ import annotations

from bot.spoken.moment import Moment
from bot.spoken.words import Words

_ABOUT = (
    *("about", "abt", "around", "approx", "approximately", "appr", "roughly", "circa", "ca", "c", "sometime"),
    *("almost", "nearly", "ungefähr", "gegen", "vers", "environ"),
)
_LATEST = ("by", "before", "until", "till")
_EARLIEST = ("after", "since", "from")
_PARTS_OF_DAY = (
    (("this", "morning"), "am"),
    (("this", "afternoon"), "pm"),
    (("this", "evening"), "pm"),
    (("last", "evening"), "pm"),
    (("last", "night"), "night"),
    (("tonight",), "night"),
    (("earlier", "today"), ""),
)


def prefixes(words: Words, moment: Moment, i: int) -> int:
    """Read all that stands before the time into `moment`; the position after it."""
    while (stop := _prefix(words, moment, i)) is not None:
        i = stop
    return i


def _prefix(words: Words, moment: Moment, i: int) -> int | None:
    if words.is_sign(i, "~", "≈", "∼"):
        moment.approximate = True
        return i + 1
    if words.is_word(i, *_ABOUT):
        moment.approximate = True
        return i + 1 + words.is_sign(i + 1, ".", tight=True)
    if words.is_word(i, "some") and words.is_word(i + 1, "time"):
        moment.approximate = True
        return i + 2
    if words.is_word(i, "between"):
        moment.between = True
        return i + 1
    if words.is_word(i, "just", "shortly", "soon") and words.is_word(i + 1, *_LATEST, *_EARLIEST):
        return i + 1
    if words.is_word(i, "exactly", "precisely") or (words.is_word(i, "starting") and words.is_word(i + 1, "at")):
        return i + 1
    if words.is_word(i, "the") and words.digits(i + 1):
        return i + 1
    return _part_of_day(words, moment, i) or _bound(words, moment, i)


def _part_of_day(words: Words, moment: Moment, i: int) -> int | None:
    """`this morning 9:15`, `last night at 11:30`: which half a 12-hour clock is in."""
    for phrase, half in _PARTS_OF_DAY:
        if (stop := words.phrase(i, *phrase)) is not None:
            moment.half = half
            return stop + words.is_sign(stop, ",")
    return None


def _bound(words: Words, moment: Moment, i: int) -> int | None:
    if (stop := words.phrase(i, "no", "later", "than")) is not None or words.is_word(i, *_LATEST):
        moment.approximate = True
        moment.notes.append("the latest that it can have been")
        return stop or i + 1
    if words.is_word(i, *_EARLIEST):
        if words.is_word(i, "after"):
            moment.approximate = True
            moment.notes.append("the earliest that it can have been")
        return i + 1
    return i + 1 if words.is_word(i, "at", "on") or words.is_sign(i, "@") else None


def end_prefix(words: Words, end: Moment, i: int) -> int:
    """The same before the end of a range, where only few words are safe: `10:30 to about 11`."""
    spelled = words.is_word(i - 1) and words.is_word(i, *_ABOUT)
    if not spelled and not words.is_sign(i, "~", "≈") and not words.is_word(i, "ca"):
        return i
    end.approximate = True
    return i + 1 + words.is_sign(i + 1, ".", tight=True)
