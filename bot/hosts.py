"""Reaching servers: one verified SSH connection a host, programs as argv, files over SFTP.

The only file that knows asyncssh. Host keys are always verified: nothing here can switch that off.
Every failure to ask is TryAgain or GaveUp with a short reason (unreachable, host-key, no-access, cut, timeout,
error); FileNotFoundError is the server's own answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import shlex
import stat as modes
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import TypeVar, cast

import asyncssh

from bot.checks import FileStat, Output
from bot.ports import GaveUp, TryAgain
from bot.runbook.inventory import Host, SshAccess

CAP = 262_144
"""The most bytes taken from one stream or file."""
SLOTS = 8
"""Programs at once on one connection; OpenSSH allows 10 sessions and SFTP takes one more."""
CONNECT, LOGIN, KEEPALIVE = 3, 5, 15
RETRIES = 3
CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"]
"""What OpenSSH offers by itself; the one that costs this library least comes first."""
FILE_LIMIT = 5.0
"""Seconds that one file operation may take."""

QUOTED = "\\\\ !x $HOME `id` 'a'\n\"b\" %s * ~;&|<>(){}[]#"
"""What every shell but a POSIX one changes on the way: fish its backslashes, csh the exclamation mark and the line."""

T = TypeVar("T")
Login = tuple[asyncssh.SSHKey, asyncssh.SSHKnownHosts]


class Ssh:
    """How we log in. One per process: it bounds the handshakes of all runs together.

    `key` is the path of a private key, or the key itself in PEM; by default the inventory's.
    """

    def __init__(
        self,
        access: SshAccess,
        *,
        key: str | None = None,
        known_hosts: Path | None = None,
        handshakes: int = 20,
    ) -> None:
        self.user = access.user
        self._key = key if key is not None else access.key
        self._known_hosts = known_hosts or Path(access.known_hosts)
        self._handshakes = asyncio.Semaphore(handshakes)
        self._examined: set[Host] = set()  # whose login shell is known to read our quotes

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[Connections]:
        """The connections of one run; all are closed at its end, also when it is cancelled."""
        run = Connections(self)
        try:
            yield run
        finally:
            await run.close()

    async def open(self, host: Host, login: asyncio.Future[Login]) -> SshSession:
        """Connect and log in, trying again when a busy sshd drops the handshake."""
        started = time.monotonic()
        for attempt in range(RETRIES):
            seen = _HostKey()
            try:
                connection = await self._connect(host, *await asyncio.shield(login), seen)
                return SshSession(host, connection, examined=self._examined)
            except (asyncssh.ConnectionLost, ConnectionResetError) as lost:
                if attempt == RETRIES - 1 or time.monotonic() - started > 1:
                    raise _unreachable(host, lost) from lost
            except (asyncssh.Error, OSError) as error:
                raise _translated(error, host, seen.fingerprint) from error
            await asyncio.sleep(random.uniform(0.05, 0.3) * (attempt + 1))  # noqa: S311 - jitter, no secret
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _connect(
        self, host: Host, key: asyncssh.SSHKey, known: asyncssh.SSHKnownHosts, seen: _HostKey
    ) -> asyncssh.SSHClientConnection:
        async with self._handshakes:
            return await asyncssh.connect(
                host.address,
                port=host.ssh_port,
                username=self.user,
                client_keys=[key],
                known_hosts=known,
                client_factory=lambda: seen,
                config=None,
                agent_path=None,
                preferred_auth="publickey",
                encryption_algs=CIPHERS,
                connect_timeout=CONNECT,
                login_timeout=LOGIN,
                keepalive_interval=KEEPALIVE,
            )

    def login(self) -> Login:
        """Our key and the host keys that are known, as the files are now."""
        # Read for each run: a key that was pinned a minute ago counts. An object and never a path,
        # because asyncssh takes an empty value for "use the login's own file".
        try:
            known = asyncssh.import_known_hosts(self._known_hosts.read_text())
        except (OSError, ValueError) as error:
            raise GaveUp(
                f"The file of known host keys cannot be read: {error}",
                reason="host-key",
                fix=f"Put the servers' host keys into {self._known_hosts} (ssh-keyscan, compared by hand).",
            ) from error
        try:
            if self._key.lstrip().startswith("-----BEGIN"):
                return asyncssh.import_private_key(self._key), known
            return asyncssh.read_private_key(self._key), known
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise GaveUp(
                "The SSH key cannot be read.",
                reason="no-access",
                fix="Set ssh.key to a private key without passphrase.",
            ) from error


class Connections:
    """One connection a host, opened on first use and shared by all who ask."""

    def __init__(self, ssh: Ssh) -> None:
        self._ssh = ssh
        self._opening: dict[str, asyncio.Task[SshSession]] = {}
        self._login: asyncio.Task[Login] | None = None

    async def session(self, host: Host) -> SshSession:
        """The connection to this host. Raises TryAgain or GaveUp, at once when it failed before in this run."""
        if self._login is None:
            self._login = asyncio.create_task(asyncio.to_thread(self._ssh.login))
        if host.name not in self._opening:
            self._opening[host.name] = asyncio.create_task(self._ssh.open(host, self._login))
        # Shielded: one check that runs out of time must not take the connection from the others.
        return await asyncio.shield(self._opening[host.name])

    async def close(self) -> None:
        """Close everything; what is still opening is cancelled."""
        tasks = [*self._opening.values(), *([self._login] if self._login else [])]
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        for session in ended:
            if isinstance(session, SshSession):
                await session.close()


class SshSession:
    """An open connection to one server: the `Session` of the checks, and what a repair needs to write."""

    def __init__(self, host: Host, connection: asyncssh.SSHClientConnection, *, examined: set[Host]) -> None:
        self.host = host
        self._connection = connection
        self._slots = asyncio.Semaphore(SLOTS)
        self._opening_sftp = asyncio.Lock()
        self._sftp: asyncssh.SFTPClient | None = None
        self._no_sftp = False
        self._examining = asyncio.Lock()
        self._examined = examined

    async def close(self) -> None:
        """Close the connection, without waiting for a server that does not answer."""
        self._connection.close()
        try:
            await asyncio.wait_for(self._connection.wait_closed(), 1)
        except (TimeoutError, asyncssh.Error, OSError):
            self._connection.abort()

    async def run(self, argv: Sequence[str], *, within: float = 5.0) -> Output:
        """Run a program, never a shell line; the far side ends it after `within` seconds (exit 124)."""
        await self._examine_shell()
        status, out, err, cut = await self._run(argv, within=within)
        return Output(exit=status, stdout=_text(out), stderr=_text(err), cut=cut, raw=out)

    async def read(self, path: str) -> bytes:
        """The whole file. Raises FileNotFoundError; GaveUp with reason cut above 256 kB."""
        data = await self._file(path, lambda sftp: _read(sftp, path, 0), ["cat", path])
        if len(data) > CAP:
            raise GaveUp(f"{path} on {self.host.name} is larger than {CAP} bytes.", reason="cut")
        return data

    async def tail(self, path: str, *, limit: int = 65_536) -> bytes:
        """The last `limit` bytes of a file, from the start of a line. Raises FileNotFoundError."""
        return await self._file(path, lambda sftp: _read(sftp, path, limit), ["tail", "-c", str(limit), path])

    async def stat(self, path: str) -> FileStat:
        """Owner, mode, size and time of what the path leads to. Raises FileNotFoundError."""

        async def ask(sftp: asyncssh.SFTPClient) -> bytes:
            found = await sftp.stat(path)
            numbers = (
                found.uid or 0,
                found.gid or 0,
                f"{found.permissions or 0:x}",
                found.size or 0,
                found.mtime or 0,
            )
            return " ".join(str(number) for number in numbers).encode()

        words = (await self._file(path, ask, ["stat", "-L", "-c", "%u %g %f %s %Y", path])).split()
        uid, gid, mode, size, mtime = words
        return FileStat(uid=int(uid), gid=int(gid), mode=int(mode, 16), size=int(size), mtime=float(mtime))

    async def names(self, folder: str) -> Sequence[str]:
        """The names in a folder, sorted. Raises FileNotFoundError."""

        async def ask(sftp: asyncssh.SFTPClient) -> bytes:
            return "\n".join(str(name) for name in await sftp.listdir(folder)).encode()

        listed = _text(await self._file(folder, ask, ["ls", "-1A", folder])).splitlines()
        return sorted(name for name in listed if name not in (".", ".."))

    async def replace(self, path: str, data: bytes, *, like: FileStat, sudo: bool = False) -> None:
        """Write beside the file with the owner and mode of `like`, then rename over it.

        With `sudo`, a folder that we may not write is written by `sudo -n install` and `sudo -n mv`.
        """
        beside = str(PurePosixPath(path).with_name(f".{PurePosixPath(path).name}.muster"))
        sftp = await self._client()
        if sftp is None:
            raise GaveUp(
                f"{self.host.name} offers no SFTP, so no file can be written.",
                reason="no-access",
                fix="Enable the sftp subsystem of sshd for this account.",
            )
        try:
            await self._bounded(path, _write_beside(sftp, path, beside, data, like))
        except GaveUp as refused:
            if not sudo or refused.reason != "no-access":
                raise
            await self._install(sftp, path, beside, data, like)

    async def remove(self, path: str, *, sudo: bool = False) -> None:
        """Delete a file that was not there before. Raises FileNotFoundError."""
        try:
            await self._file(path, lambda sftp: _removed(sftp, path), ["rm", path])
        except GaveUp as refused:
            if not sudo or refused.reason != "no-access":
                raise
            done = await self.run(["sudo", "-n", "rm", path])
            if done.exit:
                raise _file_error(done.stderr, path, self.host) from refused

    async def _install(self, sftp: asyncssh.SFTPClient, path: str, beside: str, data: bytes, like: FileStat) -> None:
        upload = f"/tmp/.muster-{token_hex(8)}"  # noqa: S108 - exclusive, random, 0600
        owner = ["-o", str(like.uid), "-g", str(like.gid), "-m", f"{modes.S_IMODE(like.mode):o}"]
        try:
            await self._bounded(upload, _put(sftp, upload, data))
            for argv in (["install", *owner, upload, beside], ["mv", "-fT", beside, path]):
                done = await self.run(["sudo", "-n", *argv])
                if done.exit:
                    raise GaveUp(
                        f"{path} on {self.host.name} may not be written: {done.stderr.strip()}", reason="no-access"
                    )
        finally:
            with contextlib.suppress(FileNotFoundError, GaveUp, TryAgain):
                await self._bounded(upload, sftp.remove(upload))

    async def _examine_shell(self) -> None:
        """Refuse a login shell that reads our quotes in another way: it would run something else than was asked.

        SSH hands over one line, and sshd gives it to that shell. Where the owner of the server lists what may be
        asked, or has no printf, no such shell has read it.
        """
        async with self._examining:
            if self.host in self._examined:
                return
            status, out, _, _ = await self._run(["printf", "%s", QUOTED], within=FILE_LIMIT)
            if status not in (126, 127) and out != QUOTED.encode():
                raise GaveUp(
                    f"The login shell of {self.host.name} does not read quotes as POSIX says, so nothing was asked.",
                    reason="error",
                    fix=f"Give the account of Muster on {self.host.name} /bin/sh as its login shell.",
                )
            self._examined.add(self.host)

    async def _file(
        self, path: str, ask: Callable[[asyncssh.SFTPClient], Awaitable[bytes]], otherwise: Sequence[str]
    ) -> bytes:
        sftp = await self._client()
        if sftp is not None:
            return await self._bounded(path, ask(sftp))
        await self._examine_shell()
        status, out, err, cut = await self._run(otherwise, within=FILE_LIMIT)
        if status:
            raise _file_error(_text(err), path, self.host)
        return out + b"\n" if cut else out  # one byte over the cap, so that the reader can tell

    async def _client(self) -> asyncssh.SFTPClient | None:
        async with self._opening_sftp:
            if self._sftp is None and not self._no_sftp:
                try:
                    self._sftp = await asyncio.wait_for(self._connection.start_sftp_client(), FILE_LIMIT)
                except (asyncssh.ChannelOpenError, asyncssh.SFTPError):
                    self._no_sftp = True
                except (TimeoutError, asyncssh.Error, OSError) as error:
                    raise _translated(error, self.host) from error
            return self._sftp

    async def _bounded(self, path: str, operation: Awaitable[T]) -> T:
        try:
            return await asyncio.wait_for(operation, FILE_LIMIT)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
            raise FileNotFoundError(path) from error
        except (asyncssh.SFTPPermissionDenied, asyncssh.SFTPWriteProtect) as error:
            raise _no_access(path, self.host) from error
        except (TimeoutError, asyncssh.Error, OSError) as error:
            raise _translated(error, self.host) from error

    async def _run(self, argv: Sequence[str], *, within: float) -> tuple[int, bytes, bytes, bool]:
        # A time limit on our side leaves the program running over there; timeout(1) ends it for certain.
        line = shlex.join(["timeout", "-k", "1", f"{within:g}", *argv])
        async with self._slots:
            try:
                process = await self._connection.create_process(line, encoding=None)
            except (asyncssh.Error, OSError) as error:
                raise _translated(error, self.host) from error
            try:
                out, err, cut = await _collect(process, within + 2)
            except TimeoutError as error:
                raise TryAgain(f"{argv[0]} on {self.host.name} did not end in time.", reason="timeout") from error
            except (asyncssh.Error, OSError) as error:
                raise _translated(error, self.host) from error
            finally:
                process.close()
        if process.returncode is None and not cut:
            raise TryAgain(f"The connection to {self.host.name} was lost.", reason="unreachable")
        status = process.returncode if process.returncode is not None else 0
        return (124 if status in (124, 137, -9) else status), out, err, cut


class _HostKey(asyncssh.SSHClient):
    """Remembers the fingerprint of a host key that is not known, so that the message can show it."""

    fingerprint = ""

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002 - asyncssh gives all four
        addr: str,  # noqa: ARG002 - asyncssh calls it so
        port: int,  # noqa: ARG002 - asyncssh calls it so
        key: asyncssh.SSHKey,
    ) -> bool:
        self.fingerprint = key.get_fingerprint()
        return False


class _Full(Exception):
    """One stream reached the cap."""


async def _collect(process: asyncssh.SSHClientProcess[bytes], limit: float) -> tuple[bytes, bytes, bool]:
    streams = ((process.stdout, bytearray()), (process.stderr, bytearray()))

    async def drain(stream: asyncssh.SSHReader[bytes], into: bytearray) -> None:
        while part := await stream.read(65_536):
            into.extend(part)
            if len(into) >= CAP:
                raise _Full

    tasks = [asyncio.create_task(drain(stream, into)) for stream, into in streams]
    cut = False
    try:
        async with asyncio.timeout(limit):
            # The first stream that is full ends both: the other one may stay open for the whole limit.
            await asyncio.gather(*tasks)
            await process.wait_closed()
    except _Full:
        cut = True
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return bytes(streams[0][1][:CAP]), bytes(streams[1][1][:CAP]), cut


async def _read(sftp: asyncssh.SFTPClient, path: str, last: int) -> bytes:
    async with sftp.open(path, "rb", encoding=None, block_size=0) as file:  # 0: one request a read, however large
        if last:
            size = (await file.stat()).size or 0
            start = max(0, size - last)
            data = await _from(file, start, min(last, size))
            return data.partition(b"\n")[2] if start else data
        about, first = await asyncio.gather(file.stat(), file.read(CAP + 1, 0))
        data = cast("bytes", first)  # because the encoding is None
        whole = len(data) >= min(about.size or 0, CAP + 1) and (about.size or not data)
        return data if whole else data + await _from(file, len(data), CAP + 1 - len(data))


async def _from(file: asyncssh.SFTPClientFile, start: int, most: int) -> bytes:
    """So many bytes from there, or all up to the end: a server may give less at once than it is asked for."""
    data = b""
    while len(data) < most and (part := cast("bytes", await file.read(most - len(data), start + len(data)))):
        data += part
    return data


async def _put(sftp: asyncssh.SFTPClient, path: str, data: bytes) -> None:
    private = asyncssh.SFTPAttrs(permissions=0o600)
    async with sftp.open(path, "xb", private, encoding=None) as file:
        await file.write(data)


async def _write_beside(sftp: asyncssh.SFTPClient, path: str, beside: str, data: bytes, like: FileStat) -> None:
    if await sftp.islink(path):
        raise GaveUp(f"{path} is a symbolic link; Muster replaces plain files only.", reason="error")
    if await sftp.exists(beside):
        await sftp.remove(beside)  # left by a repair that was interrupted
    await _put(sftp, beside, data)
    try:
        made = await sftp.stat(beside)
        if (made.uid, made.gid) != (like.uid, like.gid):
            await sftp.chown(beside, like.uid, like.gid)
        await sftp.chmod(beside, modes.S_IMODE(like.mode))
        await sftp.posix_rename(beside, path)
    except asyncssh.SFTPError:
        await sftp.remove(beside)
        raise


async def _removed(sftp: asyncssh.SFTPClient, path: str) -> bytes:
    await sftp.remove(path)
    return b""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _file_error(said: str, path: str, host: Host) -> Exception:
    if "No such file" in said or "Not a directory" in said:
        return FileNotFoundError(path)
    if "Permission denied" in said or "not allowed" in said:
        return _no_access(path, host)
    return GaveUp(f"{path} on {host.name} cannot be read: {said.strip()[:200]}", reason="error")


def _no_access(path: str, host: Host) -> GaveUp:
    return GaveUp(
        f"The account on {host.name} has no access to {path}.",
        reason="no-access",
        fix=f"Let the account of Muster on {host.name} read {path}.",
    )


def _unreachable(host: Host, error: BaseException) -> TryAgain:
    said = str(error) or type(error).__name__
    return TryAgain(
        f"{host.name} ({host.address}:{host.ssh_port}) cannot be reached by SSH: {said}", reason="unreachable"
    )


def _translated(error: BaseException, host: Host, fingerprint: str = "") -> TryAgain | GaveUp:
    match error:
        case asyncssh.HostKeyNotVerifiable():
            shown = f" It showed {fingerprint}." if fingerprint else ""
            return GaveUp(
                f"The host key of {host.name} is not the known one, so nothing was asked.{shown}",
                reason="host-key",
                fix=f"If the key was changed on purpose, put the new one for {host.address} into known_hosts.",
            )
        case asyncssh.PermissionDenied():
            return GaveUp(
                f"{host.name} refused the login.",
                reason="no-access",
                fix=f"Put Muster's public key into the account's authorized_keys on {host.name}.",
            )
        case asyncssh.ChannelOpenError() if "closed" not in str(error):
            return TryAgain(f"{host.name} opens no further session: {error}", reason="busy")
        case asyncssh.SFTPError():
            return TryAgain(f"A file of {host.name} cannot be used: {error}", reason="error")
        case _:
            return _unreachable(host, error)
