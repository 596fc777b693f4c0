"""`systemctl` on a lab host: it knows one unit, this host's nginx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC

from bot.lab.host_call import Call
from bot.lab.host_nginx import Nginx

DEFAULT = ("ActiveState", "SubState", "MainPID", "ExecMainStartTimestamp", "NRestarts", "LoadState", "Id")
QUIET = frozenset({"--no-pager", "-q", "--quiet", "--no-ask-password", "--value", "-l", "--full"})


async def systemctl(call: Call) -> int:
    """systemctl show|is-active|status|start|stop|restart|reload nginx"""
    properties, words, flags = _parsed(call.argv[1:])
    if len(words) != 2 or any(f not in QUIET for f in flags):
        return await call.complain("this host's systemctl takes a verb and a unit")
    verb, unit = words[0], words[1].removesuffix(".service")
    if verb == "show":
        return await _show(call, unit, properties, bare="--value" in flags)
    if verb == "is-active":
        state = call.machine.nginx.state if unit == "nginx" else "inactive"
        await call.say(state)
        return 0 if state == "active" else 3
    if unit != "nginx":
        return await _unknown(call, verb, unit)
    if verb == "status":
        return await _status(call)
    return await _act(call, verb)


async def _show(call: Call, unit: str, properties: Sequence[str], *, bare: bool) -> int:
    known = _properties(call.machine.nginx) if unit == "nginx" else _absent(unit)
    for name in properties or DEFAULT:
        if name in known:
            await call.say(known[name] if bare else f"{name}={known[name]}")
    return 0


async def _status(call: Call) -> int:
    unit = call.machine.nginx
    facts = _properties(unit)
    await call.say("nginx.service - the web server of this host")
    await call.say("     Loaded: loaded (/lib/systemd/system/nginx.service; enabled)")
    await call.say(f"     Active: {facts['ActiveState']} ({facts['SubState']}) since {facts['ExecMainStartTimestamp']}")
    if unit.pid:
        await call.say(f"   Main PID: {unit.pid} (nginx)")
    return 0 if unit.pid else 3


async def _act(call: Call, verb: str) -> int:
    unit = call.machine.nginx
    match verb:
        case "reload":
            said = await unit.reload()
        case "restart":
            await unit.stop()
            said = await unit.start()
        case "start":
            said = await unit.start()
        case "stop":
            await unit.stop()
            return 0
        case _:
            return await call.complain(f"Unknown command verb '{verb}'.")
    if said.exit:
        await call.err(b"Job for nginx.service failed.\n" + said.err)
    return 1 if said.exit else 0


async def _unknown(call: Call, verb: str, unit: str) -> int:
    if verb == "status":
        await call.err(f"Unit {unit}.service could not be found.\n".encode())
        return 4
    await call.err(f"Failed to {verb} {unit}.service: Unit {unit}.service not found.\n".encode())
    return 5


def _properties(unit: Nginx) -> Mapping[str, str]:
    since = unit.started
    return {
        "Id": "nginx.service",
        "LoadState": "loaded",
        "ActiveState": "active" if unit.pid else unit.state if unit.state != "active" else "failed",
        "SubState": "running" if unit.pid else "failed" if unit.state == "failed" else "dead",
        "MainPID": str(unit.pid),
        "ExecMainStartTimestamp": f"{since.astimezone(UTC):%a %Y-%m-%d %H:%M:%S} UTC" if since else "",
        "NRestarts": "0",
        "UnitFileState": "enabled",
        "Result": "exit-code" if unit.state == "failed" else "success",
    }


def _absent(unit: str) -> Mapping[str, str]:
    return {
        "Id": f"{unit}.service",
        "LoadState": "not-found",
        "ActiveState": "inactive",
        "SubState": "dead",
        "MainPID": "0",
        "ExecMainStartTimestamp": "",
        "NRestarts": "0",
        "UnitFileState": "",
        "Result": "success",
    }


def _parsed(argv: Sequence[str]) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Properties asked for, plain words, other options."""
    properties: list[str] = []
    words: list[str] = []
    flags: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word in ("-p", "--property") and rest:
            properties += rest.pop(0).split(",")
        elif word.startswith("--property="):
            properties += word.partition("=")[2].split(",")
        elif word.startswith("-"):
            flags.append(word)
        else:
            words.append(word)
    return properties, words, flags
