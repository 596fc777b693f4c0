"""The stage of the demo: the farm with its load, the monitor, the chat and the bot, all inside one folder.

The bot is the process that it is in production. Its environment is written here from nothing, so that no token,
no `.env` and no setting of the caller can reach it.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import random
import re
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from bot.lab.datadog import Datadog
from bot.lab.farm import Farm
from bot.lab.load import Load
from bot.lab.narrator import Narrator
from bot.lab.workspace import BOT_TOKEN, SIGNING_SECRET, Workspace
from bot.ports import GaveUp, NotAllowed

READY = 30.0
BOT_ENDS = 25.0
ENDED = ".ended"
KEPT = 3
"""So many runs stay in the folder; older ones that have ended make room."""
ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = ROOT / "runbooks" / "web-out-of-rotation.yaml"
SERVING = re.compile(r"\bserving\b.*\bport=(\d+)")
PR_SET_PDEATHSIG = 1
Seen = TypeVar("Seen")
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Everything that runs. `measured` is what `run.json` holds."""

    folder: Path
    farm: Farm
    load: Load
    datadog: Datadog
    workspace: Workspace
    bot: asyncio.subprocess.Process
    narrator: Narrator
    chance: random.Random
    speed: float
    measured: dict[str, Any] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """The bot's log."""
        return self.folder / "bot.log"

    async def pause(self, seconds: float) -> None:
        """What a played human takes to read or type."""
        await asyncio.sleep(seconds / self.speed)

    def user(self, name: str) -> str:
        """The id of one of the cast."""
        return next(u.id for u in self.workspace.state.users.values() if u.name == name)

    async def wait_for(self, seen: Callable[[], Seen], *, what: str, within: float) -> Seen:
        """What `seen` answers once it is true. Raises GaveUp, which says what was waited for."""
        try:
            return await self.workspace.wait_for(seen, within)
        except TimeoutError:
            raise late(what, within, self.log) from None

    def measure(self, **found: Any) -> None:
        """Write down what this run showed, whole or not at all."""
        self.measured.update(found)
        fresh = self.folder / "run.json.new"
        fresh.write_text(json.dumps(self.measured, indent=2) + "\n", "utf-8")
        fresh.replace(self.folder / "run.json")


def late(what: str, within: float, log: Path) -> GaveUp:
    """Waited in vain."""
    return GaveUp(f"Waited {within:g} s for {what}, in vain.", reason="timeout", fix=f"The bot's log is {log}.")


def new_folder(out: Path) -> Path:
    """A fresh folder for this run. Raises NotAllowed where none can be made."""
    try:
        return _new_folder(out)
    except OSError as error:
        told = f"The demo cannot write into {out}: {error.strerror}."
        raise NotAllowed(f"{told} Choose another folder: muster demo --out DIR") from None


def _new_folder(out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = out.resolve() / f"run-{stamp}-{secrets.token_hex(2)}"
    folder.mkdir()
    ended = sorted(mark.parent for mark in out.resolve().glob(f"run-*/{ENDED}"))
    for old in ended[: 1 - KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def mark_ended(folder: Path) -> None:
    """A later run may remove it."""
    with suppress(OSError):  # removed by hand, or the disk is full: then it stays
        (folder / ENDED).touch()


@asynccontextmanager
async def lab(folder: Path, narrator: Narrator, *, seed: int, speed: float) -> AsyncIterator[Lab]:
    """Start all parts and stop them in reverse order. Raises GaveUp for a part that does not start."""
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(await Workspace.start(cast=True))
        narrator.say(f"The chat, live: {workspace.url}", "bold")
        narrator.say(f"Starting a balancer, two web servers, a monitor and the bot in {folder} …")
        farm = await stack.enter_async_context(await Farm.start(folder / "farm", servers=2, seed=seed))
        _write_home(farm, folder)
        secret = secrets.token_urlsafe(16)
        datadog = await stack.enter_async_context(Datadog(hosts=farm.webs, secret=secret))
        environ = _environment(folder, workspace=workspace, datadog=datadog, secret=secret)
        bot = await stack.enter_async_context(_bot(folder, environ))
        address = await _ready(bot, folder / "bot.log")
        workspace.request_url, datadog.webhook = f"{address}/slack/events", f"{address}/datadog/webhook"
        load = await stack.enter_async_context(Load(farm.url))
        started = Lab(
            folder=folder,
            farm=farm,
            load=load,
            datadog=datadog,
            workspace=workspace,
            bot=bot,
            narrator=narrator,
            chance=random.Random(seed),  # noqa: S311 - a story that can be repeated, no secret
            speed=speed,
        )
        started.measure(seed=seed, page=workspace.url, balancer=farm.url, bot=address)
        yield started


def _write_home(farm: Farm, folder: Path) -> None:
    home = farm.write_home(folder / "home")
    shutil.copy(Path(__file__).with_name("policy.yaml"), home / "policy.yaml")
    shutil.copy(RUNBOOK, home)


def _environment(folder: Path, *, workspace: Workspace, datadog: Datadog, secret: str) -> Mapping[str, str]:
    """The bot's whole environment. Its paths are relative to its working directory, whatever that is called."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join(os.path.abspath(place) for place in sys.path),
        "LC_ALL": "C.UTF-8",
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": workspace.api_url,
        "DD_API_KEY": "lab",
        "DD_APP_KEY": "lab",
        "DD_API_URL": datadog.url,
        "DATADOG_WEBHOOK_SECRET": secret,
        "DATABASE_URL": "sqlite:///muster.db",
        "HOST": "127.0.0.1",
        "PORT": "0",
        "MUSTER_HOME": "home",
        "MUSTER_POSTMORTEMS": "postmortems",
        "LOG_FORMAT": "console",
    }


@asynccontextmanager
async def _bot(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot in a session of its own, so that Ctrl-C reaches only us and we end it in order."""
    with (folder / "bot.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "bot", "serve"),
            env=environ,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    try:
        yield process
    finally:
        await _end(process)


def _end_with_parent() -> None:
    """Linux ends the bot when the demo is killed and can end nothing itself."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(BOT_ENDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _ready(bot: asyncio.subprocess.Process, log: Path) -> str:
    """The bot's address, once it hears and speaks; it takes a free port itself and says which."""
    deadline = time.monotonic() + READY
    async with aiohttp.ClientSession(trust_env=False) as session:
        while time.monotonic() < deadline:
            if bot.returncode is not None:
                raise ended(bot, log)
            if (address := _address(log)) and await _answers(session, f"{address}/readyz"):
                return address
            await asyncio.sleep(0.05)
    raise late("the bot to start", READY, log)


def _address(log: Path) -> str:
    said = SERVING.search(log.read_text("utf-8", "replace"))
    return f"http://127.0.0.1:{said[1]}" if said else ""


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    with suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=2)) as answer:
            return answer.status == 200
    return False


def ended(bot: asyncio.subprocess.Process, log: Path) -> GaveUp:
    """The bot ended by itself, which it never should."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    last = lines[-1].rstrip(".") if lines else "it said nothing"
    return GaveUp(f"The bot ended with exit code {bot.returncode}: {last}.", fix=f"Its whole log is {log}.")
