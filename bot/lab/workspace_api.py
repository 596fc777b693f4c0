"""The Web API's transport: how a call is read, allowed, limited, failed on purpose, answered and written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

import bot.lab.workspace_conversations
import bot.lab.workspace_extras
import bot.lab.workspace_people
import bot.lab.workspace_views  # noqa: F401  (importing registers the methods)
from bot.lab.workspace_faults import Fault, FaultKind, Faults
from bot.lab.workspace_limits import Limits
from bot.lab.workspace_methods import METHODS, SPECIAL_TIER, Asked, Method
from bot.lab.workspace_outgoing import Outgoing
from bot.lab.workspace_responses import use_response_url
from bot.lab.workspace_state import JSON, SlackError, State


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the app, in the order of arrival: the witness of what it did.

    `status` is the HTTP status that the app saw, 0 when the connection was cut; `committed` says whether the
    call changed the workspace (a call may be committed and its answer lost).
    """

    at: float
    method: str
    params: JSON
    answer: JSON
    status: int = 200
    committed: bool = True

    def to_json(self) -> JSON:
        """As the lab's own endpoints show it."""
        return asdict(self)


class WebApi:
    """The Web API of one workspace."""

    def __init__(self, state: State, outgoing: Outgoing, *, limits: Limits, faults: Faults) -> None:
        self.state = state
        self.outgoing = outgoing
        self.limits = limits
        self.faults = faults
        self.calls: list[Call] = []
        self.recorded: Callable[[], None] = lambda: None

    def routes(self) -> list[web.RouteDef]:
        """What the app calls."""
        return [
            web.get("/api/{method}", self.call),
            web.post("/api/{method}", self.call),
            web.post("/response/{name}", self.respond),
            web.post("/upload/{file}", self.upload),
        ]

    async def call(self, request: web.Request) -> web.StreamResponse:
        """Answer one Web API call."""
        name = request.match_info["method"]
        params = await _params(request)
        fault = self.faults.take(name)
        if fault is not None and fault.kind is FaultKind.DELAY:
            await asyncio.sleep(fault.seconds)
        elif fault is not None and fault.kind is not FaultKind.DROP_AFTER:
            return self._failed(request, name, params, fault)
        answer, headers = self._answer(name, params, _token(request, params))
        if fault is not None and fault.kind is FaultKind.DROP_AFTER:
            self._record(name, params, answer, status=0, committed=bool(answer["ok"]))
            return _cut(request)
        status = 429 if "Retry-After" in headers else 200
        self._record(name, params, answer, status=status, committed=bool(answer["ok"]))
        return web.json_response(answer, status=status, headers=headers)

    def _failed(self, request: web.Request, name: str, params: JSON, fault: Fault) -> web.StreamResponse:
        match fault.kind:
            case FaultKind.ERROR:
                status, answer, headers = 200, {"ok": False, "error": fault.code}, {}
            case FaultKind.LIMITED:
                status, answer = 429, {"ok": False, "error": "ratelimited"}
                headers = {"Retry-After": str(max(1, round(fault.seconds)))}
            case FaultKind.BROKEN:
                status, answer, headers = fault.status, {"ok": False, "error": "internal_error"}, {}
            case _:
                status, answer, headers = 0, {}, {}
        html = fault.kind is FaultKind.HTML
        self._record(name, params, answer, status=200 if html else status, committed=False)
        if html:
            return web.Response(
                text="<html><body>Please log in to the network.</body></html>", content_type="text/html"
            )
        return web.json_response(answer, status=status, headers=headers) if status else _cut(request)

    def _answer(self, name: str, params: JSON, token: str) -> tuple[JSON, dict[str, str]]:
        method = METHODS.get(name)
        if method is None:
            return {"ok": False, "error": "unknown_method", "req_method": name}, {}
        try:
            scopes = self._scopes(method, token)
            wait = self._wait(method, params)
            if wait is not None:
                return {"ok": False, "error": "ratelimited"}, {"Retry-After": str(wait)}
            answer = {"ok": True, **method.answer(self.state, Asked(params))}
        except SlackError as error:
            return {"ok": False, "error": error.code, **error.more}, {}
        return answer, {
            "x-oauth-scopes": ",".join(sorted(scopes)),
            "x-accepted-oauth-scopes": ",".join(method.scopes),
        }

    def _scopes(self, method: Method, token: str) -> frozenset[str]:
        if not token:
            raise SlackError("not_authed")
        if token in self.state.revoked:
            raise SlackError("token_revoked")
        if token not in self.state.tokens:
            raise SlackError("invalid_auth")
        scopes = self.state.tokens[token]
        if ("connections:write" in scopes) != ("connections:write" in method.scopes):
            raise SlackError("not_allowed_token_type")
        if method.scopes and not scopes.intersection(method.scopes):
            raise SlackError("missing_scope", needed=method.scopes[0], provided=",".join(sorted(scopes)))
        return scopes

    def _wait(self, method: Method, params: JSON) -> int | None:
        wait = self.limits.wait_for_call(method.name, tier=method.tier)
        if wait is None and method.name == "chat.postMessage" and method.tier == SPECIAL_TIER:
            named = str(params.get("channel"))
            channel = self.state.named(named)
            wait = self.limits.wait_for_post(channel.id if channel else named)
        return wait

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Take what an app sends to a response URL."""
        said: JSON = await request.json()
        try:
            use_response_url(self.state, self.outgoing.response_urls.get(request.match_info["name"]), said)
        except SlackError as error:
            status = 404 if error.code == "expired_url" else 400
            refused = {"ok": False, "error": error.code, **error.more}
            self._record("response_url", said, refused, status=status, committed=False)
            return web.json_response(refused, status=status)
        self._record("response_url", said, {"ok": True})
        return web.Response(text="ok")

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Take the bytes of a file, raw or as a form's file."""
        file = self.state.files.get(request.match_info["file"])
        if file is None:
            return web.Response(status=404, text="file_not_found")
        if request.content_type.startswith("multipart/"):
            field = (await request.post()).get("file")
            file["bytes"] = field.file.read() if isinstance(field, web.FileField) else str(field or "").encode()
        else:
            file["bytes"] = await request.read()
        return web.Response(text=f"OK - {len(file['bytes'])}")

    def _record(self, method: str, params: JSON, answer: JSON, *, status: int = 200, committed: bool = True) -> None:
        kept: JSON = json.loads(json.dumps(answer))
        now = self.state.clock.now()
        self.calls.append(Call(at=now, method=method, params=params, answer=kept, status=status, committed=committed))
        self.recorded()


async def _params(request: web.Request) -> JSON:
    """Parameters from the query, a form or JSON."""
    params: JSON = dict(request.query)
    if request.method == "POST" and request.can_read_body:
        if request.content_type == "application/json":
            try:
                body = await request.json()
            except json.JSONDecodeError:
                body = {}
            params |= body if isinstance(body, dict) else {}
        else:
            params |= dict(await request.post())
    return params


def _token(request: web.Request, params: JSON) -> str:
    """The caller's token, taken out of the parameters so that it is never written down."""
    header = request.headers.get("Authorization", "")
    given: Any = params.pop("token", "")
    return header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else str(given)


def _cut(request: web.Request) -> web.StreamResponse:
    """Cut the connection, as a network does."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
