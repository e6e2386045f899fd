"""The database: one code path over SQLite and PostgreSQL, with `read()` and `write()`.

On SQLite every write is `BEGIN IMMEDIATE` on one writer connection behind a lock. SQLAlchemy's default transactions
would lose concurrent updates silently, and a plain `BEGIN` that turns into a write ends in "database is locked".
"""

import asyncio
import contextlib
import math
import secrets
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self, TypeVar

import aiosqlite
import asyncpg
import structlog
from sqlalchemy import Connection, Dialect, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from models.wakeup import Topic, Wakeups

log = structlog.get_logger()

NOTIFY_CHANNEL = "runrate"
TOPICS = "topics"

PING_AFTER = 1.0
"""Seconds after which a connection to PostgreSQL that nobody used is asked whether it still works."""

LISTEN_AGAIN = 1.0
"""Seconds after which a lost connection that listens is made anew."""

RESTS_SINCE = "rests_since"

LAST_SECONDS = 5.0
"""How long whoever reads or writes at the end is waited for."""
LOOK = 0.005
"""Seconds between two looks whether anybody does."""

TURN = 0.0005
"""Seconds for which one thread may keep Python from another. At Python's own 5 ms, a transaction in a thread would wait
that long after many of its statements, while the event loop is busy sending.
"""

SETTINGS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000")
"""SQLite's, of each connection."""
MUCH = ("cache_size=-65536", "wal_autocheckpoint=16000")
"""64 MiB each: rows that come in no order touch all pages of an index again and again."""

LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises on a connection that ended; the last where the server has said so, but not hung up yet."""

T = TypeVar("T")

PASSING_STATES = ("08", "40", "53", "55", "57", "58")
"""Classes of PostgreSQL's SQLSTATE: connection lost, rolled back (a deadlock), no resources, locked, ended, system."""


class Database:
    """The engines of one database, and the wake-ups that its commits give."""

    def __init__(self, url: str) -> None:
        """Prepare engines for an SQLAlchemy URL; nothing is connected before the first use."""
        self.url = make_url(url)
        self.wakeups = Wakeups()
        self._name = secrets.token_hex(8)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._writer = _sqlite_engine(self.url, writes=True) if self.is_sqlite else _postgres_engine(self.url)
        self._reader = _sqlite_engine(self.url, writes=False) if self.is_sqlite else self._writer
        self._write_lock = asyncio.Lock()
        self._thread = _WriterThread(self.url.database or "")
        self._sessions = _SessionThread(self.url) if self.is_sqlite else None
        self._listener: asyncio.Task[None] | None = None

    @property
    def engine(self) -> AsyncEngine:
        """The engine that writes, for migrations."""
        return self._writer

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session for queries. Nothing of it is ever committed."""
        async with AsyncSession(self._reader, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction; commit it when the block ends well, and give the wake-ups asked for in it."""
        lock = self._write_lock if self.is_sqlite else contextlib.nullcontext()
        async with lock, AsyncSession(self._writer, expire_on_commit=False) as session, session.begin():
            yield session
            topics: set[Topic] = session.info.get(TOPICS, set())
            if topics and not self.is_sqlite:
                await self._notify_others(session, topics)
        await self.wakeups.notify(*topics)

    async def transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Run a transaction of many statements; give what came of it after the commit, and its wake-ups.

        On SQLite it runs as a whole in a thread of its own: within `write()` each statement waits until the event loop
        gets round to it, which takes longer the more that does. There `work` may wait for nothing but its session.
        """
        if self._sessions is None:
            async with self.write() as session:
                return await work(session)
        async with self._write_lock:
            result, topics = await self._sessions.run(work)
        await self.wakeups.notify(*topics)
        return result

    def expect_much(self) -> None:
        """Prepare `transact`, before its first transaction, for a process that does little else than write."""
        if self._sessions is not None:
            self._sessions.expect_much()

    async def write_at_once(self, work: Callable[[sqlite3.Connection], T], *topics: Topic) -> T:
        """Run a plain function in a transaction of SQLite's, in one go in a thread of its own; give these wake-ups.

        It shares the lock with `write()`, and goes past SQLAlchemy and a change of threads for each statement: together
        they take several times as long as SQLite itself.
        """
        async with self._write_lock:
            result = await self._thread.run(work)
        await self.wakeups.notify(*topics)
        return result

    async def start(self) -> None:
        """Listen to the commits of other processes, where there can be any; else share Python well between threads."""
        if self.is_sqlite:
            sys.setswitchinterval(TURN)
        else:
            self._listener = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Stop listening, let whoever reads or writes finish, and close every connection."""
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])
        await self._settle_down()
        self._thread.close()
        if self._sessions is not None:
            await self._sessions.close()
        await self._writer.dispose()
        await self._reader.dispose()

    async def _settle_down(self) -> None:
        """Wait until every connection is given back: one that comes back after its engine's end is closed by nobody."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                while _in_use(self._writer) or _in_use(self._reader):  # noqa: ASYNC110 - a pool tells nobody
                    await asyncio.sleep(LOOK)
        except TimeoutError:
            log.warning("closed_in_use", writing=_in_use(self._writer), reading=_in_use(self._reader))

    async def ping(self) -> None:
        """Ask the database for one row; raise whatever the driver raises if it can't answer."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def _listen(self) -> None:
        """Feed the wake-ups from PostgreSQL's NOTIFY, connecting anew whenever the connection is lost."""
        while True:
            try:
                await self._listen_once()
            except LOST as error:
                log.warning("wakeups_lost", error=type(error).__name__)
            await asyncio.sleep(LISTEN_AGAIN)

    async def _notify_others(self, session: AsyncSession, topics: set[Topic]) -> None:
        """Notify within the transaction: PostgreSQL delivers it with the commit, or not at all.

        The notification carries our name, since we hear our own too and have woken up by ourselves.
        """
        payload = " ".join([self._name, *sorted(topics)])
        values = {"channel": NOTIFY_CHANNEL, "payload": payload}
        await session.execute(text("SELECT pg_notify(:channel, :payload)"), values)

    async def _listen_once(self) -> None:
        connection = await asyncpg.connect(self.url.set(drivername="postgresql").render_as_string(hide_password=False))
        closed = asyncio.Event()
        loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()

        def received(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
            sender, *words = payload.split()
            known = [Topic(word) for word in words if word in set(Topic) and sender != self._name]
            task = loop.create_task(self.wakeups.notify(*known))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        try:
            connection.add_termination_listener(lambda _connection: closed.set())
            await connection.add_listener(NOTIFY_CHANNEL, received)
            await closed.wait()
        finally:
            connection.terminate()  # To close it in order might fail, and then nobody knew that we were told to end.


class _WriterThread:
    """A thread with a connection of its own to SQLite, which runs whole transactions.

    It has a plain queue: handing work to an executor took as long as writing several events does.
    """

    def __init__(self, path: str) -> None:
        """Prepare; thread and connection begin with the first transaction."""
        self._path = path
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._connection: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function in a transaction, and answer with what it gives after the commit."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        if self._thread is None:
            self._thread = Thread(target=self._work_on, name="writer", daemon=True)
            self._thread.start()
        self._jobs.put(lambda: self._answer(work, answer, loop))
        return await answer

    def close(self) -> None:
        """Finish, and close the connection."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _work_on(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _answer(
        self, work: Callable[[sqlite3.Connection], T], answer: "asyncio.Future[T]", loop: asyncio.AbstractEventLoop
    ) -> None:
        """Run a function, and tell the event loop what came of it, if there still is one."""
        try:
            result = self._run(work)
        except BaseException as error:  # noqa: BLE001 - whoever waits for the answer gets the error
            tell = partial(_fail, answer, error)
        else:
            tell = partial(_succeed, answer, result)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection = self._connection or self._connect()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()  # It does nothing where SQLite has rolled back by itself, as on a full disk.
            raise
        return result

    def _connect(self) -> sqlite3.Connection:
        connection = _open_sqlite(self._path)
        _prepare_sqlite(connection, None)
        return connection


def _succeed(answer: "asyncio.Future[T]", result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: "asyncio.Future[T]", error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


class _SessionThread:
    """A thread that runs transactions of sessions, on a connection of its own to SQLite."""

    def __init__(self, url: URL) -> None:
        """Prepare; thread and connection begin with the first transaction."""
        self._executor = ThreadPoolExecutor(1, "sessions")
        self._engine = _sqlite_engine(url, writes=True, kind=_HereConnection)

    def expect_much(self) -> None:
        """Keep more of the file in memory, and copy to it from its log in larger pieces."""
        event.listen(self._engine.sync_engine, "connect", partial(_pragmas, MUCH))

    async def run(self, work: Callable[[AsyncSession], Awaitable[T]]) -> tuple[T, set[Topic]]:
        """Run a transaction; give what came of it after the commit, and the wake-ups that it asks for."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, work)

    async def close(self) -> None:
        """Finish, and close the connection."""
        self._executor.shutdown()
        await self._engine.dispose()

    def _run(self, work: Callable[[AsyncSession], Awaitable[T]]) -> tuple[T, set[Topic]]:
        return _run_here(self._transact(work))

    async def _transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> tuple[T, set[Topic]]:
        session = AsyncSession(self._engine, expire_on_commit=False)
        try:
            async with session.begin():
                result = await work(session)
            return result, session.info.get(TOPICS, set())
        finally:
            await session.close()  # As a context manager, the session would close in a task of an event loop.


def _run_here(work: Coroutine[Any, Any, T]) -> T:
    """Run to its end what waits for nothing, with no event loop."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("a transaction in a thread waits for nothing but its session")


def wake(session: AsyncSession, *topics: Topic) -> None:
    """Give these wake-ups once the session's transaction is committed."""
    session.info.setdefault(TOPICS, set()).update(topics)


def is_passing(error: BaseException) -> bool:
    """Say whether the database itself stood in the way, so that the very same may work later."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError | PoolTimeoutError)
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or isinstance(error, OperationalError) or state.startswith(PASSING_STATES)


def _postgres_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        pool_size=10,
        max_overflow=10,
        pool_use_lifo=True,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkin", _note_rest)
    event.listen(engine.sync_engine, "checkout", partial(_ping_rested, engine.sync_engine.dialect))
    return engine


def _in_use(engine: AsyncEngine) -> int:
    """Count the connections that somebody has taken, or is about to."""
    pool = engine.pool
    assert isinstance(pool, QueuePool)  # noqa: S101 - of this kind are those of both our engines
    return pool.checkedout()


def _note_rest(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[RESTS_SINCE] = time.monotonic()


def _ping_rested(dialect: Dialect, connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """Look whether a connection that rested still works; one that was just used isn't asked, as that takes as long."""
    if time.monotonic() - record.info.get(RESTS_SINCE, math.inf) < PING_AFTER:
        return
    try:
        dialect.do_ping(connection)
    except Exception as error:
        raise InvalidatePoolError from error


class _Connection(aiosqlite.Connection):
    """A connection whose statements change to its thread and back once each.

    Of a cursor of aiosqlite's, SQLAlchemy opens, runs, reads and closes each apart: that takes three times as long.
    """

    def __init__(self, path: str) -> None:
        """Take the file; the thread does not keep the process from ending."""
        super().__init__(partial(_open_sqlite, path), iter_chunk_size=1)
        self._thread.daemon = True

    def cursor(self) -> "_Cursor":  # type: ignore[override]
        """Give what SQLAlchemy takes for a cursor of aiosqlite's."""
        return _Cursor(self)

    async def run(self, statement: Callable[[sqlite3.Cursor], Any]) -> tuple[sqlite3.Cursor, list[Any]]:
        """Run a statement on a new cursor, and give that and all its rows."""
        found: tuple[sqlite3.Cursor, list[Any]] = await self._execute(self._run, statement)  # type: ignore[no-untyped-call]
        return found

    def _run(self, statement: Callable[[sqlite3.Cursor], Any]) -> tuple[sqlite3.Cursor, list[Any]]:
        cursor = self._conn.cursor()
        statement(cursor)
        return cursor, cursor.fetchall()


class _Cursor:
    """A statement and its rows."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Any = ()) -> None:
        await self._run(lambda cursor: cursor.execute(sql, parameters))

    async def executemany(self, sql: str, parameters: Any) -> None:
        await self._run(lambda cursor: cursor.executemany(sql, parameters))

    async def fetchall(self) -> list[Any]:
        return self._rows

    async def close(self) -> None:
        """There is nothing to close any more: all rows have been read."""

    async def _run(self, statement: Callable[[sqlite3.Cursor], Any]) -> None:
        cursor, self._rows = await self._connection.run(statement)
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid


class _HereConnection(_Connection):
    """The same in the thread of whoever uses it, who then waits for nothing."""

    def __await__(self) -> Generator[Any, None, Self]:
        """Open the file."""
        return self._open().__await__()

    async def _open(self) -> Self:
        self._connection = self._connector()
        return self

    async def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)


def _sqlite_engine(url: URL, *, writes: bool, kind: type[_Connection] = _Connection) -> AsyncEngine:
    path = url.database or ""

    async def connect() -> aiosqlite.Connection:
        return await kind(path)

    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        pool_size=1 if writes else 8,
        max_overflow=0,
        hide_parameters=True,
        async_creator=connect,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_immediate if writes else _begin)
    return engine


def _open_sqlite(path: str) -> sqlite3.Connection:
    # We begin transactions ourselves; the driver's own timing is wrong for us. Another thread closes the file where the
    # one that used it has ended.
    return sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    _pragmas(SETTINGS, connection, _record)


def _pragmas(settings: Iterable[str], connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    try:
        for setting in settings:
            cursor.execute(f"PRAGMA {setting}")
    except Exception:
        connection.close()  # The pool does not know it yet, and its thread would outlive the event loop.
        raise
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
