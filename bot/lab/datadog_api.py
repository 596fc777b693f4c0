"""A stand-in for Datadog's API: paths, keys, paging, rate-limit headers and errors as the real one has them.

It keeps what it is told in memory. `fault` and `delay` make it answer every call with that status, or later.
https://docs.datadoghq.com/api/latest/
"""

from __future__ import annotations

import asyncio
import itertools
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.lab import datadog_shapes

PERIOD, LIMIT = 60, 600  # seconds, and calls of one kind within them
HOOKS = "/api/v1/integration/webhooks/configuration"
RULES = "/api/v2/monitor/notification_rule"
KEY_ALONE = {("POST", "/api/v1/events"), ("GET", "/api/v1/validate")}
"""Calls for which an API key is enough."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Described = Callable[[], list[dict[str, Any]]]


def refusal(status: int, text: str) -> web.Response:
    """An error as Datadog words it."""
    return web.json_response({"errors": [text]}, status=status)


@dataclass
class DatadogApi:
    """The account's state. `described` gives the monitors that watch the lab, as they stand now."""

    described: Described
    fault: int = 0
    delay: float = 0.0
    events: list[dict[str, Any]] = field(default_factory=list)
    downtimes: dict[str, dict[str, Any]] = field(default_factory=dict)
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    webhooks: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    monitors: dict[int, dict[str, Any]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    points: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def application(self) -> web.Application:
        """The API, for an aiohttp server."""
        self._ids = itertools.count(5_000_001)
        self._spent: dict[tuple[str, int], int] = {}
        app = web.Application(middlewares=[self._guarded])
        for method, path, handler in self._routes():
            app.router.add_route(method, path, handler)
        return app

    def _routes(self) -> list[tuple[str, str, Handler]]:
        variable, webhook = f"{HOOKS}/custom-variables", f"{HOOKS}/webhooks"
        return [
            ("GET", "/api/v1/validate", self._validate),
            ("GET", "/api/v1/monitor/groups/search", self._groups),
            ("GET", "/api/v1/monitor", self._list_monitors),
            ("POST", "/api/v1/monitor", self._create_monitor),
            ("GET", r"/api/v1/monitor/{id:\d+}", self._monitor),
            ("PUT", r"/api/v1/monitor/{id:\d+}", self._update_monitor),
            ("GET", "/api/v1/query", self._query),
            ("POST", "/api/v1/events", self._post_event),
            ("POST", "/api/v2/events/search", self._search_events),
            ("POST", "/api/v2/logs/events/search", self._search_logs),
            ("GET", "/api/v2/downtime", self._list_downtimes),
            ("POST", "/api/v2/downtime", self._create_downtime),
            ("DELETE", "/api/v2/downtime/{id}", self._cancel_downtime),
            ("GET", "/api/v2/incidents/search", self._search_incidents),
            ("POST", "/api/v2/incidents/import", self._import_incident),
            ("PATCH", "/api/v2/incidents/{id}", self._update_incident),
            *self._named(variable, self.variables),
            *self._named(webhook, self.webhooks),
            ("GET", RULES, self._list_rules),
            ("POST", RULES, self._create_rule),
            ("PATCH", RULES + "/{id}", self._update_rule),
        ]

    # ---------------------------------------------------------------- keys, limits, faults

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/api/"):
            return await handler(request)
        self.asked.append((request.method, request.path))
        await asyncio.sleep(self.delay)
        if self.fault:
            return refusal(self.fault, "Forbidden" if self.fault == 403 else "Something went wrong")
        if not request.headers.get("DD-API-KEY"):
            return refusal(403, "Forbidden")
        alone = (request.method, request.path) in KEY_ALONE
        if not (alone or request.headers.get("DD-APPLICATION-KEY")):
            return refusal(403, "Forbidden")
        return await self._limited(request, handler)

    async def _limited(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the calls of one kind within a calendar period, and say so in each answer."""
        name = re.sub(r"/[0-9a-f-]{7,}$", "", request.path).rpartition("/")[2]
        window = int(time.time()) // PERIOD
        self._spent[name, window] = spent = self._spent.get((name, window), 0) + 1
        try:
            answer = refusal(429, "Rate limit exceeded") if spent > LIMIT else await handler(request)
        except (ValueError, KeyError, TypeError, AttributeError):
            answer = refusal(400, "Bad Request")
        answer.headers["X-RateLimit-Name"] = name
        answer.headers["X-RateLimit-Limit"] = str(LIMIT)
        answer.headers["X-RateLimit-Period"] = str(PERIOD)
        answer.headers["X-RateLimit-Remaining"] = str(max(0, LIMIT - spent))
        answer.headers["X-RateLimit-Reset"] = str(PERIOD - int(time.time()) % PERIOD)
        return answer

    # ---------------------------------------------------------------- monitors and metrics

    def _all_monitors(self) -> dict[int, dict[str, Any]]:
        return {one["id"]: one for one in [*self.described(), *self.monitors.values()]}

    async def _validate(self, _: web.Request) -> web.Response:
        return web.json_response({"valid": True})

    async def _monitor(self, request: web.Request) -> web.Response:
        found = self._all_monitors().get(int(request.match_info["id"]))
        if found is None:
            return refusal(404, "Monitor not found")
        wanted = {state.strip() for state in request.query.get("group_states", "").lower().split(",")}
        groups = found["state"]["groups"] if "all" in wanted or wanted != {""} else {}
        shown = {n: g for n, g in groups.items() if "all" in wanted or g["status"].lower() in wanted}
        return web.json_response({**found, "state": {"groups": shown}})

    async def _groups(self, request: web.Request) -> web.Response:
        query = request.query.get("query", "").lower()
        page, size = int(request.query.get("page", "0")), int(request.query.get("per_page", "30"))
        found = [
            group for monitor in self._all_monitors().values() for group in datadog_shapes.found_groups(monitor, query)
        ]
        meta = {"page": page, "per_page": size, "total_count": len(found), "page_count": size}
        counts: dict[str, list[Any]] = {"status": [], "muted": [], "type": []}
        return web.json_response({"counts": counts, "groups": found[page * size : (page + 1) * size], "metadata": meta})

    async def _list_monitors(self, request: web.Request) -> web.Response:
        wanted = {tag for tag in request.query.get("monitor_tags", "").split(",") if tag}
        page, size = int(request.query.get("page", "0")), int(request.query.get("page_size", "100"))
        found = [one for one in self._all_monitors().values() if wanted <= set(one.get("tags", []))]
        return web.json_response(found[page * size : (page + 1) * size])

    async def _create_monitor(self, request: web.Request) -> web.Response:
        body = await request.json()
        monitor = {"id": next(self._ids), "overall_state": "No Data", "state": {"groups": {}}, "options": {}, **body}
        if not (monitor["type"] and monitor["query"]):
            return refusal(400, "The value provided for parameter 'query' is invalid")
        self.monitors[monitor["id"]] = monitor
        return web.json_response(monitor)

    async def _update_monitor(self, request: web.Request) -> web.Response:
        monitor = self.monitors.get(int(request.match_info["id"]))
        if monitor is None:
            return refusal(404, "Monitor not found")
        monitor.update(await request.json())
        return web.json_response(monitor)

    async def _query(self, request: web.Request) -> web.Response:
        query = request.query["query"]
        if not re.search(r"\w+:[\w.]+\{[^{}]*\}", query):
            return web.json_response({"status": "error", "error": "Error parsing query", "series": []})
        since, until = int(request.query["from"]), int(request.query["to"])
        points = [[at * 1000, value] for at, value in self.points.get(query, []) if since <= at <= until]
        scope = query.partition("{")[2].partition("}")[0]
        line = {"metric": query, "scope": scope, "pointlist": points, "unit": None, "interval": 60}
        return web.json_response({"status": "ok", "res_type": "time_series", "series": [line] if points else []})

    # ---------------------------------------------------------------- events and logs

    async def _post_event(self, request: web.Request) -> web.Response:
        body = await request.json()
        if not body["title"] or len(body["text"]) > 4000:
            return web.Response(status=400, text="Bad Request")
        event = {**body, "id": next(self._ids), "at": time.time(), "tags": [t.lower() for t in body.get("tags", [])]}
        self.events.append(event)
        shown = {"id": event["id"], "id_str": str(event["id"]), "title": body["title"], "tags": event["tags"]}
        return web.json_response({"status": "ok", "event": shown}, status=202)

    async def _search_events(self, request: web.Request) -> web.Response:
        body = await request.json()
        query, since, until = datadog_shapes.window(body)
        found = [
            e for e in self.events if since <= e["at"] <= until and datadog_shapes.matches(query, e.get("tags", []))
        ]
        newest = sorted(found, key=lambda e: e["at"], reverse=True)[: int(body["page"]["limit"])]
        return web.json_response({"data": [datadog_shapes.event(e) for e in newest], "meta": {"status": "done"}})

    async def _search_logs(self, request: web.Request) -> web.Response:
        body = await request.json()
        query, since, until = datadog_shapes.window(body)
        found = [
            line
            for line in self.lines
            if since <= line["at"] <= until and datadog_shapes.matches(query, [f"host:{line['host']}"])
        ]
        most = int(body["page"]["limit"])
        page = {"page": {"after": "more"}} if len(found) > most else {}
        newest = sorted(found, key=lambda line: line["at"], reverse=True)[:most]
        return web.json_response(
            {"data": [datadog_shapes.log(line) for line in newest], "meta": {**page, "status": "done"}}
        )

    # ---------------------------------------------------------------- downtimes and incidents

    async def _list_downtimes(self, request: web.Request) -> web.Response:
        begin, size = int(request.query.get("page[offset]", "0")), int(request.query.get("page[limit]", "30"))
        found = [datadog_shapes.downtime(id, one) for id, one in self.downtimes.items()]
        return web.json_response({"data": found[begin : begin + size], "meta": {"page": {"total_count": len(found)}}})

    async def _create_downtime(self, request: web.Request) -> web.Response:
        attributes = (await request.json())["data"]["attributes"]
        if not (attributes["scope"] and attributes["monitor_identifier"]):
            return refusal(400, "Bad Request")
        id = str(uuid.uuid4())
        self.downtimes[id] = attributes
        return web.json_response({"data": datadog_shapes.downtime(id, attributes), "included": []})

    async def _cancel_downtime(self, request: web.Request) -> web.Response:
        gone = self.downtimes.pop(request.match_info["id"], None)
        return web.Response(status=204) if gone else refusal(404, "Downtime not found")

    async def _import_incident(self, request: web.Request) -> web.Response:
        attributes = (await request.json())["data"]["attributes"]
        fields = attributes.get("fields", {})
        other_words = any(set(one) != {"value"} for one in fields.values())
        if other_words or ("resolved" in attributes and fields.get("state") != {"value": "resolved"}):
            return refusal(400, "Bad Request")
        id = str(uuid.uuid4())
        self.incidents[id] = {"public_id": len(self.incidents) + 1, "title": "", **attributes}
        return web.json_response({"data": datadog_shapes.incident(id, self.incidents[id]), "included": []}, status=201)

    async def _update_incident(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        if id not in self.incidents:
            return refusal(404, "incident not found")
        self.incidents[id].update((await request.json())["data"]["attributes"])
        return web.json_response({"data": datadog_shapes.incident(id, self.incidents[id])})

    async def _search_incidents(self, request: web.Request) -> web.Response:
        wanted = re.sub(r'^title:"|"$', "", request.query["query"])
        found = [
            {"data": datadog_shapes.incident(id, one)} for id, one in self.incidents.items() if wanted in one["title"]
        ]
        size = int(request.query.get("page[size]", "10"))
        attributes = {"total": len(found), "facets": {}, "incidents": found[:size]}
        return web.json_response({"data": {"type": "incidents_search_results", "attributes": attributes}, "meta": {}})

    # ---------------------------------------------------------------- webhooks and rules

    def _named(self, path: str, kept: dict[str, dict[str, Any]]) -> list[tuple[str, str, Handler]]:
        """What is kept under its name: there is no list of these. A secret is never given back."""

        def shown(one: Mapping[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in one.items() if name != "value" or not one.get("is_secret")}

        async def create(request: web.Request) -> web.Response:
            body = await request.json()
            if body["name"] in kept:
                return refusal(400, "Webhook already exists")
            if any(not isinstance(value, str | bool) for value in body.values()):
                return refusal(400, "Bad Request")  # the payload is a text
            kept[body["name"]] = body
            return web.json_response(shown(body), status=201)

        async def read(request: web.Request) -> web.Response:
            found = kept.get(request.match_info["name"])
            return web.json_response(shown(found)) if found else refusal(404, "Not found")

        async def update(request: web.Request) -> web.Response:
            found = kept.get(request.match_info["name"])
            if found is None:
                return refusal(404, "Not found")
            found.update(await request.json())
            return web.json_response(shown(found))

        one = path + "/{name}"
        return [("POST", path, create), ("GET", one, read), ("PUT", one, update)]

    async def _list_rules(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [datadog_shapes.rule(id, one) for id, one in self.rules.items()]})

    async def _create_rule(self, request: web.Request) -> web.Response:
        id = str(uuid.uuid4())
        self.rules[id] = (await request.json())["data"]["attributes"]
        return web.json_response({"data": datadog_shapes.rule(id, self.rules[id])})

    async def _update_rule(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        if id not in self.rules:
            return refusal(404, "Rule not found")
        self.rules[id].update((await request.json())["data"]["attributes"])
        return web.json_response({"data": datadog_shapes.rule(id, self.rules[id])})
