"""muster check: settings, policy, inventory and runbooks, offline."""

from __future__ import annotations

from bot.cli import app
from bot.ports import NotAllowed
from bot.settings import Settings, environment, read_home
from bot.strict_yaml import Problems


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
