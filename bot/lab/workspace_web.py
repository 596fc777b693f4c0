"""What a browser and other processes reach: the page, its live feed, and the people's hands under /lab/."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from bot.lab.workspace_faults import Fault, FaultKind
from bot.lab.workspace_state import JSON, SlackError, shown

if TYPE_CHECKING:
    from bot.lab.workspace import Workspace

PAGE = Path(__file__).parent / "page"
LOOPBACK = ("127.0.0.1", "localhost")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Act = Callable[[JSON], Awaitable[JSON]]


class Web:
    """The page of one workspace and the endpoints with which it is played."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.state = workspace.state

    def routes(self) -> list[web.RouteDef]:
        """The page, the files, and /lab/… for what people do."""
        acts: dict[str, Act] = {
            "say": self._say,
            "command": self._command,
            "click": self._click,
            "react": self._react,
            "edit": self._edit,
            "delete": self._delete,
            "submit": self._submit,
            "close_view": self._close_view,
            "shortcut": self._shortcut,
            "home": self._home,
            "faults": self._add_fault,
            "users": self._add_user,
            "channels": self._add_channel,
            "groups": self._add_group,
            "rename": self._rename,
            "archive": self._archive,
            "app": self._app,
            "socket": self._socket,
        }
        return [
            web.get("/", self._page),
            web.get("/page/{name}", self._asset),
            web.get("/archives/{channel}/{ts}", self._archived),
            web.get("/files/{file}/{name}", self._file),
            web.get("/lab/stream", self.workspace.feed.stream),
            web.get("/lab/state", self._snapshot),
            web.get("/lab/calls", self._calls),
            web.get("/lab/messages", self._messages),
            web.get("/lab/sent", self._sent),
            web.delete("/lab/faults", self._clear_faults),
            *(web.post(f"/lab/{name}", _answering(act)) for name, act in acts.items()),
        ]

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return _asset_response("index.html")

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in {path.name for path in PAGE.iterdir() if path.is_file()}:
            raise web.HTTPNotFound(text="There is no such file.")
        return _asset_response(name)

    async def _archived(self, request: web.Request) -> web.StreamResponse:
        digits = request.match_info["ts"].removeprefix("p")
        raise web.HTTPFound(f"/#{request.match_info['channel']}/{digits[:-6]}.{digits[-6:]}")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = self.state.files.get(request.match_info["file"])
        if file is None or file["bytes"] is None:
            raise web.HTTPNotFound(text="There is no such file.")
        kind = mimetypes.guess_type(file["name"])[0] or "text/plain"
        kind = kind if kind.startswith("image/") else "text/plain"
        # A file is whatever the app sent: shown, never run.
        safe = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'"}
        safe["X-Content-Type-Options"] = "nosniff"
        charset = "utf-8" if kind == "text/plain" else None
        return web.Response(body=file["bytes"], content_type=kind, charset=charset, headers=safe)

    async def _snapshot(self, request: web.Request) -> web.StreamResponse:
        """Everything that one person sees."""
        viewer = request.query.get("as", "")
        state = self.state
        return web.json_response(
            {
                "team": state.name,
                "bot": state.bot.id,
                "commands": sorted(self.workspace.commands),
                "shortcuts": self.workspace.shortcuts,
                "users": [user.to_json() for user in state.users.values()],
                "groups": [{"id": g.id, "handle": g.handle, "users": g.users} for g in state.groups.values()],
                "channels": [{**shown(c), "messages": c.messages} for c in state.seen_by(viewer)],
                "whispers": [whisper for whisper in state.whispers if whisper["to"] == viewer],
                "views": [view for view in state.views.values() if view["user"] == viewer],
                "home": state.homes.get(viewer),
            }
        )

    async def _calls(self, request: web.Request) -> web.StreamResponse:
        method, since = request.query.get("method"), int(request.query.get("since", "0"))
        calls = [call.to_json() for call in self.workspace.calls[since:] if method in (None, call.method)]
        return web.json_response({"calls": calls})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"messages": self.workspace.messages(request.query.get("channel", ""))})

    async def _sent(self, _request: web.Request) -> web.StreamResponse:
        sent = [{"kind": s.kind, "attempt": s.attempt, "status": s.status} for s in self.workspace.sent]
        return web.json_response({"sent": sent})

    async def _say(self, asked: JSON) -> JSON:
        ts = await self.workspace.say(asked["user"], asked["channel"], asked["text"], asked.get("thread"))
        return {"ts": ts}

    async def _command(self, asked: JSON) -> JSON:
        return {"reply": await self.workspace.command(asked["user"], asked["channel"], asked["text"])}

    async def _click(self, asked: JSON) -> JSON:
        play, user, action_id = self.workspace, asked["user"], asked["action_id"]
        value, block_id = asked.get("value"), asked.get("block_id")
        if "view_id" in asked:
            problem = await play.click_in_view(user, asked["view_id"], action_id, value, block_id=block_id)
        else:
            problem = await play.click(user, asked["channel"], asked["ts"], action_id, value, block_id=block_id)
        return {"problem": problem}

    async def _react(self, asked: JSON) -> JSON:
        act = self.workspace.unreact if asked.get("off") else self.workspace.react
        await act(asked["user"], asked["channel"], asked["ts"], asked["name"])
        return {}

    async def _edit(self, asked: JSON) -> JSON:
        self.workspace.edit(asked["user"], asked["channel"], asked["ts"], asked["text"])
        return {}

    async def _delete(self, asked: JSON) -> JSON:
        self.workspace.delete(asked["user"], asked["channel"], asked["ts"])
        return {}

    async def _submit(self, asked: JSON) -> JSON:
        return {"errors": await self.workspace.submit(asked["user"], asked["view_id"], asked.get("values", {}))}

    async def _close_view(self, asked: JSON) -> JSON:
        await self.workspace.close_view(asked["user"], asked["view_id"])
        return {}

    async def _shortcut(self, asked: JSON) -> JSON:
        where = (asked.get("channel"), asked.get("ts"))
        return {"problem": await self.workspace.shortcut(asked["user"], asked["callback_id"], *where)}

    async def _home(self, asked: JSON) -> JSON:
        await self.workspace.open_home(asked["user"])
        return {}

    async def _add_fault(self, asked: JSON) -> JSON:
        self.workspace.faults.add(Fault(**{**asked, "kind": FaultKind(asked["kind"])}))
        return {}

    async def _clear_faults(self, request: web.Request) -> web.StreamResponse:
        self.workspace.faults.clear(request.query.get("method"))
        return web.json_response({"ok": True})

    async def _add_user(self, asked: JSON) -> JSON:
        return {"user": self.workspace.add_user(**asked)}

    async def _add_channel(self, asked: JSON) -> JSON:
        return {"channel": self.workspace.add_channel(**asked)}

    async def _add_group(self, asked: JSON) -> JSON:
        return {"group": self.workspace.add_group(asked["handle"], asked["users"])}

    async def _rename(self, asked: JSON) -> JSON:
        self.workspace.rename(asked["user"], asked["channel"], asked["name"])
        return {}

    async def _archive(self, asked: JSON) -> JSON:
        self.workspace.archive(asked["user"], asked["channel"])
        return {}

    async def _app(self, asked: JSON) -> JSON:
        self.workspace.request_url = asked.get("request_url")
        self.workspace.socket_mode = bool(asked.get("socket_mode"))
        return {"request_url": self.workspace.request_url}

    async def _socket(self, asked: JSON) -> JSON:
        """Let the app's connections end (`disconnect` with a reason), break (`cut`) or go silent (`wedge`)."""
        socket = self.workspace.socket
        if "disconnect" in asked:
            await socket.disconnect(asked["disconnect"])
        elif asked.get("cut"):
            socket.cut()
        elif asked.get("wedge"):
            socket.wedge()
        socket.refusing = int(asked.get("refuse", socket.refusing))
        return {"connections": len(socket.open), "tickets": socket.tickets}


def _asset_response(name: str) -> web.Response:
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=(PAGE / name).read_bytes(), content_type=kind, charset="utf-8", headers=headers)


def _answering(act: Act) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            asked = await request.json()
            return web.json_response({"ok": True, **await act(asked)})
        except SlackError as error:
            return web.json_response({"ok": False, "error": error.code}, status=400)
        except (KeyError, TypeError, ValueError, json.JSONDecodeError) as error:
            return web.json_response({"ok": False, "error": f"cannot do that: {error}"}, status=400)

    return handle


@web.middleware
async def only_from_here(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse other sites' scripts: they would come with a foreign name or origin."""
    origin = request.headers.get("Origin")
    host = request.host.partition(":")[0]
    if host not in LOOPBACK or (origin and origin != f"http://{request.host}"):
        raise web.HTTPForbidden(text="This workspace answers to its own page only.")
    return await handler(request)
