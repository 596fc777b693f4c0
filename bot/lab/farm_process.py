"""The farm's own process: `python -m bot.lab.farm_process`, started by farm.py, spoken to in JSON lines.

Started by root it loads all that it will ever need, logs in to itself once, and then becomes an unprivileged
account for good; afterwards it starts two programs only, the copied nginx and git. It ends with its parent.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncssh

from bot.lab import farm_block, farm_config, farm_haproxy, farm_host
from bot.lab.farm_haproxy import FarmHaproxy
from bot.lab.farm_host import FarmHost
from bot.lab.host import USER, Mode
from bot.ports import NotAllowed

Message = dict[str, Any]


class FarmProcess:
    """The hosts of one farm, and the requests that change them."""

    def __init__(self, order: Message) -> None:
        self._order = order
        self._folder = Path(order["folder"])
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._hosts: dict[str, FarmHost] = {}
        self._balancer = ""
        self._haproxy = ""

    async def start(self) -> Message:
        """Take addresses, become unprivileged, start every host; the answer describes the farm."""
        block = farm_block.take(self._order["servers"], seed=self._order["seed"])
        tools = {"git": self._order["git"], "nginx": os.fspath(self._folder / "bin/nginx")}
        tools["key"] = self._key.export_private_key().decode()
        self._build(block, tools)
        if self._order["account"]:
            await self._rehearse(block, tools)
            _give(self._folder, *self._order["account"])
            _become(*self._order["account"])
        async with asyncio.TaskGroup() as starting:
            for host in self._hosts.values():
                starting.create_task(host.provision())
        return self._description()

    async def answer(self, request: Message) -> Message:
        """One request, one reply."""
        if request["do"] == "reset":
            await self._reset()
            return {}
        host, act = self._hosts[request["host"]], ACTS[request["do"]]
        return await act(host, request) or {}

    async def stop(self) -> None:
        """End every host; a folder that was made for this run alone goes too."""
        await asyncio.gather(*(host.close() for host in self._hosts.values()))
        if self._order["temporary"]:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _build(self, block: farm_block.Block, tools: Mapping[str, str]) -> None:
        names = [f"web-{n:02}" for n in range(1, self._order["servers"] + 1)]
        addresses = {name: block.web(n) for n, name in enumerate(names, start=1)}
        servers = [(address, block.web_port) for address in addresses.values()]
        plan = {n: (a, block.web_port, farm_config.web_files(n, a, block.web_port)) for n, a in addresses.items()}
        files = farm_config.balancer_files(block.balancer, block.balancer_port, servers)
        plan["lb-01"] = (block.balancer, block.balancer_port, files)
        for name, (address, port, own) in plan.items():
            self._hosts[name] = farm_host.build(
                self._folder,
                name=name,
                address=address,
                port=port,
                ssh_port=block.ssh_port,
                files=own,
                tools=tools,
                kind=FarmHost,
            )
        self._balancer = "lb-01"
        if self._order["haproxy"]:
            self._build_haproxy(block, tools, [(n, a, block.web_port) for n, a in addresses.items()])

    def _build_haproxy(
        self, block: farm_block.Block, tools: Mapping[str, str], servers: Sequence[tuple[str, str, int]]
    ) -> None:
        self._haproxy = "lb-02"
        made = farm_host.build(
            self._folder,
            name=self._haproxy,
            address=block.haproxy,
            port=block.balancer_port,
            ssh_port=block.ssh_port,
            files=farm_haproxy.files(block.haproxy, block.balancer_port, servers),
            tools=tools,
            kind=FarmHaproxy,
        )
        made.binary = self._folder / "bin/haproxy/haproxy"
        self._hosts[self._haproxy] = made

    async def _rehearse(self, block: farm_block.Block, tools: Mapping[str, str]) -> None:
        """One login to ourselves: whatever Python loads late, it loads now, while we may still read it."""
        folder = self._folder / "rehearsal"
        folder.mkdir()
        ours = farm_host.build(
            folder,
            name="self",
            address=f"{block.prefix}.2",
            port=1,
            ssh_port=block.ssh_port,
            files={},
            tools=tools,
            kind=FarmHost,
        )
        await ours.ssh.open()
        try:
            known = asyncssh.import_known_hosts(ours.ssh.known_host)
            async with asyncssh.connect(
                ours.machine.address,
                block.ssh_port,
                username=USER,
                client_keys=[self._key],
                known_hosts=known,
                config=None,
                agent_path=None,
            ) as connection:
                await connection.run("timeout 5 df -P /nowhere", encoding=None)
                async with connection.start_sftp_client() as files:
                    await files.listdir("/")
        finally:
            ours.ssh.close()
        shutil.rmtree(folder)

    async def _reset(self) -> None:
        webs = [host for name, host in self._hosts.items() if name != self._balancer]
        async with asyncio.TaskGroup() as resetting:
            for host in webs:
                resetting.create_task(host.reset())
        await self._hosts[self._balancer].reset()  # last: it forgets which servers failed

    def _description(self) -> Message:
        hosts = [
            {"name": n, "address": h.machine.address, "port": h.port, "ssh_port": h.machine.ssh_port}
            for n, h in self._hosts.items()
        ]
        known = [h.ssh.known_host for h in self._hosts.values()]
        key = self._key.export_private_key().decode()
        roots = {n: os.fspath(h.machine.root.folder) for n, h in self._hosts.items()}
        return {"hosts": hosts, "balancer": self._balancer, "haproxy": self._haproxy} | {
            "known_hosts": known,
            "key": key,
            "roots": roots,
        }


async def _move_port(host: FarmHost, asked: Message) -> None:
    await host.move_port(asked["port"], commit=asked["commit"], reload=asked["reload"])


async def _replace(host: FarmHost, asked: Message) -> None:
    await host.replace(asked["path"], asked["old"], asked["new"], reload=asked["reload"])


async def _ssh(host: FarmHost, asked: Message) -> None:
    await host.ssh.behave(mode=Mode(asked["mode"]), delay_ms=asked["delay_ms"])
    host.machine.missing = frozenset(asked["missing"])


async def _freeze(host: FarmHost, _: Message) -> None:
    host.machine.nginx.freeze()


async def _thaw(host: FarmHost, _: Message) -> None:
    host.machine.nginx.thaw()


async def _fill_disk(host: FarmHost, asked: Message) -> None:
    host.machine.disk_used = asked["bytes"]


async def _look(host: FarmHost, _: Message) -> Message:
    nginx = host.machine.nginx
    return {"pid": nginx.pid, "state": nginx.state, "workers": sorted(nginx.workers())}


ACTS: Mapping[str, Callable[[FarmHost, Message], Awaitable[Message | None]]] = {
    "move-port": _move_port,
    "replace": _replace,
    "ssh": _ssh,
    "freeze": _freeze,
    "thaw": _thaw,
    "fill-disk": _fill_disk,
    "look": _look,
    "start": lambda host, _: host.start(),
    "stop": lambda host, _: host.machine.nginx.stop(),
    "restart": lambda host, _: host.restart(),
    "drop-packets": lambda host, _: host.drop_packets(),
}


def prepare(order: Message) -> None:
    """Copy the programs to where every account can read it."""
    folder = Path(order["folder"])
    (folder / "bin").mkdir()
    shutil.copyfile(order["nginx"], folder / "bin/nginx")
    (folder / "bin/nginx").chmod(0o755)
    if order["haproxy"]:
        shutil.copytree(order["haproxy"], folder / "bin/haproxy")  # with the libraries beside it


async def converse(farm: FarmProcess) -> None:
    """Answer requests until the parent asks us to stop, closes the pipe, or is gone."""
    loop = asyncio.get_running_loop()
    requests = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    loop.add_signal_handler(signal.SIGTERM, requests.feed_eof)
    watch = asyncio.create_task(_parent_gone(os.getppid(), requests))
    try:
        _send({"id": 0, "ok": await farm.start()})
        while line := await requests.readline():
            request = json.loads(line)
            if request["do"] == "end":
                return
            _send({"id": request["id"]} | await _reply(farm, request))
    finally:
        watch.cancel()
        await farm.stop()


async def _reply(farm: FarmProcess, request: Message) -> Message:
    try:
        return {"ok": await farm.answer(request)}
    except NotAllowed as e:
        return {"refused": str(e)}
    except OSError as e:
        return {"failed": str(e)}


async def _parent_gone(parent: int, requests: asyncio.StreamReader) -> None:
    """The pipe tells us first; but a process that the parent forked may hold its other end open."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing else says that we were adopted
        await asyncio.sleep(0.5)
    requests.feed_eof()


def _give(folder: Path, uid: int, gid: int) -> None:
    """The folder and what is directly in it; the copied program itself stays as it is."""
    for path in (folder, *folder.iterdir()):
        os.chown(path, uid, gid)


def _become(uid: int, gid: int) -> None:
    os.umask(0o022)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _send(message: Message) -> None:
    # A parent that is gone reads nothing; then the end of its pipe stops us.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Read the order from the first line, then serve."""
    order: Message = json.loads(sys.stdin.buffer.readline())
    prepare(order)
    os.chdir(order["folder"])
    asyncio.run(converse(FarmProcess(order)))


if __name__ == "__main__":
    main()
