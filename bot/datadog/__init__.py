"""Asking and telling Datadog, through datadog-api-client: one file a family of its API. Nobody else knows the client.

Optional and time-limited: the webhook alone is enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.datadog import links
from bot.datadog.api import LIMIT, Api
from bot.datadog.downtimes import Downtimes
from bot.datadog.events import Events
from bot.datadog.incidents import Incidents
from bot.datadog.keys import Keys
from bot.datadog.logs import Searches
from bot.datadog.metrics import Queries
from bot.datadog.monitors import Monitors
from bot.datadog.webhooks import Webhooks
from bot.incident import Change
from bot.ports import Groups, Logs, Marker, Mirrored, MonitorState, Series, Silence
from bot.settings import Settings

__all__ = ["Datadog"]


class Datadog:
    """The Metrics port. Without keys every question is answered by GaveUp. `url` replaces the API's address only:
    links are for people's browsers. `within` is in seconds. `monitors`, `webhooks` and `keys` are for setting it up.
    """

    def __init__(self, *, api_key: str, app_key: str, site: str, url: str = "", within: float = LIMIT) -> None:
        self._app = links.address(site)
        self._api = Api(api_key=api_key, app_key=app_key, site=site, url=url, within=within)
        self._queries = Queries(self._api)
        self._searches = Searches(self._api)
        self._events = Events(self._api, app=self._app)
        self._downtimes = Downtimes(self._api)
        self._incidents = Incidents(self._api)
        self.monitors = Monitors(self._api, app=self._app)
        self.webhooks = Webhooks(self._api)
        self.keys = Keys(self._api)

    @classmethod
    def of(cls, settings: Settings) -> Datadog:
        """As the settings say where it is and who asks."""
        return cls(
            api_key=settings.dd_api_key, app_key=settings.dd_app_key, site=settings.dd_site, url=settings.dd_api_url
        )

    async def monitor(self, monitor_id: str) -> MonitorState:
        """The monitor's state and link, and its groups that are not well."""
        return await self.monitors.monitor(monitor_id)

    async def groups(self, query: str, *, bad: bool = True) -> Groups:
        """The groups that this search finds; `bad`: only those that are not well."""
        return await self.monitors.groups(query, bad=bad)

    async def series(self, query: str, *, start: datetime, end: datetime) -> Sequence[Series]:
        """The lines that this query draws."""
        return await self._queries.series(query, start=start, end=end)

    async def logs(self, query: str, *, start: datetime, end: datetime, most: int) -> Logs:
        """The newest log messages that this search finds."""
        return await self._searches.logs(query, start=start, end=end, most=most)

    async def changes(self, query: str, *, start: datetime, end: datetime, most: int) -> Sequence[Change]:
        """The events that this search finds, newest first."""
        return await self._events.changes(query, start=start, end=end, most=most)

    def links(self, *, monitor_id: str, host: str, start: datetime, end: datetime) -> Mapping[str, str]:
        """Pages for people, by name."""
        return links.around(self._app, monitor_id=monitor_id, host=host, start=start, end=end)

    async def mark(self, marker: Marker) -> None:
        """Show this beside the graphs."""
        await self._events.mark(marker)

    async def marked(self, marker: Marker) -> bool:
        """Whether this is shown already."""
        return await self._events.marked(marker)

    async def silence(self, wish: Silence) -> str:
        """Be quiet about this group; the downtime's id."""
        return await self._downtimes.silence(wish)

    async def silenced(self, wish: Silence) -> str:
        """The id of this very downtime where it began already, else nothing."""
        return await self._downtimes.silenced(wish)

    async def end_silence(self, id: str) -> None:
        """Be no longer quiet."""
        await self._downtimes.end_silence(id)

    async def mirror(self, shown: Mirrored) -> str:
        """Put the incident into Datadog's list; its id there."""
        return await self._incidents.mirror(shown)

    async def mirrored(self, key: str) -> str:
        """The id of the incident with this key in Datadog's list, else nothing."""
        return await self._incidents.mirrored(key)

    async def update_mirror(self, id: str, shown: Mirrored) -> None:
        """Bring the incident in Datadog's list up to date."""
        await self._incidents.update_mirror(id, shown)

    def close(self) -> None:
        """End the threads."""
        self._api.close()
