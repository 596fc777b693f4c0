"""The programs of a lab host that look at files: none of them changes anything, all stay below the root."""

from __future__ import annotations

import fnmatch
import os
import pwd
import stat
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.lab import host_proc
from bot.lab.host_call import CHUNK, Call
from bot.lab.host_files import Root

DISK = 8 * 1024**3
INODES = 524_288
"""Size of a lab host's disk, in bytes and inodes; what is used on it is what stands below its root."""


async def cat(call: Call) -> int:
    """cat [--] FILE…"""
    code = 0
    for name in flags_of(call, "")[1]:
        seen = host_proc.virtual(name, call.machine.address)
        if seen is not None:
            await call.out(seen)
            continue
        try:
            await _copy(call, _regular(call, name))
        except OSError as e:
            code = await call.complain(f"{name}: {e.strerror}")
    return code


async def tail(call: Call) -> int:
    """tail [-n N | -c N | -N] FILE"""
    unit, count, names = _counted(call.argv[1:])
    code = 0
    for name in names:
        data = _regular(call, name).read_bytes()
        lines = data.splitlines(keepends=True)
        kept = data[-count:] if unit == "c" else b"".join(lines[-count:])
        await call.out(kept if count else b"")
    return code


async def head(call: Call) -> int:
    """head [-n N | -c N | -N] FILE"""
    unit, count, names = _counted(call.argv[1:])
    for name in names:
        data = _regular(call, name).read_bytes()
        await call.out(data[:count] if unit == "c" else b"".join(data.splitlines(keepends=True)[:count]))
    return 0


async def ls(call: Call) -> int:
    """ls [-1aAldn] PATH…"""
    flags, names = flags_of(call, "1aAldnh")
    for name in names or ["/"]:
        real = call.machine.root.real(name)
        kind = real.lstat()
        inside = stat.S_ISDIR(kind.st_mode) and "d" not in flags
        entries = sorted(p for p in real.iterdir() if flags & {"a", "A"} or p.name[0] != ".") if inside else [real]
        for entry in entries:
            shown = entry.name if inside else name
            await call.say(_long(entry, shown) if flags & {"l", "n"} else shown)
    return 0


async def stat_(call: Call) -> int:
    """stat -c FORMAT FILE…, with %n %s %a %f %u %g %U %G %Y %F %i"""
    words = list(call.argv[1:])
    words = [w for w in words if w != "-L"]
    if words and words[0].startswith(("--format=", "--printf=")):
        words = ["-c", words[0].split("=", 1)[1], *words[1:]]
    if len(words) < 3 or words[0] != "-c":
        return await call.complain("this host's stat knows -c FORMAT FILE")
    for name in words[2:]:
        try:
            found = call.machine.root.real(name).stat()
        except OSError as e:
            return await call.complain(f"cannot statx '{name}': {e.strerror}")
        await call.say(_formatted(words[1], name, found))
    return 0


async def find(call: Call) -> int:
    """find PATH… [-xdev] [-maxdepth N] [-type f|d|l] [-name PATTERN] [-newer FILE] [-size +N[kMG]] [-print]"""
    words = list(call.argv[1:])
    starts: list[str] = []
    while words and not words[0].startswith("-"):
        starts.append(words.pop(0))
    tests: dict[str, str] = {}
    while words:
        word = words.pop(0)
        if word in ("-xdev", "-print", "-mount"):
            continue
        if word not in ("-maxdepth", "-type", "-name", "-newer", "-size") or not words:
            return await call.complain(f"unknown predicate `{word}'")
        tests[word] = words.pop(0)
    for start in starts or ["/"]:
        for line in _walk(call.machine.root, call.machine.root.real(start), start.rstrip("/"), tests):
            await call.say(line)
    return 0


async def du(call: Call) -> int:
    """du -xk --max-depth=N PATH: kilobytes of each folder, itself last"""
    words = list(call.argv[1:])
    if len(words) != 3 or words[0] != "-xk" or not words[1].startswith("--max-depth="):
        return await call.complain("this host's du knows -xk --max-depth=N PATH")
    root, start = call.machine.root, words[2].rstrip("/") or "/"
    most = int(words[1].partition("=")[2])
    for at, _, _ in os.walk(root.real(start), topdown=False):
        shown = root.guest(at)
        if shown.count("/") - start.count("/") <= most:
            await call.say(f"{Root(Path(at)).size()[0] // 1024}\t{shown}")
    return 0


async def df(call: Call) -> int:
    """df [-P] [-k | -i | -B1] PATH…: the disk of this host, not of the machine"""
    flags, names = flags_of(call, "Pki")
    for name in names:
        call.machine.root.real(name).stat()
    used, inodes = call.machine.root.size()
    used += call.machine.disk_used
    if "i" in flags:
        row, title = (INODES, inodes, INODES - inodes), "Inodes IUsed IFree IUse%"
    else:
        row, title = (
            (DISK // 1024, used // 1024, max(0, DISK - used) // 1024),
            "1024-blocks Used Available Capacity",
        )
    share = -(-100 * row[1] // (row[1] + row[2] or 1))
    await call.say(f"Filesystem {title} Mounted on")
    await call.say(f"/dev/{call.machine.name} {row[0]} {row[1]} {row[2]} {share}% /")
    return 0


def _regular(call: Call, name: str) -> Path:
    """A regular file: a pipe or device would block us, or reach elsewhere."""
    real = call.machine.root.real(name)
    kind = real.stat().st_mode
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(21, "Is a directory", name)
    if not stat.S_ISREG(kind):
        raise PermissionError(13, "Permission denied", name)
    return real


async def _copy(call: Call, path: Path) -> None:
    with path.open("rb") as source:
        while part := source.read(CHUNK):
            await call.out(part)


def flags_of(call: Call, allowed: str) -> tuple[set[str], Sequence[str]]:
    """The one-letter options and the other words. Raises OSError for an option that is not allowed."""
    flags: set[str] = set()
    names: list[str] = []
    for at, word in enumerate(call.argv[1:], start=1):
        if word == "--":
            return flags, [*names, *call.argv[at + 1 :]]
        if word.startswith("-") and word != "-":
            unknown = set(word[1:]) - set(allowed)
            if unknown:
                raise OSError(22, f"invalid option -- '{min(unknown)}'", word)
            flags |= set(word[1:])
        else:
            names.append(word)
    return flags, names


def _counted(words: Sequence[str]) -> tuple[str, int, Sequence[str]]:
    """Unit (n: lines, c: bytes), how many, and the files."""
    rest = [w for w in words if w != "--"]
    if rest and rest[0] in ("-n", "-c") and len(rest) > 1:
        rest = [rest[0] + rest[1], *rest[2:]]
    if not rest or not rest[0].startswith("-"):
        return "n", 10, rest
    option = rest[0].lstrip("-")
    digits = option.lstrip("nc=+")
    if not digits.isdigit():
        raise OSError(22, "invalid number", rest[0])
    return "c" if option.startswith("c") else "n", int(digits), rest[1:]


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _long(path: Path, shown: str) -> str:
    found = path.lstat()
    when = datetime.fromtimestamp(found.st_mtime, UTC)
    mode = stat.filemode(found.st_mode)
    return f"{mode} {found.st_nlink} {found.st_uid} {found.st_gid} {found.st_size} {when:%Y-%m-%d %H:%M} {shown}"


def _formatted(pattern: str, name: str, found: os.stat_result) -> str:
    kinds = {stat.S_IFREG: "regular file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symbolic link"}
    values = {
        "%n": name,
        "%s": str(found.st_size),
        "%a": f"{stat.S_IMODE(found.st_mode):o}",
        "%f": f"{found.st_mode:x}",
        "%u": str(found.st_uid),
        "%g": str(found.st_gid),
        "%U": _owner(found.st_uid),
        "%G": _owner(found.st_gid),
        "%Y": str(int(found.st_mtime)),
        "%F": kinds.get(stat.S_IFMT(found.st_mode), "special file"),
        "%i": str(found.st_ino),
    }
    for word, value in values.items():
        pattern = pattern.replace(word, value)
    return pattern


def _walk(root: Root, path: Path, shown: str, tests: dict[str, str], *, depth: int = 0) -> Iterator[str]:
    if _fits(root, path, tests):
        yield shown or "/"
    if path.is_symlink() or not path.is_dir() or depth >= int(tests.get("-maxdepth", "99")):
        return
    for entry in sorted(path.iterdir()):
        yield from _walk(root, entry, f"{shown}/{entry.name}", tests, depth=depth + 1)


def _fits(root: Root, path: Path, tests: dict[str, str]) -> bool:
    found = path.lstat()
    kind = {"f": stat.S_ISREG, "d": stat.S_ISDIR, "l": stat.S_ISLNK}.get(tests.get("-type", ""))
    if kind is not None and not kind(found.st_mode):
        return False
    if not fnmatch.fnmatchcase(path.name, tests.get("-name", "*")):
        return False
    if "-newer" in tests and found.st_mtime <= root.real(tests["-newer"]).stat().st_mtime:
        return False
    return "-size" not in tests or found.st_size > _bytes(tests["-size"])


def _bytes(size: str) -> int:
    units = {"c": 1, "k": 1024, "M": 1024**2, "G": 1024**3}
    number = size.lstrip("+").rstrip("ckMG")
    return int(number or 0) * units.get(size[-1], 512)
