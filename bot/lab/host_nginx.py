"""The nginx of one lab host: its process, and the gate that its configuration must pass before nginx reads it."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.lab.host_gate import Gate

_PRCTL = ctypes.CDLL(None).prctl
_SET_DEATH_SIGNAL = 1


def dies_with_us(number: signal.Signals) -> Callable[[], None]:
    """For a new process, between fork and exec: the signal it gets when its parent ends in any way."""

    def arrange() -> None:
        _PRCTL(_SET_DEATH_SIGNAL, int(number))

    return arrange


@dataclass(frozen=True, kw_only=True)
class Said:
    """How a program ended and what it wrote."""

    exit: int
    out: bytes = b""
    err: bytes = b""


async def execute(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], within: float = 10) -> Said:
    """Run one program to its end, without input. It is killed after `within` seconds, or when we are cancelled."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        process_group=0,
        preexec_fn=dies_with_us(signal.SIGKILL),
    )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate()
    except TimeoutError:
        return Said(exit=124, err=b"took too long\n")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    code = process.returncode or 0
    return Said(exit=code if code >= 0 else 128 - code, out=out, err=err)


async def serve(argv: Sequence[str], *, cwd: Path, death: signal.Signals) -> asyncio.subprocess.Process:
    """Start a server that goes on by itself, in a process group of its own; `death` is what it gets when we end."""
    return await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env={},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        process_group=0,
        preexec_fn=dies_with_us(death),
    )


class Nginx:
    """Starts, reloads, freezes and stops one nginx: the process that it started, never one named by a pid file."""

    def __init__(self, binary: Path, gate: Gate) -> None:
        self._binary = binary
        self._gate = gate
        self._folder = gate.root.folder
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._asked_to_stop = False
        self.state = "inactive"
        self.started: datetime | None = None

    @property
    def pid(self) -> int:
        """The process id of the master, 0 when it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def ask(self, *options: str) -> Said:
        """`nginx -t`, `-T` or `-v`; -t and -T only with a configuration that passes the gate."""
        if "-v" not in options:
            refused = self._gate.refusal()
            if refused:
                last = "nginx: configuration file /etc/nginx/nginx.conf test failed"
                return Said(exit=1, err=f"nginx: [emerg] {refused}\n{last}\n".encode())
        said = await execute([*self._argv, *options], cwd=self._folder, env={})
        hide = self._gate.root.hide
        return Said(exit=said.exit, out=hide(said.out), err=hide(said.err))

    async def start(self) -> Said:
        """Start it unless it runs, and wait until it listens. A refused configuration or port is exit 1."""
        if self.pid:
            return Said(exit=0)
        tested = await self.ask("-t")
        if tested.exit:
            self.state = "failed"
            return tested
        async with self._starting() as process:
            if await self._listens(process):
                self.state = "active"
                return Said(exit=0)
        self.state = "failed"
        return Said(exit=1, err=b"nginx: still could not bind()\n")

    async def reload(self) -> Said:
        """Test the files, then ask the master to read them again; like the real one it does not wait for that."""
        if not self.pid:
            return Said(exit=1, err=b"nginx.service is not active, cannot reload.\n")
        tested = await self.ask("-t")
        if tested.exit == 0:
            self._signal(signal.SIGHUP)
            return Said(exit=0)
        self._log(tested.err)
        return tested

    async def stop(self) -> None:
        """End master and workers, also frozen ones."""
        self._asked_to_stop = True
        self._signal_all(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        if self._watch:
            _, late = await asyncio.wait({self._watch}, timeout=2)
            if late:
                self._signal_all(signal.SIGKILL)
                await self._watch

    def freeze(self) -> None:
        """Connections are still accepted by the kernel, nothing is answered."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """The end of `freeze`."""
        self._signal_all(signal.SIGCONT)

    def workers(self) -> frozenset[int]:
        """The process ids of the workers that take new connections."""
        master = self.pid
        children = (pid for pid, parent in _parents() if parent == master) if master else ()
        return frozenset(pid for pid in children if b"shutting down" not in _title(pid))

    @property
    def _argv(self) -> Sequence[str]:
        return [os.fspath(self._binary), "-p", f"{self._folder}/", "-c", "etc/nginx/nginx.conf"]

    @contextlib.asynccontextmanager
    async def _starting(self) -> AsyncIterator[asyncio.subprocess.Process]:
        # Its own process group inside our session: freeze and stop reach the workers too; and when we are killed
        # while it is frozen, the kernel wakes the orphaned group, which then meets its death signal.
        (self._folder / "run/nginx.pid").unlink(missing_ok=True)
        process = await serve([*self._argv, "-g", "daemon off;"], cwd=self._folder, death=signal.SIGTERM)
        self._process, self._asked_to_stop = process, False
        self.started = datetime.now(UTC)
        self._watch = asyncio.create_task(self._ended(process))
        yield process

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # workers outlive a master that was killed
        self.state = "inactive" if self._asked_to_stop or code == 0 else "failed"

    async def _listens(self, process: asyncio.subprocess.Process) -> bool:
        """nginx writes its pid file once its sockets are bound; it gives up on a taken port after 2.5 s."""
        pid_file = self._folder / "run/nginx.pid"
        for _ in range(800):
            if process.returncode is not None:
                return False
            if pid_file.exists() and pid_file.read_text().strip() == str(process.pid):
                return True
            await asyncio.sleep(0.005)
        return False

    def _signal(self, number: signal.Signals) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _signal_all(self, number: signal.Signals) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _log(self, text: bytes) -> None:
        with contextlib.suppress(OSError), (self._folder / "var/log/nginx/error.log").open("ab") as log:
            log.write(text)


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                yield int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1])


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b"shutting down"
