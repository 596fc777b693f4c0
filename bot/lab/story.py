"""The demo: the lab and the bot, and an incident that really happens, with people who play or who watch.

What is printed here was measured in this run; nothing is written into the story beforehand.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from bot.lab.datadog import Datadog
from bot.lab.farm import Farm
from bot.lab.load import Load
from bot.lab.workspace import BOT_TOKEN, SIGNING_SECRET, Workspace
from bot.ports import GaveUp, NotAllowed

SEED_MINUTES = 43  # from the alert at 10:30 to the cause at 11:13 in the report that this replays
QUIET = 30.0
READY = 30.0
PROVED = "proved"
ENDED = ".ended"
KEPT = 3
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Everything that runs: the farm with its load, the monitor, the chat, the bot."""

    folder: Path
    farm: Farm
    load: Load
    datadog: Datadog
    workspace: Workspace
    bot: asyncio.subprocess.Process
    chance: random.Random
    speed: float

    async def pause(self, seconds: float) -> None:
        """What a played human takes to read or type."""
        await asyncio.sleep(seconds / self.speed)

    def user(self, name: str) -> str:
        """The id of one of the cast."""
        return next(u.id for u in self.workspace.state.users.values() if u.name == name)


async def play(*, story: str, out: Path, auto: bool, seed: int | None, speed: float) -> int:
    """Play a story; the exit code. Raises NotAllowed or GaveUp for what is missing on this machine."""
    if story not in STORIES:
        raise NotAllowed(f"There is no story {story!r}; there is {', '.join(STORIES)}.")
    if sys.platform != "linux":
        raise NotAllowed("The demo needs Linux: its servers have loopback addresses of their own (127.x.y.z).")
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    folder = _folder(out)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)  # type: ignore[union-attr]  # inside a task
    try:
        async with lab(folder, seed=seed, speed=speed) as running:
            return await STORIES[story](running, auto)
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("Stopped; everything that was started has ended.", flush=True)
        return 1
    finally:
        (folder / ENDED).touch()


def _folder(out: Path) -> Path:
    """A fresh folder for this run; older runs that have ended make room, all but the last few."""
    out.mkdir(parents=True, exist_ok=True)
    ended = sorted(f.parent for f in out.glob(f"run-*/{ENDED}"))
    for old in ended[: -(KEPT - 1)]:
        shutil.rmtree(old, ignore_errors=True)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = out.resolve() / f"run-{stamp}-{secrets.token_hex(2)}"
    folder.mkdir()
    return folder


@asynccontextmanager
async def lab(folder: Path, *, seed: int, speed: float) -> AsyncIterator[Lab]:
    """Start all parts, the bot as the process that it is in production, and stop them in reverse order."""
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(await Workspace.start(cast=True))
        print(f"The chat, live: {workspace.url}", flush=True)
        farm = await stack.enter_async_context(await Farm.start(folder / "farm", servers=2, seed=seed))
        home = farm.write_home(folder / "home")
        shutil.copy(ROOT / "bot" / "lab" / "policy.yaml", home / "policy.yaml")
        shutil.copy(ROOT / "runbooks" / "web-out-of-rotation.yaml", home)
        secret, port = secrets.token_urlsafe(16), _free_port()
        datadog = Datadog(hosts=farm.webs, webhook=f"http://127.0.0.1:{port}/datadog/webhook", secret=secret)
        await stack.enter_async_context(datadog)
        environ = _environment(folder, workspace=workspace, datadog=datadog, secret=secret, port=port)
        bot = await stack.enter_async_context(_bot(folder, environ))
        workspace.request_url = f"http://127.0.0.1:{port}/slack/events"
        await _ready(bot, port, folder)
        load = await stack.enter_async_context(Load(farm.url))
        print(f"Seed of this run: {seed}. The bot's log: {folder / 'bot.log'}", flush=True)
        yield Lab(
            folder=folder,
            farm=farm,
            load=load,
            datadog=datadog,
            workspace=workspace,
            bot=bot,
            chance=random.Random(seed),  # noqa: S311 - a story that can be repeated, no secret
            speed=speed,
        )


def _environment(folder: Path, *, workspace: Workspace, datadog: Datadog, secret: str, port: int) -> Mapping[str, str]:
    """The bot's whole environment: nothing of the caller's, so that no real token can be reached."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": workspace.api_url,
        "DD_API_KEY": "lab",
        "DD_APP_KEY": "lab",
        "DD_API_URL": datadog.url,
        "DATADOG_WEBHOOK_SECRET": secret,
        "DATABASE_URL": f"sqlite:///{folder / 'muster.db'}",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MUSTER_HOME": str(folder / "home"),
        "MUSTER_POSTMORTEMS": str(folder / "postmortems"),
        "LOG_FORMAT": "console",
    }


@asynccontextmanager
async def _bot(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    with (folder / "bot.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve", env=environ, cwd=folder, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(25):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _ready(bot: asyncio.subprocess.Process, port: int, folder: Path) -> None:
    deadline = time.monotonic() + READY
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline and bot.returncode is None:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    lines = (folder / "bot.log").read_text("utf-8", "replace").splitlines()[-5:]
    raise GaveUp("The bot did not start: " + " / ".join(lines), fix=f"The whole log is {folder / 'bot.log'}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -------------------------------------------------------------------- the stories


async def quiet(lab: Lab, auto: bool) -> int:  # noqa: ARG001 - one shape for all stories
    """Nothing is broken: nothing may happen."""
    print(f"Nothing is broken. Watching for {QUIET:g} s …", flush=True)
    await asyncio.sleep(QUIET)
    alerts, channels = len(lab.datadog.deliveries), [c["name"] for c in lab.workspace.channels()]
    print(f"{alerts} alerts; channels: {', '.join(channels)}; {_speed(lab)}", flush=True)
    return 1 if alerts or any(name.startswith("inc-") for name in channels) else 0


async def seed(lab: Lab, auto: bool) -> int:
    """One of two web servers is moved to another port by an untested config change."""
    await asyncio.sleep(1)
    lab.load.forget()  # the first requests meet empty queues
    await asyncio.sleep(2)
    print(f"All is well: {_speed(lab)}.", flush=True)
    host = lab.chance.choice(lab.farm.webs).name
    port = lab.chance.choice([p for p in range(8081, 8100)])
    await lab.farm.move_port(host, port)
    lab.load.forget()
    print(f"Somebody changed the listen port of {host} to {port} and reloaded nginx. Nobody tested it.", flush=True)
    channel = await _incident_channel(lab)
    found = await _cause_shown(lab, channel)
    print(
        f"Alert received → cause on the card: {found:.2f} s. (The people of the original report took "
        f"{SEED_MINUTES} minutes.)",
        flush=True,
    )
    if auto:
        await _people(lab, channel)
    else:
        print(f"Your turn: open {lab.workspace.url}, choose a person of @oncall-web, press “Restore”.", flush=True)
        print("Then say /incident resolve and /incident close in the incident's channel.", flush=True)
    draft = await _draft(lab, within=60 if auto else None)
    served = await _both_serve(lab)
    print(f"Asked the balancer: {', '.join(f'{n} answered {c}×' for n, c in sorted(served.items()))}.", flush=True)
    print(f"The users now: {_speed(lab)}.", flush=True)
    healed = set(served) == {h.name for h in lab.farm.webs}
    if not auto:
        print(f"The draft: {draft}\nPress Ctrl-C to end the lab.", flush=True)
        await asyncio.Event().wait()
    print("" if healed else "One server is still out of rotation.", file=sys.stderr, flush=True)
    print(draft, flush=True)
    return 0 if healed else 1


STORIES: Mapping[str, Callable[[Lab, bool], Awaitable[int]]] = {"seed": seed, "quiet": quiet}


def _speed(lab: Lab) -> str:
    stats = lab.load.stats()
    return f"{stats.rate:.0f} requests/s, p50 {stats.p50_ms:.0f} ms, {stats.errors:.0%} errors"


async def _incident_channel(lab: Lab) -> str:
    def opened() -> str:
        return next((c["id"] for c in lab.workspace.channels() if c["name"].startswith("inc-")), "")

    return await lab.workspace.wait_for(opened, within=30)


async def _cause_shown(lab: Lab, channel: str) -> float:
    """Seconds from the post of the webhook to the card that shows the proved cause."""
    await lab.workspace.wait_for(lambda: PROVED in _card(lab, channel).get("text", "").lower(), within=30)
    received = next(at for at, transition, _ in lab.datadog.deliveries if transition == "Triggered")
    return time.monotonic() - received


def _card(lab: Lab, channel: str) -> dict[str, Any]:
    messages = lab.workspace.messages(channel)
    return messages[0] if messages else {}


def _button(lab: Lab, channel: str, action: str) -> bool:
    return any(
        element.get("action_id") == action
        for block in _card(lab, channel).get("blocks", [])
        if block.get("type") == "actions"
        for element in block.get("elements", [])
    )


async def _people(lab: Lab, channel: str) -> None:
    """The played humans: they acknowledge, approve, resolve, promise, close."""
    ana, ben = lab.user("ana"), lab.user("ben")
    await lab.pause(1)
    await _say(lab, ana, channel, "ack I am on it")
    await _say(lab, ana, channel, "lead")
    await lab.pause(1)
    await _say(lab, ben, channel, "impact about half of the capacity was gone, pages took twice as long for all users")
    await lab.workspace.wait_for(lambda: _button(lab, channel, "approve_repair"), within=15)
    await lab.pause(2)
    print(f"Meanwhile the users: {_speed(lab)}.", flush=True)
    print("ben presses “Restore”.", flush=True)
    pressed = time.monotonic()
    await lab.workspace.click(ben, channel, _card(lab, channel)["ts"], "approve_repair")
    await lab.workspace.wait_for(lambda: "verified" in _card(lab, channel).get("text", "").lower(), within=45)
    lab.load.forget()
    print(f"Restored and verified through the balancer {time.monotonic() - pressed:.1f} s later.", flush=True)
    await lab.pause(1)
    await _say(lab, ana, channel, "resolve both web servers answer again")
    await _say(lab, ana, channel, "action @ben by friday run the same checks on every server config before production")
    await lab.pause(1)
    await _say(lab, ana, channel, "close")


async def _say(lab: Lab, user: str, channel: str, words: str) -> None:
    reply = await lab.workspace.command(user, channel, f"/incident {words}")
    name = lab.workspace.state.users[user].name
    print(f"{name}: /incident {words}\n    → {reply}", flush=True)


async def _draft(lab: Lab, *, within: float | None) -> Path:
    """The postmortem, once it is on disk."""
    async with asyncio.timeout(within):
        while not (found := sorted((lab.folder / "postmortems").glob("*/postmortem.md"))):
            await asyncio.sleep(0.2)  # noqa: ASYNC110 - another process writes it
    return found[-1]


async def _both_serve(lab: Lab) -> Mapping[str, int]:
    """Who answers through the balancer; it may take its fail_timeout until it tries a server again."""
    wanted = {h.name for h in lab.farm.webs}
    deadline = time.monotonic() + 15
    while set(served := await lab.farm.served_by(20)) != wanted and time.monotonic() < deadline:
        await asyncio.sleep(0.5)  # noqa: ASYNC110 - only asking tells
    return served
