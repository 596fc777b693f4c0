"""The store: facts, deliveries and what was said, on SQLite or Postgres. Synchronous: call it from a thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, text, update
from sqlalchemy.exc import DatabaseError

from bot.incident import Incident
from bot.journal import from_json
from bot.ports import NotAllowed, TryAgain
from bot.rehearsal import Rehearsed
from bot.runbook.limits import Begun
from bot.said import Said
from bot.store import rehearsals, schema, underway
from bot.store.connect import PATIENCE, connect, our_errors, use_wal
from bot.store.derive import rebuild
from bot.store.folds import Folds
from bot.store.gathered import Gathered
from bot.store.lease import Lease, leased
from bot.store.locks import lock_for_transaction
from bot.store.migrate import migrate
from bot.store.rows import Delivery, Due, KnownGood, Summary, insert_new
from bot.store.rulings import Ruled, Rulings
from bot.store.statements import prepare
from bot.store.transaction import Transaction, read_delivery

AT_A_TIME = 200
"""Rows that are forgotten at once."""


class Store:
    """The one place where things are kept. Every method may raise TryAgain when the database is away or busy."""

    def __init__(self, engine: Engine, url: str) -> None:
        self.url = url
        self._engine = engine
        self._leases: set[Lease] = set()
        self._turn, self._queue = Lock(), Lock()
        self._folds = Folds()

    @staticmethod
    def open(url: str) -> Store:
        """Open the database, made or brought up to date if needed. Raises NotAllowed for a URL that cannot be."""
        engine = connect(url)
        try:
            with our_errors():
                use_wal(engine)
                migrate(engine)
        except DatabaseError as problem:
            engine.dispose()
            raise NotAllowed(
                f"{engine.url.render_as_string(hide_password=True)} is not a database that can be used "
                f"({problem.orig}): name another one in DATABASE_URL."
            ) from problem
        except BaseException:
            engine.dispose()
            raise
        return Store(engine, url)

    @property
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which kind of database it is."""
        return "sqlite" if self._engine.dialect.name == "sqlite" else "postgresql"

    def prepare(self) -> None:
        """Get ready for a storm: what is asked for each alert is compiled now."""
        prepare(self._engine.dialect)

    def close(self) -> None:
        """Give up all connections and leases."""
        for lease in list(self._leases):
            lease.release()
        self._engine.dispose()

    @contextmanager
    def transaction(
        self, *, incident: int | None = None, intake: bool = False, first: bool = False
    ) -> Iterator[Transaction]:
        """All or nothing. `incident`: nobody else changes that one meanwhile; NotAllowed when there is none.

        `intake`: nobody else opens an incident or attaches an alert meanwhile. `first`: before others of this process
        that wait for their turn. Kept on disk when the block ends.
        """
        with self._writing(first=first) as connection:
            if intake:
                lock_for_transaction(connection, "intake")
            transaction = Transaction(connection, self._folds)
            if incident is not None:
                transaction.lock(incident)
            yield transaction
            transaction.write()

    def ping(self) -> None:
        """Ask the database for a sign of life."""
        with self._reading() as connection:
            connection.execute(text("SELECT 1"))

    def incident(self, number: int) -> Incident | None:
        """The incident as it stands; None when there is none."""
        with self._reading() as connection:
            return self._folds.read(connection, number, keep=True)

    def summaries(self, *, open_only: bool = False) -> list[Summary]:
        """All incidents, or the unclosed ones, oldest first."""
        columns = schema.incident.c
        query = select(schema.incident).where(columns.head > 0).order_by(columns.opened_at, columns.number)
        if open_only:
            query = query.where(schema.OPEN)
        with self._reading() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def incident_in(self, channel_id: str) -> int | None:
        """The incident of this channel."""
        with self._reading() as connection:
            return Transaction(connection, self._folds).incident_in(channel_id)

    def concerns(self, said: Said) -> bool:
        """Whether the message that this is about was captured, or stands in an incident's channel."""
        with self._reading() as connection:
            look = Transaction(connection, self._folds)
            return bool(look.captured(said.value)) or look.incident_in(said.channel) is not None

    def head(self, number: int) -> int:
        """The sequence number of the incident's last fact, 0 without any."""
        with self._reading() as connection:
            query = select(schema.incident.c.head).where(schema.incident.c.number == number)
            return connection.scalar(query) or 0

    def latest(self) -> int:
        """The sequence number of the last fact of all, 0 without any."""
        with self._reading() as connection:
            return connection.scalar(select(func.max(schema.incident.c.head))) or 0

    def stale(self) -> list[int]:
        """The incidents with facts that people were not shown yet."""
        columns = schema.incident.c
        with self._reading() as connection:
            query = select(columns.number).where(columns.head > columns.shown).order_by(columns.number)
            return list(connection.scalars(query))

    def shown(self, number: int, head: int) -> None:
        """People were shown all facts up to this sequence number. An older word than the last changes nothing."""
        columns = schema.incident.c
        query = update(schema.incident).where(columns.number == number, columns.shown < head)
        with self._writing() as connection:
            connection.execute(query.values(shown=head))

    def rebuild(self) -> int:
        """Make everything that is derived again from the facts alone, and answer for how many incidents."""
        with self._writing() as connection:
            lock_for_transaction(connection, "intake")
            connection.execute(select(schema.incident.c.number).with_for_update())
            return rebuild(connection)

    def dues(self) -> list[Due]:
        """The flows that are due, oldest first."""
        columns = schema.due.c
        with self._reading() as connection:
            rows = connection.execute(select(schema.due).where(columns.done_at.is_(None)).order_by(columns.seq))
            return [_due(row) for row in rows]

    def done(self, *keys: str) -> None:
        """These flows are no longer due."""
        query = update(schema.due).where(schema.due.c.key.in_(keys), schema.due.c.done_at.is_(None))
        with self._writing() as connection:
            connection.execute(query.values(done_at=datetime.now(UTC)))

    def outdated(self, before: datetime) -> list[str]:
        """The keys of some flows that were done before then."""
        due = schema.due.c
        query = select(due.key).where(due.done_at < before).order_by(due.done_at).limit(AT_A_TIME)
        with self._reading() as connection:
            return list(connection.scalars(query))

    def forget(self, flows: Sequence[str], *, before: datetime) -> None:
        """Delete these flows, and some of what was answered, and of the intents, before then."""
        heard, intent = schema.heard, schema.intent
        with self._writing() as connection:
            connection.execute(delete(schema.due).where(schema.due.c.key.in_(flows), schema.due.c.done_at < before))
            for column, at in ((heard.c.seq, heard.c.done_at), (intent.c.key, intent.c.at)):
                some = select(column).where(at < before).order_by(at).limit(AT_A_TIME)
                connection.execute(delete(column.table).where(column.in_(some)))

    def unanswered(self) -> list[Said]:
        """What was said and not answered, oldest first."""
        columns = schema.heard.c
        query = select(columns.said).where(columns.done_at.is_(None)).order_by(columns.seq)
        with self._reading() as connection:
            return [from_json(Said, data) for data in connection.scalars(query)]

    def first(self, key: str) -> bool:
        """Remember the intent to do what must not happen twice. True the first time."""
        with self._writing() as connection:
            return insert_new(connection, schema.intent, {"key": key, "at": datetime.now(UTC)}) is not None

    def delivery(self, id: str) -> Delivery | None:
        """The delivery with this id."""
        with self._reading() as connection:
            row = connection.execute(select(schema.delivery).where(schema.delivery.c.id == id)).first()
            return read_delivery(row) if row else None

    def ruled(self, *, delivery: str = "", incident: int = 0) -> list[Ruled]:
        """What was decided about each alert of a delivery, or about each that belongs to an incident."""
        with self._reading() as connection:
            rulings = Rulings(Gathered(connection))
            return rulings.of_delivery(delivery) if delivery else rulings.of_incident(incident)

    def earlier(self, source: str, monitor_id: str, *, before: int, most: int) -> list[Summary]:
        """The newest incidents before this number that had a problem of this monitor."""
        if not monitor_id:
            return []
        of_monitor = schema.problem.c.fingerprint.startswith(f"{source}|{monitor_id}|", autoescape=True)
        numbers = select(schema.problem.c.incident).where(of_monitor, schema.problem.c.incident < before).distinct()
        columns = schema.incident.c
        query = select(schema.incident).where(columns.number.in_(numbers)).order_by(columns.number.desc()).limit(most)
        with self._reading() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def explained(self, number: int) -> list[Delivery]:
        """The deliveries that went to this incident, oldest first, each with the ruling and its reason."""
        columns = schema.delivery.c
        query = select(schema.delivery).where(columns.incident == number).order_by(columns.received_at, columns.id)
        with self._reading() as connection:
            return [read_delivery(row) for row in connection.execute(query)]

    def begun_since(self, since: datetime) -> list[Begun]:
        """The repairs of all incidents that began since."""
        with self._reading() as connection:
            return Transaction(connection, self._folds).begun_since(since)

    def underway(self, repair: str) -> str:
        """The plan of a repair that runs, empty for any other."""
        with self._reading() as connection:
            return underway.find(connection, repair)

    def rehearsed(self) -> list[Rehearsed]:
        """How each check ended when it was last rehearsed, and when it was last green."""
        with self._reading() as connection:
            return rehearsals.rehearsed(connection)

    def known_good(self, host: str) -> KnownGood | None:
        """The configuration with which this host last served."""
        with self._reading() as connection:
            row = connection.execute(select(schema.known_good).where(schema.known_good.c.host == host)).first()
            return KnownGood(**row._asdict()) if row else None

    def keep_known_good(self, host: str, *, commit: str, tree: str, at: datetime) -> None:
        """This host serves with this configuration."""
        table = schema.known_good
        with self._writing() as connection:
            connection.execute(delete(table).where(table.c.host == host))
            connection.execute(insert(table).values(host=host, commit=commit, tree=tree, recorded_at=at))

    def lease(self, executor: str) -> Lease:
        """Say that this executor lives here, until it is released or this process dies."""
        lease = Lease(self._engine, executor, ended=self._leases.discard)
        self._leases.add(lease)
        return lease

    def alive(self, executor: str) -> bool:
        """Whether some process holds this executor's lease."""
        if self.dialect == "sqlite":
            return any(lease.executor == executor and lease.held for lease in list(self._leases))
        with self._reading() as connection:
            return leased(connection, executor)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with our_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self, *, first: bool = False) -> Iterator[Connection]:
        with our_errors(), self._turns(first=first), self._engine.connect() as plain:
            connection = plain.execution_options(write=True)
            with connection.begin():
                yield connection

    @contextmanager
    def _turns(self, *, first: bool) -> Iterator[None]:
        # SQLite makes waiting writers sleep longer and longer; threads of one process take turns faster themselves.
        # All but those who go first queue up to be the one that waits: who goes first has one before it, not many.
        if self.dialect == "postgresql":
            yield
            return
        with ExitStack() as stack:
            for lock in (self._turn,) if first else (self._queue, self._turn):
                if not lock.acquire(timeout=PATIENCE):
                    raise TryAgain("The database is busy: another change takes too long.", reason="database")
                stack.callback(lock.release)
            yield


def _summary(row: Row[Any]) -> Summary:
    return Summary(
        number=row.number,
        title=row.title,
        severity=row.severity,
        status=row.status,
        service=row.service,
        private=row.private,
        drill=row.drill,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        channel=row.channel_name,
    )


def _due(row: Row[Any]) -> Due:
    return Due(key=row.key, flow=row.flow, incident=row.incident, args=row.args, created_at=row.created_at)
