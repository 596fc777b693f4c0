"""HAProxy of the farm: a second balancer in front of the same web servers, on its own address, behind real SSH."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.lab import host_proc
from bot.lab.farm_host import FarmHost
from bot.lab.host import Mode
from bot.lab.host_nginx import serve

MAIN = "etc/haproxy/haproxy.cfg"
STARTS_WITHIN = 5.0

CONFIG = """\
global
  stats socket unix@run/haproxy/admin.sock mode 600 level user
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 5s
frontend site
  bind {address}:{port}
  default_backend shop
backend shop
  option httpchk GET /healthz
  http-check send hdr Host shop.test
  default-server check inter 200ms fall 2 rise 1
  http-response set-header X-Upstream %[srv_name]
{servers}
"""


def files(address: str, port: int, servers: Sequence[tuple[str, str, int]]) -> Mapping[str, str]:
    """The files of HAProxy in front of these servers (name, address, port), by path below its root."""
    lines = "\n".join(f"  server {name} {host}:{number}" for name, host, number in servers)
    return {MAIN: CONFIG.format(address=address, port=port, servers=lines)}


class FarmHaproxy(FarmHost):
    """As a web server of the farm, with HAProxy in the place of nginx. Its config is changed by the farm alone."""

    folders = ("etc/haproxy", "run/haproxy", "tmp", "home/muster")
    binary: Path
    _process: asyncio.subprocess.Process | None = None
    _text = ""

    async def edit(self, path: str, text: str, *, reload: bool) -> None:
        """Write a file; HAProxy reads it only when it is told to."""
        self._text = text if path == MAIN else self._text
        await super().edit(path, text, reload=reload)

    async def start(self) -> None:
        """Start it and wait until it listens. Raises OSError when it does not, or for a config not written here."""
        self._text = self._text or self._files[MAIN]
        if self._read(MAIN) != self._text:
            raise OSError(f"haproxy of {self.machine.name}: {MAIN} was changed by somebody else")
        argv = [os.fspath(self.binary), "-db", "-f", MAIN]
        process = self._process = await serve(argv, cwd=self._folder, death=signal.SIGKILL)
        async with asyncio.timeout(STARTS_WITHIN):
            while self.port not in host_proc.listening(self.machine.address):
                if process.returncode is not None:
                    raise OSError(f"haproxy of {self.machine.name} ended with exit {process.returncode}")
                await asyncio.sleep(0.01)

    async def reload(self) -> None:
        """A new process with the present config."""
        await self._stop()
        await self.start()

    async def reset(self) -> None:
        """Back to the first commit; a new process, so that it has forgotten what it saw."""
        await self.ssh.behave(mode=Mode.NORMAL, delay_ms=0)
        self.machine.missing, self.machine.disk_used = frozenset(), 0
        await self._to_first_commit()
        self._text = self._files[MAIN]
        await self.reload()

    async def close(self) -> None:
        """End HAProxy and SSH."""
        self.ssh.close()
        await self._stop()

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
