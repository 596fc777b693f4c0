"""A lab host does what a small server does, and nothing on it reaches the machine underneath."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio

from bot.lab.farm import Farm

pytestmark = pytest.mark.asyncio(loop_scope="module")

SITE = "/etc/nginx/conf.d/site.conf"
MACHINE = b"root:x:0:0"
"""How /etc/passwd of the machine begins."""


@dataclass(frozen=True)
class Said:
    exit: int | None
    out: str
    err: str


@dataclass(frozen=True)
class Login:
    """A connection to one host, as an attacker or a bot would use it."""

    farm: Farm
    name: str
    connection: asyncssh.SSHClientConnection

    @property
    def root(self) -> Path:
        return self.farm.roots[self.name]

    @property
    def address(self) -> str:
        return self.farm.hosts[self.name].address

    async def run(self, command: str) -> Said:
        done = await self.connection.run(command, encoding=None, stdin=asyncssh.DEVNULL)
        out, err = done.stdout or b"", done.stderr or b""
        assert isinstance(out, bytes)
        assert isinstance(err, bytes)
        assert MACHINE not in out + err
        return Said(done.exit_status, out.decode(), err.decode())


@asynccontextmanager
async def login(farm: Farm, name: str, **more: object) -> AsyncIterator[Login]:
    host = farm.hosts[name]
    options = {"agent_path": None, "login_timeout": 2, **more}
    async with asyncssh.connect(
        host.address,
        host.ssh_port,
        username="muster",
        client_keys=[asyncssh.import_private_key(farm.private_key)],
        known_hosts=asyncssh.import_known_hosts(farm.known_hosts),
        config=None,
        **options,
    ) as connection:
        yield Login(farm, name, connection)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def farm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Farm]:
    async with await Farm.start(tmp_path_factory.mktemp("farm")) as farm:
        yield farm


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(farm: Farm) -> AsyncIterator[Login]:
    async with login(farm, "web-01") as there:
        yield there


@pytest.fixture
def planted(web: Login) -> Iterator[Path]:
    """A folder on the host in which somebody with root rights left things."""
    folder = web.root / "tmp/planted"
    folder.mkdir()
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "etc").symlink_to("/etc")
    (folder / "up").symlink_to("../../../../../../../../../etc/passwd")
    os.mkfifo(folder / "pipe")
    yield folder
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


async def test_a_program_gets_its_words_and_no_shell_reads_them(web: Login) -> None:
    said = await web.run("""echo 'a;b' '$(id)' '`id`' '| cat /etc/passwd' '&&' '> /tmp/x'""")
    assert said == Said(0, "a;b $(id) `id` | cat /etc/passwd && > /tmp/x\n", "")


@pytest.mark.parametrize("word", ["bash", "sh", "python3", "curl", "/tmp/x", "../bin/cat", "ssh", "nc", "''"])
async def test_a_program_that_the_host_does_not_have_is_not_found(web: Login, word: str) -> None:
    said = await web.run(f"{word} -c id")
    assert said.exit == 127
    assert "not found" in said.err


async def test_a_login_without_a_command_gets_no_shell(web: Login) -> None:
    process = await web.connection.create_process(encoding=None)
    _, err = await process.communicate()
    assert isinstance(err, bytes)
    assert b"no shell" in err
    assert process.exit_status == 126


async def test_a_command_that_cannot_be_split_is_refused(web: Login) -> None:
    assert (await web.run("echo 'open")).exit == 126


@pytest.mark.parametrize(
    "command",
    [
        "cat /etc/passwd",
        "cat ../../../../../../etc/passwd",
        "cat /var/../../../etc/passwd",
        "sudo -n cat /etc/passwd",
        "timeout -k 1 2 cat /etc/passwd",
        "sudo -n timeout 2 sudo -n cat /etc/shadow",
        "tail -n 3 /etc/passwd",
        "head -c 100 /etc/passwd",
        "cat /proc/self/environ",
        "cat /proc/1/cmdline",
        "cat /sys/class/net/lo/address",
        "tail -c 10 /dev/zero",
        "ls /proc",
        "ls /dev",
        "ls /root",
        "stat -c %s /etc/shadow",
        "find /proc",
        "df -P /proc",
    ],
)
async def test_the_files_of_the_machine_do_not_exist(web: Login, command: str) -> None:
    said = await web.run(command)
    assert said.exit == 1
    assert said.out == ""
    assert "No such file" in said.err


@pytest.mark.parametrize("name", ["passwd", "etc/passwd", "up", "etc"])
@pytest.mark.usefixtures("planted")
async def test_a_link_that_leaves_the_host_is_refused(web: Login, name: str) -> None:
    path = f"/tmp/planted/{name}"
    for command in ("cat", "tail", "head", "ls", "ls -la", "stat -c %s", "git -C /etc hash-object", "find", "df"):
        said = await web.run(f"{command} {path}")
        assert said.exit
        assert said.out == ""
        assert "leaves this host" in said.err
    async with web.connection.start_sftp_client() as files:
        for ask in (files.stat, files.lstat, files.listdir, files.readlink, files.open, files.getsize):
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await ask(path)
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await files.open(path, "wb")


async def test_looking_for_files_ends_at_the_root_and_follows_no_link(web: Login, planted: Path) -> None:
    said = await web.run("find /")
    assert said.exit == 0
    names = said.out.splitlines()
    assert names[0] == "/"
    assert "/tmp/planted/etc" in names
    assert SITE in names
    assert not [n for n in names if n.startswith(("/tmp/planted/etc/", "/proc", "/sys", "/dev", "/root"))]
    assert str(planted) not in said.out


async def test_a_pipe_blocks_nobody(web: Login, planted: Path) -> None:
    assert stat.S_ISFIFO((planted / "pipe").stat().st_mode)
    assert (await web.run("cat /tmp/planted/pipe")).exit == 1
    async with web.connection.start_sftp_client() as files:
        with pytest.raises(asyncssh.SFTPError):
            await files.open("/tmp/planted/pipe", "rb")


async def test_files_are_shown_as_they_are(web: Login) -> None:
    text = (web.root / SITE.lstrip("/")).read_text()
    assert (await web.run(f"cat {SITE}")).out == text
    assert (await web.run(f"tail -n 1 {SITE}")).out == "}\n"
    assert (await web.run(f"tail -c 2 {SITE}")).out == "}\n"
    assert (await web.run(f"head -n 1 {SITE}")).out == text.splitlines(keepends=True)[0]
    assert (await web.run(f"stat -c '%n %s %a' {SITE}")).out == f"{SITE} {len(text)} 644\n"
    assert (await web.run("ls /etc/nginx")).out == "conf.d\nnginx.conf\n"
    assert (await web.run("find /etc -name site.conf -type f")).out == f"{SITE}\n"


async def test_git_reads_the_history_of_the_configuration(web: Login) -> None:
    commit = (await web.run("git -c safe.directory=/etc -C /etc rev-parse --verify HEAD")).out.strip()
    listed = (await web.run(f"git -C /etc ls-tree -r -z {commit} -- nginx")).out
    names = [row.split("\t")[1] for row in listed.rstrip("\0").split("\0")]
    assert names == ["nginx/conf.d/site.conf", "nginx/nginx.conf"]
    blob = listed.split()[2]
    assert (await web.run(f"git -C /etc cat-file blob {blob}")).out == (web.root / SITE.lstrip("/")).read_text()
    assert (await web.run(f"git -C /etc hash-object {SITE}")).out.strip() == blob
    assert (await web.run("git -C /etc log --format='%an <%ae> %s'")).out == (
        "provision <provision@shop.test> provision web-01\n"
    )
    assert (await web.run("git -C /etc/nginx show HEAD:nginx/conf.d/site.conf")).out.startswith("server {")
    assert (await web.run("git -C /etc/nginx rev-parse --show-toplevel")).out == "/etc\n"


@pytest.mark.parametrize(
    "words",
    [
        "-c alias.x=!id x",
        "-c core.fsmonitor=/bin/id status",
        "-c core.fsmonitor=/bin/id ls-tree HEAD",
        "-c core.sshCommand=id log",
        "-c safe.directory=/etc\n -c core.pager=id log",
        "-C /etc status",
        "-C /etc diff",
        "-C /etc fetch ext::sh%20-c%20id",
        "-C /etc clone ext::sh /tmp/x",
        "-C /etc ls-remote --upload-pack=id /etc",
        "-C /etc archive --remote=ext::id HEAD",
        "-C /etc checkout -- nginx",
        "-C /etc commit -m x",
        "-C /etc config core.pager id",
        "-C /etc log --output=/tmp/x",
        "-C /etc log --ext-diff -p",
        "-C /etc log --textconv -p",
        "-C /etc log --show-signature",
        "-C /etc log --format=%G?",
        "-C /etc cat-file --textconv HEAD:nginx/nginx.conf",
        "-C /etc cat-file --batch",
        "-C /etc hash-object -w nginx/nginx.conf",
        "-C /etc hash-object /etc/passwd",
        "--exec-path=/tmp -C /etc log",
        "--git-dir=/srv/other/.git log",
        "--git-dir=../../../../../.git log",
        "-C ../../../../../../.. log",
        "-C / log",
        "-C /var log",
        "-p -C /etc log",
        "",
    ],
)
async def test_git_does_nothing_but_read(web: Login, words: str) -> None:
    said = await web.run(f"git {words}")
    assert said.exit == 128
    assert said.err.startswith("fatal: ")
    assert "uid=" not in said.out + said.err


async def test_nothing_that_a_repository_names_is_started(farm: Farm) -> None:
    """Planted with root rights in every place that git can be told to start something from."""
    async with login(farm, "web-02") as web:
        repository = web.root / "etc/.git"
        canary, config = web.root / "tmp/canary", (repository / "config").read_text()
        program = f"touch {canary}; cat"
        planted = f"""
[core]\n fsmonitor = "{program}"\n pager = "{program}"\n alternateRefsCommand = "{program}"
[diff]\n external = "{program}"
[diff "x"]\n textconv = "{program}"\n command = "{program}"
[filter "x"]\n clean = "{program}"\n smudge = "{program}"\n process = "{program}"
[gpg]\n program = "{program}"
[log]\n showSignature = true
[alias]\n show = "!{program}"\n log = "!{program}"
[extensions]\n partialClone = far
[remote "far"]\n url = "ext::sh -c '{program}'"\n promisor = true
"""
        (repository / "config").write_text(config + planted)
        (repository / "info").mkdir(exist_ok=True)
        (repository / "info/attributes").write_text("* diff=x filter=x\n")
        try:
            for words in (
                "log -p",
                "show HEAD",
                "show HEAD:nginx/nginx.conf",
                "ls-tree -r HEAD",
                "cat-file -p HEAD",
                "cat-file -p 1111111111111111111111111111111111111111",
                "hash-object nginx/nginx.conf",
                "rev-parse HEAD",
            ):
                await web.run(f"git -C /etc {words}")
            assert not canary.exists()
        finally:
            (repository / "config").write_text(config)
            (repository / "info/attributes").unlink()


@pytest.mark.parametrize("name", ["objects/info/alternates", "commondir"])
async def test_a_repository_that_borrows_from_the_machine_is_refused(farm: Farm, name: str) -> None:
    async with login(farm, "web-02") as web:
        borrowing = web.root / "etc/.git" / name
        borrowing.parent.mkdir(exist_ok=True)
        borrowing.write_text("/srv/other/.git/objects\n")
        try:
            assert "borrows" in (await web.run("git -C /etc log")).err
        finally:
            borrowing.unlink()


async def test_systemctl_knows_nginx_and_nothing_else(web: Login) -> None:
    asked = "systemctl show -p ActiveState,SubState,MainPID,ExecMainStartTimestamp,NRestarts nginx"
    shown = dict(line.split("=", 1) for line in (await web.run(asked)).out.splitlines())
    assert shown["ActiveState"] == "active"
    assert shown["SubState"] == "running"
    assert int(shown["MainPID"]) == (await web.farm.look("web-01"))["pid"]
    assert shown["ExecMainStartTimestamp"].endswith(" UTC")
    assert shown["NRestarts"] == "0"
    assert await web.run("systemctl is-active nginx") == Said(0, "active\n", "")
    assert await web.run("systemctl is-active ssh") == Said(3, "inactive\n", "")
    assert (await web.run("systemctl status --no-pager nginx")).exit == 0
    assert (await web.run("systemctl status ssh")).exit == 4
    for verb in ("stop", "restart", "start", "reload", "kill"):
        assert (await web.run(f"sudo -n systemctl {verb} ssh")).exit == 5
    assert (await web.run("systemctl poweroff")).exit == 1
    assert (await web.run("systemctl kill nginx")).exit == 1
    assert "ActiveState=inactive" in (await web.run("systemctl show ssh")).out


async def test_a_person_can_stop_start_restart_and_reload_nginx(farm: Farm) -> None:
    async with login(farm, "web-02") as web:
        assert (await web.run("sudo -n systemctl stop nginx")).exit == 0
        assert (await web.run("systemctl is-active nginx")).out == "inactive\n"
        assert (await web.run("sudo -n systemctl reload nginx")).exit == 1
        assert (await web.run("systemctl status nginx")).exit == 3
        for command in ("systemctl start nginx", "systemctl restart nginx", "systemctl reload nginx"):
            assert await web.run(f"sudo -n {command}") == Said(0, "", "")
            assert (await web.run("systemctl is-active nginx")).out == "active\n"
        assert (await web.run("nginx -s reload")).exit == 0
        assert (await web.run("nginx -t")).err == (
            "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n"
            "nginx: configuration file /etc/nginx/nginx.conf test is successful\n"
        )
        assert f"# configuration file {SITE}:" in (await web.run("nginx -T")).out
        assert (await web.run("nginx -s stop")).exit == 0
        assert (await web.run("systemctl is-active nginx")).out == "inactive\n"
        assert (await web.run("systemctl start nginx")).exit == 0


@pytest.mark.parametrize("words", ["-c /etc/nginx/nginx.conf -t", "-p /tmp", "-g 'pid /tmp/x;'", "-e /tmp/x", ""])
async def test_nginx_takes_no_other_option(web: Login, words: str) -> None:
    assert (await web.run(f"nginx {words}")).exit == 1


async def test_sudo_asks_for_nothing_and_gives_no_more_than_the_host_has(web: Login) -> None:
    assert (await web.run("sudo -n cat /etc/nginx/nginx.conf")).exit == 0
    for command in ("sudo cat /etc/passwd", "sudo -n -u root id", "sudo -n", "sudo"):
        assert (await web.run(command)).exit == 1
    assert (await web.run("sudo -n bash")).exit == 127


async def test_a_host_sees_only_its_own_sockets(web: Login) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        said = await web.run("ss -Hltnp")
        table = await web.run("cat /proc/net/tcp")
        port = foreign.getsockname()[1]
    host = web.farm.hosts["web-01"]
    ports = sorted([host.port, host.ssh_port])
    assert [line.split()[3] for line in said.out.splitlines()] == [f"{web.address}:{p}" for p in ports]
    packed = socket.inet_aton(web.address)[::-1].hex().upper()
    assert {row.split()[1].split(":")[0] for row in table.out.splitlines()[1:]} == {packed}
    assert f"{port:04X}" not in [row.split()[1].split(":")[1] for row in table.out.splitlines()[1:]]
    assert len((await web.run("cat /proc/net/tcp6")).out.splitlines()) == 1


async def test_the_disk_is_the_hosts_own(web: Login) -> None:
    title, row = (await web.run("df -P -k /var/log")).out.splitlines()
    assert title.split()[:2] == ["Filesystem", "1024-blocks"]
    assert row.split()[1] == "8388608"
    assert row.split()[4:] == ["1%", "/"]
    await web.farm.fill_disk("web-01", 8 * 1024**3 - 10_000_000)
    assert (await web.run("df -P -k /")).out.splitlines()[1].split()[4] == "100%"
    await web.farm.fill_disk("web-01", 0)
    assert (await web.run("df -P -i /")).out.splitlines()[1].split()[4] == "1%"


async def test_timeout_ends_a_program_and_says_so_with_its_exit_code(web: Login) -> None:
    assert (await web.run("timeout -k 1 0.05 sleep 30")).exit == 124
    assert (await web.run("timeout -k 1 5 hostname")).out == "web-01\n"
    assert (await web.run("timeout soon hostname")).exit == 125


async def test_a_reader_who_leaves_in_the_middle_disturbs_nobody(web: Login) -> None:
    log = web.root / "var/log/nginx/huge.log"
    log.write_bytes(b"x" * 8_000_000)
    process = await web.connection.create_process("cat /var/log/nginx/huge.log", encoding=None)
    await process.stdout.read(100)
    process.close()
    assert (await web.run("hostname")).out == "web-01\n"
    log.unlink()


async def test_sftp_replaces_a_file_beside_and_by_rename(web: Login) -> None:
    async with web.connection.start_sftp_client() as files:
        before = await files.stat(SITE)
        async with files.open(SITE, "rb") as old:
            text = await old.read()
        beside = "/etc/nginx/conf.d/.site.conf.new"
        async with files.open(beside, "xb") as new:
            await new.write(text)
        await files.chown(beside, before.uid or 0, before.gid or 0)
        await files.chmod(beside, 0o640)
        await files.posix_rename(beside, SITE)
        assert (web.root / SITE.lstrip("/")).stat().st_mode & 0o777 == 0o640
        await files.chmod(SITE, 0o644)
        assert sorted(n for n in await files.listdir("/etc") if n[0] != ".") == ["nginx"]
        assert await files.realpath("../../..") == "/"


async def test_sftp_makes_no_links_and_leaves_the_repository_alone(web: Login) -> None:
    async with web.connection.start_sftp_client() as files:
        async with files.open("/etc/.git/HEAD", "r") as head:
            assert await head.read() == "ref: refs/heads/main\n"
        attempts: list[Awaitable[object]] = [
            files.symlink("/etc/passwd", "/tmp/link"),
            files.link(SITE, "/tmp/link"),
            files.open("/etc/.git/config", "ab"),
            files.open("/etc/.git/hooks", "xb"),
            files.rename(SITE, "/etc/.git/config"),
            files.posix_rename("/etc/.git/config", "/tmp/config"),
            files.remove("/etc/.git/config"),
            files.mkdir("/var/.git"),
            files.rmdir("/etc/.git/refs"),
            files.rename("/etc/.git", "/etc/git"),
            files.chmod("/etc/.git/config", 0o777),
        ]
        for attempt in attempts:
            with pytest.raises(asyncssh.SFTPPermissionDenied):
                await attempt
    assert (await web.run("git -C /etc log --format=%s")).out == "provision web-01\n"


HOSTILE = [
    "include /etc/passwd;",
    "include ../../../../../../../etc/passwd;",
    '"include" "/etc/passwd";',
    "include #\n/etc/passwd;",
    "server_name ${a;include /etc/passwd;",
    "server_name a\x0c#b; include /etc/passwd;",
    "server_name \xa0#b; include /etc/passwd;",
    "\xff; include /etc/passwd;",
    'server_name a"b; include /etc/passwd; "c;',
    "server_name 'a; include /etc/passwd;",
    r"include \/etc\/passwd;",
    "load_module /tmp/x.so;",
    "js_import /etc/passwd;",
    "lua_code_cache on;",
    "resolver 127.0.0.1;",
    "ssl_certificate /etc/passwd;",
    "auth_basic_user_file /etc/shadow;",
    "error_log /tmp/x;",
    "error_log syslog:server=127.0.0.1:514;",
    "access_log ../../../../tmp/x;",
    "server { listen 0.0.0.0:8099; }",
    "server { listen 8099; }",
    "server { listen unix:/tmp/x.sock; }",
    "server { listen 127.0.0.1:8099; }",
    "server { location /x { root /; } }",
    "server { location /x { alias /etc/; } }",
    "server { location /x { root $arg_where; } }",
    "server { location /x { proxy_pass http://127.0.0.1:22; } }",
    "server { location /x { proxy_pass http://unix:/var/run/docker.sock; } }",
    "server { location /x { proxy_pass http://$arg_where; } }",
    "server { location /x { proxy_pass https://example.com; } }",
    "server { location /x { fastcgi_pass 127.0.0.1:9000; } }",
    "upstream far { server example.com:80; }",
    "upstream far { server 127.0.0.1:22; }",
    "upstream far { server unix:/var/run/docker.sock; }",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_configuration_that_reaches_out_of_the_host_is_never_read(farm: Farm, text: str) -> None:
    async with login(farm, "web-02") as web, web.connection.start_sftp_client() as files:
        async with files.open("/etc/nginx/conf.d/evil.conf", "wb", encoding=None) as evil:
            await evil.write(text.encode("latin-1") + b"\n")
        try:
            tested = await web.run("nginx -t")
            assert tested.exit == 1
            assert "[emerg]" in tested.err
            assert "/etc/nginx/conf.d/evil.conf:" in tested.err
            assert (await web.run("nginx -T")).out == ""
            assert (await web.run("sudo -n systemctl reload nginx")).exit == 1
            assert (await web.run("systemctl is-active nginx")).out == "active\n"
        finally:
            await files.remove("/etc/nginx/conf.d/evil.conf")


async def test_a_linked_configuration_file_is_never_read(farm: Farm) -> None:
    async with login(farm, "web-02") as web:
        link = web.root / "etc/nginx/conf.d/evil.conf"
        link.symlink_to("/etc/passwd")
        try:
            tested = await web.run("nginx -t")
            assert tested.exit == 1
            assert "Permission denied" in tested.err
        finally:
            link.unlink()


async def test_nginx_speaks_for_itself_about_a_plain_mistake(farm: Farm) -> None:
    async with login(farm, "web-02") as web:
        await farm.break_syntax("web-02")
        tested = await web.run("nginx -t")
        assert tested.exit == 1
        assert f'directive "server_name" is not terminated by ";" in {SITE}:' in tested.err
        assert (await web.run("sudo -n systemctl restart nginx")).exit == 1
        assert (await web.run("systemctl show -p ActiveState nginx")).out == "ActiveState=failed\n"
        await farm.reset()


async def test_no_connection_is_forwarded_in_either_direction(web: Login) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:
        port = service.getsockname()[1]
        with pytest.raises(asyncssh.ChannelOpenError):
            await web.connection.open_connection("127.0.0.1", port)
    with pytest.raises(asyncssh.ChannelOpenError):
        await web.connection.open_connection(web.address, web.farm.hosts["web-01"].port)
    with pytest.raises(asyncssh.ChannelOpenError):
        await web.connection.open_unix_connection("/var/run/docker.sock")
    with pytest.raises(asyncssh.ChannelListenError):
        await web.connection.forward_remote_port("", 0, "127.0.0.1", 1)
    with pytest.raises(asyncssh.ChannelListenError):
        await web.connection.forward_remote_path("/tmp/muster-test.sock", "/tmp/none.sock")
    with pytest.raises(asyncssh.ChannelOpenError):
        await web.connection.open_tap()
    assert (await web.run("hostname")).exit == 0


async def test_no_agent_no_display_and_no_terminal_is_forwarded(farm: Farm, tmp_path: Path) -> None:
    agent = tmp_path / "agent.sock"
    calls: list[object] = []

    async def empty_agent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(writer)
        while size := await reader.read(4):
            await reader.readexactly(int.from_bytes(size))
            writer.write(b"\0\0\0\x05\x0c\0\0\0\0")  # no keys
        writer.close()

    async with await asyncio.start_unix_server(empty_agent, agent):
        before = _unix_listeners(farm.pid)
        # The client's own keys are given, so it asks the agent only when the server wants it forwarded.
        async with login(farm, "web-01", agent_path=str(agent), agent_forwarding=True) as web:
            calls.clear()
            assert (await web.run("hostname")).exit == 0
            assert calls == []
            assert _unix_listeners(farm.pid) == before
            with pytest.raises(asyncssh.ChannelOpenError):
                await web.connection.run("hostname", term_type="xterm", request_pty="force")


def _unix_listeners(pid: int) -> int:
    """How many listening Unix sockets a process holds."""
    rows = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    listening = {row[6] for row in rows if int(row[3], 16) & 0x10000}
    held = [os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir() if fd.is_symlink()]
    return sum(name.removeprefix("socket:[").rstrip("]") in listening for name in held)


@pytest.mark.parametrize("user", ["root", "nobody", ""])
async def test_only_one_account_with_one_key_may_log_in(farm: Farm, user: str) -> None:
    host = farm.hosts["web-01"]
    known = asyncssh.import_known_hosts(farm.known_hosts)
    right = asyncssh.import_private_key(farm.private_key)
    for name, key in ((user, right), ("muster", asyncssh.generate_private_key("ssh-ed25519"))):
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(
                host.address,
                host.ssh_port,
                username=name,
                client_keys=[key],
                known_hosts=known,
                config=None,
                agent_path=None,
            )


async def test_a_host_can_be_mute_refuse_the_key_or_show_another_host_key(farm: Farm) -> None:
    for mode, error in (
        ("mute", (asyncssh.ConnectionLost, TimeoutError)),
        ("refuse-key", asyncssh.PermissionDenied),
        ("wrong-host-key", asyncssh.HostKeyNotVerifiable),
    ):
        await farm.ssh("web-02", mode=mode)
        with pytest.raises(error):
            async with login(farm, "web-02", login_timeout=0.3 if mode == "mute" else 5):
                pass
    await farm.ssh("web-02", delay_ms=20, missing=["ss"])
    async with login(farm, "web-02") as web:
        assert (await web.run("hostname")).exit == 0
        assert (await web.run("ss -Hltn")).exit == 127
    await farm.ssh("web-02")
    async with login(farm, "web-02") as web:
        assert (await web.run("ss -Hltn")).exit == 0
