"""What must not drift: everything has its help, documents name what exists, and the project speaks of itself alone."""

from __future__ import annotations

import inspect
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bot import alerts, checks, commands, policy
from bot.alerts import SOURCES
from bot.checks import NOUNS
from bot.cli import load
from bot.commands import COMMANDS
from bot.runbook import inventory
from bot.settings import Settings
from tests.reference import PAGES

ROOT = Path(__file__).parents[1]
NOT_SAID = {"socket"}  # of a balancer kind that cannot be asked yet
commands.load()
checks.load()
alerts.load()


def documents() -> list[Path]:
    """The Markdown files that people read."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def command_lines() -> set[str]:
    """Every `muster WORD` that the documents show."""
    text = "\n".join(file.read_text("utf-8") for file in documents() if file.exists())
    return set(re.findall(r"(?:^|`)muster ([a-z][a-z-]*(?: [a-z]+)?)", text, re.MULTILINE))


@pytest.mark.parametrize("word", sorted(COMMANDS))
def test_every_word_has_help_and_usage(word: str) -> None:
    command = COMMANDS[word]
    assert command.usage.startswith(word)
    assert re.match(r"[A-Z].*[.:]$", command.help.splitlines()[0]) or ": " in command.help.splitlines()[0]


@pytest.mark.parametrize("noun", sorted(name for name, n in NOUNS.items() if n.ask.__module__.startswith("bot.checks")))
def test_every_check_has_help_about_each_of_its_words(noun: str) -> None:
    about = NOUNS[noun]
    assert about.help.endswith(".")
    for word in set(about.words) - NOT_SAID:
        assert re.search(rf"\b{word.rstrip('_').replace('_', '-')}\b", about.help), word


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_reference_page_is_what_the_registry_says(page: str) -> None:
    written = (ROOT / "docs" / page).read_text("utf-8")
    assert written == PAGES[page]() + "\n", (
        f"docs/{page} is outdated: renew it with .venv/bin/python -m tests.reference"
    )


def test_every_setting_is_documented() -> None:
    names = re.findall(r'found\.\w+\("([A-Z_]+)"', inspect.getsource(Settings.inspect))
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert names
    assert [name for name in names if f"`{name}`" not in page] == []


@pytest.mark.parametrize(
    ("page", "module", "parts"),
    [
        ("policy.md", policy, r"title|monitor|tags|service|priority|name|archive-after"),
        ("inventory.md", inventory, "repo|paths"),
    ],
)
def test_every_key_of_the_files_is_documented_with_examples_that_load(page: str, module: Any, parts: str) -> None:
    keys = set(re.findall(r"\.take\(\s*\"([a-z-]+)\"", source_of(module)))
    written = (ROOT / "docs" / page).read_text("utf-8")
    assert len(keys) > 15
    assert [key for key in sorted(keys) if f"`{key}`" not in written] == []
    rows = set(re.findall(r"^\| `([a-z-]+)` \|", written, re.MULTILINE))
    assert rows <= keys
    assert {key for key in keys - rows if not re.fullmatch(parts, key)} <= WITHIN_OTHERS
    for example in re.findall(r"```yaml\n(.*?)```", written, re.DOTALL):
        module.load(example, page)


def test_the_defaults_of_the_policy_page_are_the_defaults() -> None:
    shown = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "policy.md").read_text("utf-8"), re.DOTALL)
    assert shown
    assert policy.load(shown[1], "policy.md") == policy.Policy()


@pytest.mark.parametrize("page", ["policy.md", "inventory.md"])
def test_every_example_in_the_tables_is_what_the_file_takes(page: str) -> None:
    load = policy.load if page == "policy.md" else inventory.load
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\| `(\1: .*)` \|$", (ROOT / "docs" / page).read_text("utf-8"), re.MULTILINE)
    assert len(rows) > 15
    for key, example in rows:
        load(AROUND.get(key, "{}").format(example), page)


def source_of(module: Any) -> str:
    """All files of a package, or the one file."""
    file = Path(inspect.getfile(module))
    files = sorted(file.parent.glob("*.py")) if file.name == "__init__.py" else [file]
    return "\n".join(each.read_text("utf-8") for each in files)


WITHIN_OTHERS = {
    *("people", "cycles", "within", "no-update", "no-commander", "quiet", "every", "stale-after", "git", "branch")
}
"""Keys that the pages tell in the row of the block around them."""
_RULE = "rules: [{{do: open, {}}}]"
_GROUP = "inventory: 1\ngroups: {{web: {{{}, hosts: {{lb-01: 10.0.0.1, db-01: 10.0.0.2}}}}}}"
_HOST = "inventory: 1\ngroups: {{web: {{hosts: {{a: {{address: 10.0.0.13, {}}}}}}}}}"
AROUND = {
    **dict.fromkeys(["match"], _RULE),
    "do": "rules: [{{match: {{}}, {}}}]",
    "on-recovery": "rules: [{{match: {{}}, do: open, {}}}]",
    **dict.fromkeys(["window", "cool-off", "flapping", "per-hour"], "grouping: {{{}}}"),
    "default-severity": "severities: [critical, major]\n{}",
    **dict.fromkeys(["template", "brief", "publish"], "postmortem: {{{}}}"),
    **dict.fromkeys(["write-back", "downtime", "mirror-incident", "reconcile"], "datadog: {{{}}}"),
    **dict.fromkeys(["user", "key", "known-hosts", "act"], "inventory: 1\nssh: {{{}}}"),
    **dict.fromkeys(["service", "role", "env", "port", "behind", "primary", "config"], _GROUP),
    "hosts": "inventory: 1\ngroups: {{web: {{{}}}}}",
    "address": "inventory: 1\ngroups: {{web: {{hosts: {{a: {{{}}}}}}}}}",
    **dict.fromkeys(["ssh-port", "aliases"], _HOST),
    "allow": "inventory: 1\n{}",
}
"""Where an example of the tables stands in its file; what is not named here stands at the top."""


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for document in documents():
        links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document.read_text("utf-8"))
        assert [link for link in links if not (document.parent / link).exists()] == [], document


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_every_alert_source_has_help(source: str) -> None:
    assert inspect.getdoc(SOURCES[source])


def test_every_command_of_the_command_line_has_help() -> None:
    for name, found in _all(typer.main.get_command(load())).items():
        assert found.help, name


def test_the_documents_show_only_commands_that_exist() -> None:
    known = _all(typer.main.get_command(load()))
    for line in command_lines():
        first, _, second = line.partition(" ")
        assert first in known, f"muster {line}"
        if first in {"runbook", "setup"}:
            assert line in known, f"muster {line}"
        if first == "say" and second:
            assert second in COMMANDS, f"muster {line}"


def _all(group: Any, before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, command in getattr(group, "commands", {}).items():
        found[f"{before}{name}"] = command
        found |= _all(command, f"{before}{name} ")
    return found


# Put together here, so that this file does not name them itself.
HOSTS = (
    "py" + "pi.org",
    "files.python" + "hosted",
    "registry.npm" + "js",
    "deb.deb" + "ian.org",
    "archive.ubun" + "tu",
)
PATHS = ("/wo" + "rk/", "../sha" + "red", "/ro" + "ot/")


def tracked() -> list[Path]:
    """Every file that is in the repository, or would be with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [file for name in listed.stdout.decode().split("\0") if name and (file := ROOT / name).is_file()]


@pytest.mark.parametrize("word", [*HOSTS, *PATHS])
def test_no_file_names_a_package_host_or_a_path_of_one_machine(word: str) -> None:
    found = [str(file.relative_to(ROOT)) for file in tracked() if word.encode() in file.read_bytes()]
    assert found == []
