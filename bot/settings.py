"""Settings from the environment and the files of MUSTER_HOME; all problems at once, each with its remedy."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bot import checks, policy
from bot.policy import Policy
from bot.ports import NotAllowed
from bot.runbook import inventory, schema
from bot.runbook.inventory import Inventory
from bot.runbook.lint import lint, remarks
from bot.runbook.runbook import Runbook
from bot.spoken.zone import iana_zone
from bot.strict_yaml import Problem, Problems

T = TypeVar("T")
POLICY, INVENTORY = "policy.yaml", "inventory.yaml"
LARGEST = 1_000_000
"""Bytes of a file that people write; a larger one is something else."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment says. Secrets stay out of `repr`."""

    slack_bot_token: str = field(default="", repr=False)
    slack_signing_secret: str = field(default="", repr=False)
    slack_app_token: str = field(default="", repr=False)
    slack_api_url: str = "https://slack.com/api/"
    dd_api_key: str = field(default="", repr=False)
    dd_app_key: str = field(default="", repr=False)
    dd_site: str = "datadoghq.com"
    dd_api_url: str = ""
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    database_url: str = "sqlite:///var/muster.db"
    port: int = 3000
    host: str = "0.0.0.0"  # noqa: S104 - a container listens on all of its interfaces
    home: Path = Path("runbooks")
    postmortems: Path = Path("postmortems")
    zone: str = "UTC"
    log_level: str = "info"
    log_format: str = "json"
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @staticmethod
    def read(environ: Mapping[str, str]) -> Settings:
        """Settings from a mapping. Raises NotAllowed that lists every problem, one a line."""
        settings, problems = Settings.inspect(environ)
        if problems:
            raise NotAllowed("\n".join(problems))
        return settings

    @staticmethod
    def inspect(environ: Mapping[str, str]) -> tuple[Settings, list[str]]:
        """Settings with the default where a value cannot be used, and every problem with its remedy."""
        found = _Reader(environ)
        settings = Settings(
            slack_bot_token=found.text("SLACK_BOT_TOKEN"),
            slack_signing_secret=found.text("SLACK_SIGNING_SECRET"),
            slack_app_token=found.text("SLACK_APP_TOKEN"),
            slack_api_url=found.url("SLACK_API_URL", Settings.slack_api_url),
            dd_api_key=found.text("DD_API_KEY"),
            dd_app_key=found.text("DD_APP_KEY"),
            dd_site=found.site("DD_SITE", Settings.dd_site),
            dd_api_url=found.url("DD_API_URL", ""),
            webhook_secrets=tuple(s.strip() for s in found.text("DATADOG_WEBHOOK_SECRET").split(",") if s.strip()),
            database_url=found.text("DATABASE_URL") or Settings.database_url,
            port=found.port("PORT", Settings.port),
            host=found.text("HOST") or Settings.host,
            home=Path(found.text("MUSTER_HOME") or Settings.home),
            postmortems=Path(found.text("MUSTER_POSTMORTEMS") or Settings.postmortems),
            zone=found.zone("MUSTER_TZ"),
            log_level=found.one_of("LOG_LEVEL", ("info", "debug", "warning", "error")),
            log_format=found.one_of("LOG_FORMAT", ("json", "console")),
            secrets={name: value for name, value in environ.items() if name.startswith("MUSTER_SECRET_")},
        )
        return settings, found.problems

    def missing_to_serve(self) -> list[str]:
        """What `serve` needs and does not have, each with its remedy."""
        needed = {
            "SLACK_BOT_TOKEN": (self.slack_bot_token, "the bot token (xoxb-…) of the app's OAuth page"),
            "SLACK_SIGNING_SECRET": (
                self.slack_signing_secret or self.slack_app_token,
                "the signing secret of the app's Basic Information (or SLACK_APP_TOKEN, for Socket Mode)",
            ),
            "DATADOG_WEBHOOK_SECRET": (
                self.webhook_secrets,
                "a long random text; Datadog sends it in X-Muster-Token",
            ),
        }
        return [f"{name} is not set: set it to {remedy}." for name, (value, remedy) in needed.items() if not value]


def environment() -> dict[str, str]:
    """The process environment over the `.env` of the working directory. The only reader of os.environ.

    Raises NotAllowed when the file is there and cannot be read.
    """
    file = Path(".env")
    try:
        return {**(_dotenv(file.read_text("utf-8-sig")) if file.is_file() else {}), **os.environ}
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise NotAllowed(f"{file.absolute()} cannot be read ({why}): mend it or move it away.") from None


def _dotenv(text: str) -> dict[str, str]:
    pairs = (line.strip().removeprefix("export ").partition("=") for line in text.splitlines())
    return {name.strip(): _value(value.strip()) for name, equals, value in pairs if equals and not name.startswith("#")}


def _value(written: str) -> str:
    """What stands between quotes, else everything up to a comment."""
    quoted = re.fullmatch(r"""(['"])(.*?)\1(\s+#.*|\s*)""", written)
    return quoted[2] if quoted else re.split(r"(?:^|\s+)#", written, maxsplit=1)[0]


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        return self._environ.get(name, "").strip()

    def url(self, name: str, default: str) -> str:
        value = self.text(name) or default
        if value and not re.match(r"https?://[^/\s]", value):
            self.problems.append(f"{name} is {value!r}: it must start with https:// (or http:// for a test).")
        return value

    def site(self, name: str, default: str) -> str:
        value = self.text(name).lower() or default
        if re.fullmatch(r"(?!app\.|api\.)[a-z0-9-]+(\.[a-z0-9-]+)+", value):
            return value
        self.problems.append(
            f"{name} is {value!r}: it must be the name alone, such as datadoghq.eu or us3.datadoghq.com."
        )
        return default

    def port(self, name: str, default: int) -> int:
        value = self.text(name)
        if not value:
            return default
        if re.fullmatch(r"[0-9]{1,5}", value) and int(value) <= 65535:
            return int(value)
        self.problems.append(f"{name} is {value!r}: it must be a number from 0 to 65535.")
        return default

    def zone(self, name: str) -> str:
        value = self.text(name) or "UTC"
        if iana_zone(value):
            return value
        self.problems.append(f"{name} is {value!r}: it must be a zone such as Europe/Berlin or UTC.")
        return "UTC"

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name).lower() or choices[0]
        if value not in choices:
            self.problems.append(f"{name} is {value!r}: it must be one of {', '.join(choices)}.")
            return choices[0]
        return value


@dataclass(frozen=True, kw_only=True)
class Home:
    """What MUSTER_HOME says: policy, inventory, runbooks; `absent` names the files that are not there.

    `remarks` say where runbooks do not fit the inventory, which stops nothing.
    """

    folder: Path
    policy: Policy = field(default_factory=Policy)
    inventory: Inventory = field(default_factory=Inventory)
    runbooks: tuple[Runbook, ...] = ()
    absent: tuple[str, ...] = ()
    remarks: tuple[Problem, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_policy(folder: Path) -> Policy:
    """The policy alone, so that a mistake in a runbook hinders nobody from taking notes. Raises Problems."""
    problems: list[Problem] = []
    found = _read(folder / POLICY, policy.load, problems)
    if problems:
        raise Problems(problems)
    return found or Policy()


def read_home(
    folder: Path, secrets: Mapping[str, str] | None = None, *, runbooks: Sequence[Path] | None = None
) -> Home:
    """Read the folder. Raises Problems with every mistake in every file, with file:line:column.

    `secrets` are the MUSTER_SECRET_* variables that the files may refer to. `runbooks` are files, or folders of them,
    that are read in place of the folder's own.
    """
    nouns = checks.load()
    problems: list[Problem] = []
    found_policy = _read(folder / POLICY, policy.load, problems)
    found_inventory = _read(folder / INVENTORY, inventory.load, problems)
    files = _runbooks(folder, problems) if runbooks is None else _named(runbooks, problems)
    read = [_read(f, lambda text, name: schema.load(text, name, nouns), problems) for f in files]
    good = tuple(r for r in read if r)
    unread = Inventory(allow=(("*",),)) if (folder / INVENTORY).exists() else Inventory()  # unknown what it allows
    problems += lint(good, found_inventory or unread, nouns)
    if problems:
        raise Problems(problems)
    return Home(
        folder=folder,
        policy=found_policy or Policy(),
        inventory=found_inventory or Inventory(),
        runbooks=good,
        secrets=secrets or {},
        absent=tuple(name for name in (INVENTORY, POLICY) if not (folder / name).exists()),
        remarks=tuple(remarks(good, found_inventory or Inventory())),
    )


def _runbooks(folder: Path, problems: list[Problem]) -> list[Path]:
    """The runbooks of a folder, in the order of their names."""
    found = sorted(folder.glob("*.y*ml")) if folder.is_dir() else []
    problems += [_whole(f, f"is not read: call it {f.stem}.yaml") for f in found if f.suffix != ".yaml"]
    return [f for f in found if f.suffix == ".yaml" and f.name not in {POLICY, INVENTORY}]


def _named(places: Sequence[Path], problems: list[Problem]) -> list[Path]:
    """The runbooks at these places, each once."""
    problems += [_whole(place, "is not there") for place in places if not os.path.lexists(place)]
    found = [f for place in places for f in (_runbooks(place, problems) if place.is_dir() else [place])]
    return list(dict.fromkeys(found))


def _read(file: Path, load: Callable[[str, str], T], problems: list[Problem]) -> T | None:
    try:
        return load(_text(file), str(file)) if os.path.lexists(file) else None
    except Problems as found:
        problems.extend(found.problems)
    except OSError as error:
        problems.append(_whole(file, f"cannot be read ({error.strerror}): make it a file that this user may read"))
    return None


def _text(file: Path) -> str:
    """What a file says. Raises OSError, and Problems for what no person has written."""
    if not (file.is_file() or file.is_dir()):  # reading a pipe would wait for somebody to write
        raise Problems([_whole(file, "is no plain file, or a link that leads nowhere")])
    with file.open("rb") as opened:
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Problems([_whole(file, "is larger than a megabyte, so it is not read: is it the right file?")])
    return content.decode("utf-8", "replace").replace("\r\n", "\n")


def _whole(file: Path, text: str) -> Problem:
    """A problem of a file as such."""
    return Problem(file=str(file), line=1, column=1, text=text)
