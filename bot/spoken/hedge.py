"""What stands behind a time and says how sure it is: `14:20~`, `9:30 or so`, `(maybe earlier?)`."""

from __future__ import annotations

from bot.spoken.clock import read_span
from bot.spoken.moment import Moment
from bot.spoken.words import Words

_HEDGES = (
    *("maybe", "perhaps", "possibly", "probably", "earlier", "later", "about", "around", "approx", "approximately"),
    *("roughly", "estimated", "estimate", "est", "guess", "sure", "unsure", "unconfirmed", "unclear", "or", "ish"),
)
_MAX_REMARK = 12


def suffix(words: Words, moment: Moment, i: int) -> int | None:
    """`14:20~`, `10pm-ish`, `9:30 or so`, `14:20?`, `14:20 ± 5 min`."""
    stop = _hedge(words, i) if moment.clock is not None else None
    if stop is not None:
        moment.approximate = True
    return stop


def _hedge(words: Words, i: int) -> int | None:
    if words.is_sign(i, "~", "?", tight=True) or words.is_word(i, "ish"):
        return i + 1
    if words.is_sign(i, "-", "~", tight=True) and words.is_word(i + 1, "ish"):
        return i + 2
    if (stop := words.phrase(i, "or", "so")) is not None:
        return stop
    if words.is_word(i, "approx", "approximately", "roughly", "ca") and (
        words.is_end(i + 1) or words.is_sign(i + 1, ".")
    ):
        return i + 1 + words.is_sign(i + 1, ".", tight=True)
    sign = i + 1 if words.is_sign(i, "±") else (words.phrase(i, "+", "/", "-") or words.phrase(i, "+", "-"))
    span = read_span(words, sign) if sign is not None else None
    return span[1] if span else None


def remark(words: Words, moment: Moment, i: int) -> int | None:
    """`(maybe earlier?)` is about the time; `(web2)` belongs to the text."""
    stop = next((n for n in range(i + 1, i + _MAX_REMARK) if words.is_sign(n, ")", "]")), None)
    if stop is None:
        return None
    hedged = any(words.is_word(n, *_HEDGES) or words.is_sign(n, "?", "~", "±") for n in range(i + 1, stop))
    if not hedged:
        return None
    moment.approximate = True
    moment.notes.append(words.typed(i + 1, stop))
    return stop + 1
