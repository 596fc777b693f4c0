"""What a name resolves to. Asked from the bot, with the resolver of its machine."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from bot.checks import Answer, Target, noun
from bot.ports import GaveUp, TryAgain
from bot.runbook.result import State

NO_SUCH_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


@noun("dns")
async def dns(on: Target, *, name: str, resolves_to: tuple[str, ...] = ()) -> Answer:
    """Whether a name resolves, and to these addresses and no others.

    name: the name. resolves-to: the addresses that it should have (any).
    """
    wanted = sorted({_address(each) for each in resolves_to})
    found = await resolve(name, on.within)
    ok = bool(found) and (not wanted or set(found) == set(wanted))
    said = f"resolves to {', '.join(found)}" if found else "does not exist"
    return Answer(
        state=State.OK if ok else State.FAIL,
        reason="" if ok else ("differs" if found else "error"),
        summary=f"{name} {said}" + ("" if ok or not found else f", expected {', '.join(wanted)}"),
        facts={
            "name": name,
            "addresses": list(found),
            "found": ", ".join(found) or "nothing",
            "expected": ", ".join(wanted) or "any address",
        },
    )


async def resolve(name: str, within: float) -> Sequence[str]:
    """The addresses of a name, sorted; none when there is no such name. Raises TryAgain when nobody could say."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(within):
            rows = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise TryAgain(f"No name server answered about {name}.", reason="timeout") from error
    except socket.gaierror as error:
        return _no_answer(name, error)
    except UnicodeError as error:
        raise GaveUp(f"{name!r} is not a name.", reason="error", fix="Correct the runbook.") from error
    return sorted({str(row[4][0]).partition("%")[0] for row in rows})


def _no_answer(name: str, error: socket.gaierror) -> Sequence[str]:
    """Nothing: there is no such name. Anything else says that the bot could not ask."""
    if error.errno in NO_SUCH_NAME:
        return ()
    raise TryAgain(f"The bot cannot resolve {name}: {error.strerror}", reason="unreachable") from error


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise GaveUp(f"{text!r} is not an address.", reason="error", fix="Correct 'resolves-to'.") from error
