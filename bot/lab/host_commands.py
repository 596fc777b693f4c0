"""The programs of a lab host. No shell, no program of the machine: each is a few lines that look below the root.

`git` and `nginx` are the two real programs; host_git.py and host_gate.py say what they may be asked.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.lab import host_git, host_look, host_proc
from bot.lab.host_call import Call, Program, chunks
from bot.lab.host_nginx import execute
from bot.lab.host_systemctl import systemctl

SHOW_STAT = "EXEC:echo show stat!!STDOUT"


async def run(call: Call) -> int:
    """Find the program in this host's own table and run it; 127 when there is none."""
    word = call.argv[0] if call.argv else ""
    folder, _, name = word.rpartition("/")
    known = not folder or folder in ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
    program = PROGRAMS.get(name) if known and name not in call.machine.missing else None
    if program is None:
        await call.err(f"{word}: command not found\n".encode())
        return 127
    inner = Call(machine=call.machine, argv=[name, *call.argv[1:]], out=call.out, err=call.err)
    try:
        return await program(inner)
    except OSError as e:
        return await inner.complain(f"{e.filename or ''}: {e.strerror}")


async def timeout(call: Call) -> int:
    """timeout [-k SECONDS] [-s SIGNAL] SECONDS PROGRAM…"""
    words = list(call.argv[1:])
    while len(words) > 1 and words[0] in ("-k", "-s", "--kill-after", "--signal"):
        words = words[2:]
    try:
        seconds = float(words[0].removesuffix("s"))
    except (IndexError, ValueError):
        return await call.complain("invalid time interval", 125)
    try:
        async with asyncio.timeout(seconds or None):
            return await run(_inner(call, words[1:]))
    except TimeoutError:
        return 124


async def sudo(call: Call) -> int:
    """sudo -n PROGRAM…"""
    words = list(call.argv[1:])
    if not words or words[0] not in ("-n", "--non-interactive"):
        return await call.complain("a terminal is required to read the password")
    words = words[2:] if words[1:2] == ["--"] else words[1:]
    if not words or words[0].startswith("-"):
        return await call.complain("a password is required")
    return await run(_inner(call, words))


async def ss(call: Call) -> int:
    """ss -[H]ltn[p]: the listening sockets on this host's own address"""
    flags, _ = host_look.flags_of(call, "Hltnpuea")
    if "H" not in flags:
        await call.say("State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process")
    machine = call.machine
    for port in host_proc.listening(machine.address):
        owner = ("sshd", os.getpid()) if port == machine.ssh_port else ("nginx", machine.nginx.pid)
        process = f' users:(("{owner[0]}",pid={owner[1]},fd=6))' if "p" in flags else ""
        await call.say(f"LISTEN 0      511    {machine.address}:{port}      0.0.0.0:*{process}")
    return 0


async def git(call: Call) -> int:
    """git, its reading plumbing"""
    machine = call.machine
    try:
        made = host_git.translate(call.argv[1:], machine.root)
    except host_git.Refused as e:
        await call.err(f"fatal: {e}\n".encode())
        return 128
    said = await execute([machine.git, *made.argv], cwd=made.cwd, env=made.env)
    await chunks(call.out, machine.root.hide(said.out) if _names_paths(call.argv) else said.out)
    await call.err(machine.root.hide(said.err))
    return said.exit


async def nginx(call: Call) -> int:
    """nginx -t | -T | -v | -s reload|stop|quit"""
    unit = call.machine.nginx
    match list(call.argv[1:]):
        case ["-t" | "-T" | "-v" as option]:
            said = await unit.ask(option)
        case ["-t", "-q"] | ["-q", "-t"]:
            said = await unit.ask("-t", "-q")
        case ["-s", "reload"]:
            said = await unit.reload()
        case ["-s", "stop" | "quit"]:
            await unit.stop()
            return 0
        case _:
            return await call.complain("this host's nginx knows -t, -T, -v and -s reload|stop|quit")
    await chunks(call.out, said.out)
    await call.err(said.err)
    return said.exit


async def socat(call: Call) -> int:
    """socat 'EXEC:echo show stat!!STDOUT' UNIX-CONNECT:PATH: what HAProxy says, and nothing else"""
    if len(call.argv) != 3 or call.argv[1] != SHOW_STAT or not call.argv[2].startswith("UNIX-CONNECT:/"):
        return await call.complain("this host's socat asks HAProxy's socket for its statistics only")
    path = call.machine.root.real(call.argv[2].removeprefix("UNIX-CONNECT:"))
    reader, writer = await asyncio.open_unix_connection(short(path))
    try:
        writer.write(b"show stat\n")
        await chunks(call.out, await reader.read())
    finally:
        writer.close()
    return 0


async def nproc(call: Call) -> int:
    """The number of processors."""
    await call.say(str(os.cpu_count() or 1))
    return 0


def short(path: Path) -> str:
    """The same path from where we are: the whole path of a socket may be longer than the kernel takes."""
    return os.path.relpath(path)


async def uptime(call: Call) -> int:
    """How long this host has been up."""
    minutes = int((datetime.now(UTC) - call.machine.booted).total_seconds() // 60)
    await call.say(f" {datetime.now(UTC):%H:%M:%S} up {minutes} min,  0 users,  load average: 0.00, 0.00, 0.00")
    return 0


async def echo(call: Call) -> int:
    """echo WORD…"""
    await call.say(" ".join(call.argv[1:]))
    return 0


async def hostname(call: Call) -> int:
    """The host's own name."""
    await call.say(call.machine.name)
    return 0


async def date(call: Call) -> int:
    """date [+%s]: the clock of this machine, in seconds"""
    await call.say(str(int(datetime.now(UTC).timestamp())))
    return 0


async def true(call: Call) -> int:  # noqa: ARG001 - every program takes its call
    """Nothing, well done."""
    return 0


async def sleep(call: Call) -> int:
    """sleep SECONDS, at most a minute"""
    await asyncio.sleep(min(60.0, float(call.argv[1])))
    return 0


def _inner(call: Call, argv: Sequence[str]) -> Call:
    return Call(machine=call.machine, argv=argv, out=call.out, err=call.err)


def _names_paths(argv: Sequence[str]) -> bool:
    return "rev-parse" in argv or "ls-tree" in argv


PROGRAMS: Mapping[str, Program] = {
    **{
        p.__name__: p
        for p in (timeout, sudo, ss, git, nginx, systemctl, socat, nproc, uptime, date, echo, hostname, true, sleep)
    },
    **{p.__name__: p for p in (host_look.cat, host_look.tail, host_look.head, host_look.ls, host_look.find)},
    "df": host_look.df,
    "du": host_look.du,
    "stat": host_look.stat_,
}
"""The PATH of every lab host."""
