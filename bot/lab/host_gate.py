"""What a lab host's nginx may be told. Without this gate a configuration file could reach out of the host.

nginx opens files, sockets and other servers by name, so a written file is as strong as a shell. The gate knows a
closed list of directives, keeps file names below the host's folder, and addresses inside the farm's own block.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.lab.host_files import Root

_HARMLESS = """
    worker_processes worker_connections worker_rlimit_nofile worker_shutdown_timeout events http upstream
    server_name location log_format proxy_http_version proxy_set_header proxy_connect_timeout proxy_read_timeout
    proxy_send_timeout proxy_next_upstream proxy_next_upstream_tries proxy_next_upstream_timeout proxy_hide_header
    proxy_buffering add_header index return limit_req limit_req_zone limit_req_log_level limit_req_status
    limit_conn limit_conn_zone keepalive keepalive_timeout keepalive_requests sendfile tcp_nopush tcp_nodelay
    default_type server_tokens gzip gzip_types charset expires zone least_conn ip_hash random client_max_body_size
    client_header_timeout client_body_timeout send_timeout log_not_found disable_symlinks types_hash_max_size
    deny allow internal break autoindex etag max_ranges multi_accept
"""
_FILES = """
    include root alias error_log access_log pid client_body_temp_path proxy_temp_path fastcgi_temp_path
    uwsgi_temp_path scgi_temp_path
"""
HARMLESS, FILES = frozenset(_HARMLESS.split()), frozenset(_FILES.split())
ADDRESS = re.compile(r"(\d+\.\d+\.\d+)\.\d+:\d{1,5}")
FILE_NAME = re.compile(r"[A-Za-z0-9_.*/-]+")
TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+ | \#[^\n]*)
    | (?P<end>[;{}])
    | (?P<word>(?: [^ \t\r\n;{}"'\\\#$] | \$(?!\{) ) (?: [^ \t\r\n;{}"'\\$] | \$(?!\{) )*) (?=[ \t\r\n;{]|\Z)
    | (?P<quoted>"(?: [^"\\] | \\[nrt"\\] )*" | '(?: [^'\\] | \\[nrt'\\] )*') (?=[ \t\r\n;{]|\Z)
    """,
    re.VERBOSE,
)
"""Less than nginx reads: what two readers could take differently (`${`, a quote in a word) is refused."""
PROXY = re.compile(r"http://([A-Za-z0-9_.:-]+)(/[A-Za-z0-9_./-]*)?")


@dataclass(frozen=True)
class _Statement:
    words: tuple[str, ...]
    end: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The gate of one host: its root and its own address."""

    root: Root
    address: str

    def refusal(self) -> str:
        """Why nginx must not read the present files, in nginx's own style; empty when it may."""
        try:
            read = self._reachable()
        except PermissionError as e:
            return f'open() "{e.filename}" failed (13: Permission denied)'
        except ValueError as e:
            return f"unexpected characters in {e}"
        names = {s.words[1] for found in read.values() for s in found if s.words[0] == "upstream" and s.words[1:]}
        for path, found in read.items():
            for statement in found:
                problem = self._problem(statement, names)
                if problem:
                    return f"{problem} in {self.root.guest(path)}:{statement.line}"
        return ""

    def _reachable(self) -> dict[Path, list[_Statement]]:
        """nginx.conf and all that it includes. Raises PermissionError for a link that leaves the folder."""
        folder = Root(self.root.folder / "etc/nginx")
        waiting, read = [folder.folder / "nginx.conf"], dict[Path, list[_Statement]]()
        while waiting:
            path = waiting.pop()
            if path in read or not folder.checked(path).is_file():
                continue
            read[path] = self._statements(path)
            for statement in read[path]:
                name, *args = statement.words
                if name == "include" and args and self._stays(args):
                    waiting += (Path(p) for p in sorted(glob.glob(str(folder.folder / args[0]))))
        return read

    def _statements(self, path: Path) -> list[_Statement]:
        try:
            return list(_split(path.read_bytes().decode("latin-1")))  # as nginx: one byte, one character
        except ValueError as e:
            raise ValueError(f"{self.root.guest(path)}:{e}") from None

    def _problem(self, statement: _Statement, upstreams: set[str]) -> str:
        name, *args = statement.words
        if name in FILES:
            return "" if self._stays(args) else f'"{name}" leaves this host: Permission denied'
        if name == "listen":
            own = bool(args) and args[0].startswith(f"{self.address}:") and bool(ADDRESS.fullmatch(args[0]))
            return "" if own else f"bind() to {' '.join(args[:1])} failed (13: Permission denied)"
        if name == "server" and statement.end == "{":
            return ""
        if name == "server":
            return "" if args and self._in_block(args[0]) else "host not found in upstream"
        if name == "proxy_pass":
            found = PROXY.fullmatch(args[0]) if args else None
            known = found is not None and (found[1] in upstreams or self._in_block(found[1]))
            return "" if known else "host not found in upstream"
        return "" if name in HARMLESS else f'unknown directive "{name}"'

    def _stays(self, args: list[str]) -> bool:
        """The file name is the first argument; a `:` would make it a socket, a `$` is known only later."""
        name = args[0] if args else "none"
        return bool(FILE_NAME.fullmatch(name)) and not name.startswith("/") and ".." not in name.split("/")

    def _in_block(self, address: str) -> bool:
        found = ADDRESS.fullmatch(address)
        return found is not None and self.address.startswith(found[1] + ".")


def _split(text: str) -> Iterator[_Statement]:
    """The statements of a file. Raises ValueError with the line that we might read otherwise than nginx does."""
    words: list[str] = []
    at = line = 1
    position = 0
    while position < len(text):
        found = TOKEN.match(text, position)
        if found is None:
            raise ValueError(line)
        token = found.group()
        if found["word"] is not None or found["quoted"] is not None:
            at = at if words else line
            words.append(token.strip("\"'"))
        elif found["end"] is not None and words:
            yield _Statement(tuple(words), token, at)
            words = []
        line += token.count("\n")
        position = found.end()
    if words:
        yield _Statement(tuple(words), "", at)
