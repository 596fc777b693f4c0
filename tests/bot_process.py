"""The bot as it runs in production: a process with an environment of its own, to be killed or stopped."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from bot.lab.workspace import BOT_TOKEN, SIGNING_SECRET, Workspace

ROOT = Path(__file__).parents[1]
SECRET = "webhook-secret"
READY = 30.0


class BotProcess:
    """One bot, started as often as needed, always at the same address."""

    def __init__(self, folder: Path, *, workspace: Workspace, database_url: str, home: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"bot-{self.port}.log"
        self.postmortems = folder / "postmortems"
        self.starts = 0
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self.environ: Mapping[str, str] = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_API_URL": workspace.api_url,
            "DATADOG_WEBHOOK_SECRET": SECRET,
            "DATABASE_URL": database_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "MUSTER_HOME": str(home),
            "MUSTER_POSTMORTEMS": str(self.postmortems),
            "LOG_FORMAT": "console",
        }

    @property
    def pid(self) -> int:
        """The process's id; 0 while none runs."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def start(self, kill: str = "") -> None:
        """Start it and wait until it listens, or until it has died at the point `kill` (see tests.kill_switch)."""
        program = ["-m", "tests.kill_switch", "serve"] if kill else ["-m", "bot", "serve"]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, *program, env={**self.environ, "KILL": kill}, cwd=self._folder, stdout=log, stderr=log
            )
        self.starts += 1
        async with asyncio.timeout(READY), aiohttp.ClientSession() as session:
            while self._process.returncode is None and not await self._listens(session):  # noqa: ASYNC110
                await asyncio.sleep(0.03)

    async def _listens(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/healthz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    def kill(self) -> None:
        """SIGKILL, at once."""
        if self._process and self._process.returncode is None:
            self._process.kill()

    async def dead(self, within: float = 60.0) -> None:
        """Wait until it was killed. Raises AssertionError when it ended in another way."""
        assert self._process is not None
        async with asyncio.timeout(within):
            code = await self._process.wait()
        assert code == -9, f"it ended with {code}: {self.said()}"

    async def stop(self) -> int:
        """Ask it to stop; its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
            async with asyncio.timeout(30):
                await self._process.wait()
        return self._process.returncode or 0

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-6000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
