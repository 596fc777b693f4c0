"""Nouns with the words of the real ones that ask nothing: for tests of the loader alone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Literal

from bot.checks import Answer, Noun, Port, Seconds, Share
from bot.runbook.result import State

NEEDED = inspect.Parameter.empty


async def nothing(*_: object, **__: object) -> Answer:
    """Ask nothing."""
    return Answer(state=State.OK)


def fake(name: str, /, **words: tuple[object, object]) -> Noun:
    """A noun with these words: annotation and default of each."""
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = {
        word: inspect.Parameter(word, kind, annotation=annotation, default=default)
        for word, (annotation, default) in words.items()
    }
    return Noun(name=name, ask=nothing, touches=False, words=parameters, help="Ask nothing.")


NOUNS: Mapping[str, Noun] = {
    noun.name: noun
    for noun in (
        fake("tcp", port=(Port, NEEDED), expect=(Literal["open", "closed"], "open")),
        fake(
            "http",
            url=(str, NEEDED),
            status=(int | list[int], 200),
            under=(Seconds | None, None),
            contains=(str, ""),
            host=(str, ""),
            times=(int, 1),
        ),
        fake("unit", name=(str, NEEDED), state=(Literal["active", "inactive"], "active")),
        fake("listening", port=(Port, NEEDED), address=(str, "")),
        fake("disk", path=(str, "/"), below=(Share, Share(90)), inodes_below=(Share, Share(90))),
        fake(
            "drift",
            repo=(str | None, None),
            paths=(tuple[str, ...], ()),
            against=(Literal["known-good", "HEAD"], "known-good"),
        ),
        fake(
            "nginx",
            config=(str, "/etc/nginx/nginx.conf"),
            same=(list[Literal["listen", "server-names", "upstreams", "locations"]], ()),
            live=(bool, False),
            test=(bool, False),
        ),
        fake("balancer", kind=(Literal["nginx", "haproxy"], NEEDED), upstream=(str, NEEDED), log=(str, "")),
        fake(
            "replication",
            engine=(Literal["postgres", "mysql"], NEEDED),
            dsn=(str, NEEDED),
            lag_below=(Seconds, Seconds(30)),
            streaming=(bool, True),
        ),
        fake(
            "metric",
            query=(str, NEEDED),
            over=(Seconds, Seconds(600)),
            below=(float | None, None),
            versus=(Seconds | None, None),
        ),
        fake("nagios", argv=(tuple[str, ...], NEEDED)),
        fake(
            "command",
            argv=(tuple[str, ...], NEEDED),
            exit=(int | list[int], 0),
            prints=(str, ""),
            sudo=(bool, False),
        ),
    )
}
