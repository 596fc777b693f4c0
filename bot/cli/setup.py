"""muster setup: how the neighbours learn of us."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from bot.cli import app
from bot.ports import GaveUp, NotAllowed, TryAgain
from bot.settings import Settings, environment, read_policy

setup_app = typer.Typer(no_args_is_help=True, help="Setting up the neighbours.")
app.add_typer(setup_app, name="setup")


@setup_app.command("slack")
def setup_slack(
    url: Annotated[str, typer.Option(help="Where Slack reaches this bot, https://…; without it, Socket Mode.")] = "",
) -> None:
    """Print the app manifest, made from the code: paste it at “Create an app from a manifest”."""
    _refuse_unsafe(url)
    from bot.slack.manifest import manifest  # loads Slack

    settings = Settings.read(environment())
    command = read_policy(settings.home).command
    print(json.dumps(manifest(url, command=command), indent=2, ensure_ascii=False))


@setup_app.command("datadog")
def setup_datadog(
    url: Annotated[str, typer.Option(help="Where Datadog reaches this bot, https://…")] = "",
    monitor_tag: Annotated[str, typer.Option(help="Call us for all monitors with this tag.")] = "",
    notification_rule: Annotated[str, typer.Option(help="Call us for alerts in this scope, env:prod.")] = "",
    monitors: Annotated[bool, typer.Option("--monitors", help="Create the recommended monitors.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Print what would be set up, and ask nobody.")] = False,
) -> None:
    """Create or update the webhook with our payload and secret, and on request what calls it. Changes nothing twice."""
    if monitor_tag and notification_rule:
        raise typer.BadParameter("give --monitor-tag or --notification-rule, not both")
    if not (url or monitors or show):
        raise typer.BadParameter("give --url, --monitors or --print")
    if (monitor_tag or notification_rule) and not url:
        raise typer.BadParameter("a rule needs the webhook that it calls: give --url, too")
    from bot.datadog import install  # loads Datadog's client

    if show:
        wanted: dict[str, Any] = {"webhook": install.webhook_to(url or "https://…"), "monitors": install.recommended()}
        print(json.dumps(wanted, indent=2, ensure_ascii=False))
        return
    _refuse_unsafe(url)
    asyncio.run(_set_up(Settings.read(environment()), url, monitor_tag, notification_rule, monitors=monitors))


def _refuse_unsafe(url: str) -> None:
    """The secret travels with each call, so only a test on this machine may do without encryption."""
    if url and not _safe(url):
        told = "the address at which Muster is reached, https://…, without “?” and “#”"
        raise NotAllowed(f"Nothing was set up, {url} is no address that can be called: give {told}.")


def _safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - it says so when it is none
    except ValueError:
        return False
    plain = host and not (parts.query or parts.fragment or any(c.isspace() for c in url))
    return bool(plain) and (parts.scheme == "https" or (parts.scheme == "http" and _here(host)))


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def _set_up(settings: Settings, url: str, tag: str, scope: str, *, monitors: bool) -> None:
    from bot.datadog import Datadog, install

    if url and not settings.webhook_secrets:
        raise NotAllowed("Nothing was set up, DATADOG_WEBHOOK_SECRET is not set: set it to a long random text.")
    datadog = Datadog.of(settings)
    try:
        if url:
            await _print(install.install_webhook(datadog.webhooks, url=url, secret=settings.webhook_secrets[0]))
        if tag or scope:
            await _print(install.install_rule(datadog.webhooks, tag=tag, scope=scope))
        if monitors:
            await _print(install.install_monitors(datadog.monitors))
    except TryAgain as away:
        where = f"DD_API_URL ({settings.dd_api_url})" if settings.dd_api_url else f"DD_SITE ({settings.dd_site})"
        later = f"Check {where}, or do it again later: what is done stays done."
        raise NotAllowed(f"Not everything was set up: {away} {later}") from None
    except GaveUp as refused:
        raise NotAllowed(f"Not everything was set up: {refused} {refused.fix}".rstrip()) from None
    finally:
        datadog.close()


async def _print(lines: AsyncIterator[str]) -> None:
    async for line in lines:
        print(line)
