"""The inventory's servers over SSH: as the account that looks, and as the one that may change them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bot.hosts import Ssh
from bot.runbook.inventory import SshAccess
from bot.runbook.reach import Connected
from bot.runbook.secret import resolve_key
from bot.settings import Home


@dataclass(frozen=True, kw_only=True)
class Hands:
    """Reaches servers as the account that may change them; its key is read only while a plan is carried out."""

    home: Home

    def connections(self) -> AbstractAsyncContextManager[Connected]:
        """The connections of one repair. Raises GaveUp for a key that is not there."""
        return servers_of(self.home, self.home.inventory.ssh.acting).connections()


def servers_of(home: Home, access: SshAccess | None = None) -> Ssh:
    """The inventory's servers over SSH. Raises GaveUp for a key that is not there."""
    access = access or home.inventory.ssh
    key = resolve_key(access, home=home.folder, environ=home.secrets)
    return Ssh(access, key=key, known_hosts=home.folder / access.known_hosts)
