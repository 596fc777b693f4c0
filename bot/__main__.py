"""The command line: it parses, hands over, prints, and turns refusals into one sentence and an exit code.

Exit 0: done. 1: refused, or problems were found. 2: wrong usage.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.ports import GaveUp, NotAllowed, TryAgain
from bot.settings import Home, Settings, environment, read_home, read_policy
from bot.strict_yaml import Problems

app = typer.Typer(
    name="muster",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Muster: an incident bot for Slack and Datadog.",
)
runbook_app = typer.Typer(no_args_is_help=True, help="Runbooks: list them, check them, run them by hand.")
setup_app = typer.Typer(no_args_is_help=True, help="Setting up the neighbours.")
app.add_typer(runbook_app, name="runbook")
app.add_typer(setup_app, name="setup")
Incident = Annotated[str, typer.Argument(help="INC-n", show_default=False)]
CANNOT_LISTEN = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES})
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def now() -> datetime:
    """The clock of the command line."""
    return datetime.now(UTC)


@contextmanager
def terminal() -> Iterator[Any]:
    """The store and what can be done with it."""
    from bot.terminal import Terminal  # loads the database: not for --help

    found = Terminal(Settings.read(environment()), now=now)
    try:
        yield found
    finally:
        found.close()


@app.command()
def serve() -> None:
    """Run the bot until it is told to stop."""
    settings = Settings.read(environment())
    if missing := settings.missing_to_serve():
        raise NotAllowed("\n".join(missing))
    home = read_home(settings.home, settings.secrets)
    from bot.app import serve as run  # loads Slack and the engine: only here

    try:
        asyncio.run(run(settings, home))
    except OSError as error:
        if error.errno not in CANNOT_LISTEN:
            raise
        where, why = f"{settings.host}:{settings.port}", os.strerror(error.errno)
        raise NotAllowed(f"Not started, {where} cannot be listened on ({why}): set PORT or HOST to another.") from None


@app.command(context_settings={"ignore_unknown_options": True})
def say(
    words: Annotated[list[str], typer.Argument(help="[INC-n] and what you would type in Slack; - reads lines")],
    name: Annotated[str, typer.Option("--as", help="Who says it.")] = "",
    zone: Annotated[str, typer.Option(help="Your zone, such as Africa/Nairobi.")] = "",
    when: Annotated[str, typer.Option("--now", help="When it was said, for what is told later.")] = "",
) -> None:
    """Say something to the bot, as in Slack: muster say declare "Pages are slow"."""
    with terminal() as found:
        from bot.terminal import Voice, lines_for

        voice = Voice.of(name, zone, when, default_zone=found.settings.zone, clock=now())
        text = _readable(" ".join(words)).strip()
        incident = lines_for(text)
        if incident is None:
            replies = list(_answered(iter([found.say(text, voice)])))
        else:
            number = found.incident(incident).number if incident else None
            replies = list(_answered(found.say_lines(iter(sys.stdin), voice, number)))
    if not all(replies):
        raise typer.Exit(1)


def _readable(words: str) -> str:
    """Bytes of the command line that are no UTF-8 become a mark."""
    return words.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _answered(replies: Iterator[Any]) -> Iterator[bool]:
    for reply in replies:
        print(reply.text, file=sys.stdout if reply.ok else sys.stderr, flush=True)
        yield reply.ok


@app.command("list")
def list_incidents(
    open_only: Annotated[bool, typer.Option("--open", help="Only unclosed ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """List incidents, oldest first."""
    from bot.journal import stamp

    with terminal() as found:
        rows = [
            {
                "id": s.id,
                "title": s.title,
                "severity": s.severity,
                "status": s.status,
                "service": s.service,
                "opened_at": stamp(s.opened_at),
                "channel": s.channel,
            }
            for s in found.incidents(open_only=open_only)
        ]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        print("  ".join(_one_line(row[key]) for key in ("id", "severity", "status", "opened_at", "title")))


def _one_line(text: str) -> str:
    """What outsiders wrote, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


@app.command()
def export(incident: Annotated[str, typer.Argument(help="INC-n; without it all, one a line")] = "") -> None:
    """Print the record of an incident, or of all."""
    with terminal() as found:
        for record in found.records(incident):
            print(json.dumps(record, ensure_ascii=False, indent=2 if incident else None))


@app.command("import")
def bring_in(
    file: Annotated[Path, typer.Argument(help="what “muster export” printed", exists=True, dir_okay=False)],
) -> None:
    """Bring records into an empty database."""
    from bot.terminal import read_records

    with terminal() as found:
        for id in found.bring_in(read_records(_text_of(file))):
            print(id)


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise NotAllowed(f"Nothing was imported: {file} cannot be read ({error}).") from None


@app.command()
def postmortem(
    incident: Incident,
    brief: Annotated[bool, typer.Option("--brief", help="The short form.")] = False,
    output: Annotated[Path | None, typer.Option("-o", help="Write it to this file.")] = None,
) -> None:
    """Draft the postmortem from the record as it stands."""
    with terminal() as found:
        text = found.draft(incident, brief=brief)
    if output:
        try:
            output.write_text(text, "utf-8")
        except OSError as error:
            raise NotAllowed(f"Nothing was written to {output}: {error.strerror}; name another file.") from None
        print(output)
    else:
        print(text, end="")


@app.command()
def check() -> None:
    """Validate settings, policy, inventory and runbooks, without asking anybody."""
    settings, problems = Settings.inspect(environment())
    try:
        home = read_home(settings.home, settings.secrets)
    except Problems as found:
        raise NotAllowed("\n".join([*problems, str(found)])) from None
    if problems:
        raise NotAllowed("\n".join(problems))
    for name in home.absent:
        print(f"{settings.home / name} is not there: the defaults hold.")
    for problem in settings.missing_to_serve():
        print(f"serve: {problem}")
    print(f"{settings.home}: {len(home.runbooks)} runbooks, {len(home.inventory.groups)} groups of hosts: all well.")


@app.command()
def explain(word: Annotated[str, typer.Argument(help="a delivery's id, or INC-n")], as_json: AsJson = False) -> None:
    """Say which rule decided about an alert, and why."""
    with terminal() as found:
        rows = found.explain(word)
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        print(f"No alert belongs to {word}: people opened it.")
    for row in rows:
        told = (row["delivery"], row["ruling"] or "not judged", row["incident"] or "-", row["reason"])
        print("  ".join(map(_one_line, told)))


@runbook_app.command("list")
def runbook_list(as_json: AsJson = False) -> None:
    """List the runbooks."""
    rows = [{"name": r.name, "title": r.title, "owner": r.owner} for r in _home().runbooks]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        print(f"{row['name']}  {row['title']}  ({row['owner']})")


@runbook_app.command("lint")
def runbook_lint() -> None:
    """Validate the runbooks; every problem with file, line and column."""
    print(f"{len(_home().runbooks)} runbooks: all well.")


def _home() -> Home:
    settings = Settings.read(environment())
    return read_home(settings.home, settings.secrets)


@runbook_app.command("run")
def runbook_run(
    name: Annotated[str, typer.Argument(help="the runbook's name")],
    on: Annotated[str, typer.Option("--on", help="a host of the inventory")],
    dry: Annotated[bool, typer.Option("--dry", help="Print what would be asked, and ask nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a runbook's checks by hand. Exit 1 when one of them fails or could not be asked."""
    with terminal() as found:
        desk, runbook, host = found.runbook(name, on)
        if dry:
            asked = desk.dry(runbook, host)
            print(json.dumps(asked, indent=2, ensure_ascii=False) if as_json else "\n".join(asked))
            return
        answered = asyncio.run(desk.diagnose(runbook, host, run="by-hand"))
    if as_json:
        from bot.journal import to_json

        print(json.dumps(to_json(answered), indent=2, ensure_ascii=False))
    else:
        for result in answered.results:
            summary = _one_line(result.summary)
            print(f"{result.state:8} {result.check:12} {result.host:10} {result.took_ms:5} ms  {summary}")
        for cause in answered.causes:
            print(_one_line(f"{cause.verdict}: {cause.text}{f' ({cause.because})' if cause.because else ''}"))
    if any(r.state in {"fail", "unknown"} for r in answered.results):
        raise typer.Exit(1)


@setup_app.command("slack")
def setup_slack(url: Annotated[str, typer.Option(help="Where Slack reaches this bot, https://…")]) -> None:
    """Print the app manifest, made from the code: paste it at “Create an app from a manifest”."""
    from bot.slack.manifest import manifest  # loads Slack

    settings = Settings.read(environment())
    command = read_policy(settings.home).command
    print(json.dumps(manifest(url, command=command), indent=2, ensure_ascii=False))


@app.command()
def demo(
    auto: Annotated[bool, typer.Option("--auto", help="Play the humans, too; end by itself.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for everything that the demo writes.")] = Path("var/demo"),
    story: Annotated[str, typer.Option(help="seed: a web server falls out; quiet: nothing is broken.")] = "seed",
    seed: Annotated[int | None, typer.Option(help="Repeat a run: the same server, the same port.")] = None,
    speed: Annotated[float, typer.Option(help="Shorten the pauses of the played humans.", min=0.1)] = 1.0,
    watch: Annotated[float, typer.Option("--for", help="Seconds that the quiet story watches.", min=1)] = 30.0,
) -> None:
    """Try it with nothing: a lab with real nginx servers, a chat and a monitor, and the seed incident."""
    if sys.platform != "linux":
        raise NotAllowed("The demo needs Linux: its servers have loopback addresses of their own (127.x.y.z).")
    try:
        from bot.lab.story import STORIES, play  # the lab: only here

        if story not in STORIES:
            raise typer.BadParameter(f"there is no story {story!r}; there is {', '.join(STORIES)}")
        code = asyncio.run(play(story=story, out=out, auto=auto, seed=seed, speed=speed, watch=watch))
    except KeyboardInterrupt:
        print("Stopped before anything was started.", flush=True)
        raise typer.Exit(130) from None
    raise typer.Exit(code)


def main() -> None:
    """Run the command line; what people can mend is one sentence on standard error."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # whatever the locale says, and whatever comes
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except Problems as problems:
        raise SystemExit(_complain(str(problems), 1)) from None
    except (NotAllowed, TryAgain) as refusal:
        raise SystemExit(_complain(str(refusal), 1)) from None
    except GaveUp as refusal:
        raise SystemExit(_complain(f"{refusal} {refusal.fix}".strip(), 1)) from None


def _complain(text: str, code: int) -> int:
    print(text, file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
