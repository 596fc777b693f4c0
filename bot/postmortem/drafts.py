"""Drafts as this installation wants them: its folder, its zone, its template."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bot.incident import Incident
from bot.policy import Postmortem
from bot.postmortem.draft import Draft, draft
from bot.postmortem.publish import publish


class Drafts:
    """Drafts postmortems and writes them to disk. Everything here blocks: call it in a thread."""

    def __init__(self, folder: Path, *, zone: str, wanted: Postmortem) -> None:
        self._folder = folder
        self._zone = zone
        self._wanted = wanted

    def make(self, incident: Incident, *, brief: bool | None = None) -> Draft:
        """The draft from the record as it stands; `brief` overrides the policy."""
        short = self._wanted.brief if brief is None else brief
        return draft(incident, zone=self._zone, brief=short, template=self._template())

    def write(self, incident: Incident) -> str:
        """Write it, and keep what a person changed; the path of the page. Raises GaveUp when the disk refuses."""
        return str(publish(incident, self.make(incident), into=self._folder).page.resolve())

    def files(self, incident: Incident) -> Mapping[str, bytes]:
        """The draft's files by name, to be handed out."""
        return self.make(incident).files

    def _template(self) -> str | None:
        """The user's template; one that cannot be read breaks loudly in the draft, not the closing."""
        if not self._wanted.template:
            return None
        try:
            return Path(self._wanted.template).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            return f"{{% The template {self._wanted.template} cannot be read: {problem} %}}"
