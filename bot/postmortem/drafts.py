"""Drafts as this installation wants them: its folder, its zone, its template."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from bot.incident import Incident
from bot.policy import Policy
from bot.postmortem.draft import Draft, draft, lasting_record
from bot.postmortem.markdown import plain
from bot.postmortem.merge import PAGE
from bot.postmortem.png import png
from bot.postmortem.publish import folder_name, publish
from bot.postmortem.repository import Pushed, push


class Drafts:
    """Drafts postmortems and writes them to disk. Everything here blocks: call it in a thread.

    `home` is the folder of the policy, in which its template is looked for.
    """

    def __init__(self, folder: Path, *, home: Path, zone: str, policy: Policy) -> None:
        self._folder = folder
        self._home = home
        self._zone = zone
        self._wanted = policy.postmortem
        self._command = policy.command

    def make(self, incident: Incident, *, brief: bool | None = None) -> Draft:
        """The draft from the record as it stands; `brief` overrides the policy."""
        short = self._wanted.brief if brief is None else brief
        return draft(incident, zone=self._zone, brief=short, template=self._template(), command=self._command)

    def write(self, incident: Incident) -> str:
        """Write it, and keep what a person changed; the path of the page. Raises GaveUp when the disk refuses."""
        return str(publish(incident, self.make(incident), into=self._folder).page.resolve())

    def files(self, incident: Incident) -> dict[str, bytes]:
        """The draft's files by name, to be handed out: the page as it stands in the folder, with what people wrote.

        Pictures come as PNG, too, if that can be made.
        """
        made = self.make(incident)
        files = dict(made.files)
        if (picture := png(made.svg)) is not None:
            files["timeline.png"] = picture
        page = Path(incident.draft_path)
        with suppress(OSError):
            return files | ({PAGE: page.read_bytes()} if incident.draft_path and page.name == PAGE else {})
        return files

    @property
    def pushes(self) -> bool:
        """Whether drafts go to a git repository."""
        return bool(self._wanted.publish.git)

    def push(self, incident: Incident) -> Pushed:
        """Push it to the repository that the policy names. Raises TryAgain or GaveUp."""
        wanted = self._wanted.publish
        return push(
            wanted.git or "",
            branch=wanted.branch.replace("{id}", incident.id).replace("{n}", str(incident.number)),
            folder=f"postmortems/{Path(incident.draft_path).parent.name or folder_name(incident)}",
            files=self.files(incident) | {"incident.json": lasting_record(incident)},
            title=f"Postmortem {incident.id}: {plain(incident.title)[:60]}",
            at=incident.closed_at or incident.opened_at,
        )

    def _template(self) -> str | None:
        """The user's template; one that cannot be read breaks loudly in the draft, not the closing."""
        if not self._wanted.template:
            return None
        try:
            return (self._home / self._wanted.template).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            return f"{{% The template {self._wanted.template} cannot be read: {problem} %}}"
