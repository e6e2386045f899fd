"""What every table shares: the declarative base, column types for both engines, identifiers, the refusal for people."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count, repeat
from typing import Any, ClassVar, cast

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    Boolean,
    Date,
    Dialect,
    Integer,
    MetaData,
    String,
    Text,
    bindparam,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u, so that an identifier can be read out aloud."""

_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_made = count()


class _SqliteInstant(sqlite.DATETIME):
    """An instant as SQLite keeps it. The same few are written and read again and again, and so are remembered."""

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002 - as SQLAlchemy calls it
        """Give what writes it."""
        return _sqlite_instant

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002 - as SQLAlchemy calls it
        """Give what reads it."""
        return _read_sqlite_instant


_SQLITE_INSTANT: TypeEngine[datetime] = _SqliteInstant()  # type: ignore[no-untyped-call]


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Stored with its zone on PostgreSQL and as naive UTC on SQLite, always aware in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Give the type that the engine takes."""
        return dialect.type_descriptor(_SQLITE_INSTANT if dialect.name == "sqlite" else self.impl_instance)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a naive instant, since nobody could say when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give it in UTC, whatever the zone of the session that PostgreSQL tells it in."""
        return None if value is None else value.astimezone(UTC)


def sqlite_text(instant: datetime) -> str:
    """Write an instant as `UtcDateTime` has SQLite keep it, for rows that go past SQLAlchemy."""
    day, _, time = iso_text(instant.astimezone(UTC)).partition("T")
    return f"{day} {time[:15]}" if instant.microsecond else f"{day} {time[:8]}.000000"


@lru_cache(maxsize=8192)
def _sqlite_instant(value: datetime | None) -> str | None:
    return None if value is None else sqlite_text(value)


@lru_cache(maxsize=8192)
def _read_sqlite_instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def iso_text(instant: datetime, option: int = 0) -> str:
    """Write an instant as `isoformat()` does, in a quarter of the time."""
    return orjson.dumps(instant, option=option)[1:-1].decode()


class TextList(TypeDecorator[Collection[str]]):
    """A list of texts as one parameter: an array on PostgreSQL, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Give the type that the engine takes."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else postgresql.ARRAY(Text()))

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> Any:
        """Write the list as the engine takes it."""
        return orjson.dumps(list(value or ())).decode() if dialect.name == "sqlite" else list(value or ())


UNSEEN = {"synchronize_session": False}
"""For an UPDATE or DELETE of rows that its session doesn't hold, which it would otherwise look through."""

IDS = bindparam("ids", type_=TextList())


def _as_list(texts: Collection[str] | BindParameter[Any]) -> BindParameter[Any]:
    """Make one parameter of texts, however many they are."""
    return texts if isinstance(texts, BindParameter) else bindparam(None, texts, type_=TextList(), unique=True)


class RowList(TypeDecorator[Collection[Sequence[str]]]):
    """A list of rows of texts as one parameter, written as JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Collection[Sequence[str]] | None, dialect: Dialect) -> str:  # noqa: ARG002
        """Write the list."""
        return orjson.dumps(list(value or ())).decode()


class among(FunctionElement[bool]):  # noqa: N801 - it is read like SQLAlchemy's functions
    """Say in SQL whether a text is among others, which are one parameter however many they are.

    With `IN`, each number of them would be a statement of its own, which PostgreSQL plans anew.
    """

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Any, texts: Collection[str] | BindParameter[Any]) -> None:
        """Take the column and the texts, or `IDS` for those that are given when the statement runs."""
        super().__init__(column, _as_list(texts))

    def self_group(self, against: Any = None) -> "among":  # noqa: ARG002
        """Stand as it is: compared with 1, as SQLite's truths are otherwise written, it would use no index."""
        return self


@compiles(among, "postgresql")
def _among_array(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, parameter = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} = ANY ({parameter})"


@compiles(among, "sqlite")
def _among_json(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, parameter = (compiler.process(one, **options) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({parameter}))"  # noqa: S608 - both are SQL that was put together here


class rows_among(FunctionElement[bool]):  # noqa: N801 - it is read like SQLAlchemy's functions
    """Say the same of several columns at once, such as a workspace's id and the id of an account within it."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, columns: Sequence[Any], rows: Collection[Sequence[str]]) -> None:
        """Take the columns, and the rows of texts."""
        super().__init__(*columns, bindparam(None, rows, type_=RowList(), unique=True))

    def self_group(self, against: Any = None) -> "rows_among":  # noqa: ARG002
        """Stand as it is, as `among` does."""
        return self


@compiles(rows_among, "postgresql")
def _rows_among_jsonb(element: rows_among, compiler: SQLCompiler, **options: Any) -> str:
    *columns, rows = (compiler.process(one, **options) for one in element.clauses)
    return _rows_in(columns, f"jsonb_array_elements(CAST({rows} AS jsonb))")


@compiles(rows_among, "sqlite")
def _rows_among_json(element: rows_among, compiler: SQLCompiler, **options: Any) -> str:
    *columns, rows = (compiler.process(one, **options) for one in element.clauses)
    return _rows_in(columns, f"json_each({rows})")


def _rows_in(columns: Sequence[str], rows: str) -> str:
    values = ", ".join(f"value ->> {place}" for place in range(len(columns)))
    return f"({', '.join(columns)}) IN (SELECT {values} FROM {rows})"  # noqa: S608 - all is SQL that was put together here


class texts(FunctionElement[str]):  # noqa: N801 - it is read like SQLAlchemy's functions
    """Texts as a table with one column, `value`: `texts(ids).table_valued("value")`."""

    name = "texts"
    type = Text()
    inherit_cache = True

    def __init__(self, values: Collection[str] | BindParameter[Any]) -> None:
        """Take the texts, as `among` does."""
        super().__init__(_as_list(values))


@compiles(texts, "postgresql")
def _texts_of_array(element: texts, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT unnest({compiler.process(element.clauses, **options)}) AS value)"


@compiles(texts, "sqlite")
def _texts_of_json(element: texts, compiler: SQLCompiler, **options: Any) -> str:
    values = compiler.process(element.clauses, **options)
    return f"(SELECT value FROM json_each({values}))"  # noqa: S608 - all is SQL that was put together here


JsonValue = JSON().with_variant(postgresql.JSONB(), "postgresql")
Number = BigInteger().with_variant(Integer(), "sqlite")
"""A whole number of 64 bits; SQLite's INTEGER is that already, and only so named can it number rows by itself."""

Id = String(64)


class Base(DeclarativeBase):
    """A table. Constraints are named by rule, so that migrations can name them on both engines."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: UtcDateTime()}


class UserError(Exception):
    """Something was refused."""

    def __init__(self, message: str | None = None) -> None:
        """Take the sentence that the person reads; the class's docstring is the default."""
        super().__init__(message or type(self).__doc__ or "Something was refused.")


def new_id(prefix: str, now: datetime) -> str:
    """Make an identifier such as `dst_01k9…`: sorted by its millisecond, then by order in this process, then random."""
    order, luck = next(_made), int.from_bytes(os.urandom(8))
    return (
        f"{prefix}_{_millisecond(now)}{_PAIRS[order >> 10 & 1023]}{_PAIRS[order & 1023]}"
        f"{_PAIRS[luck >> 50 & 1023]}{_PAIRS[luck >> 40 & 1023]}{_PAIRS[luck >> 30 & 1023]}"
        f"{_PAIRS[luck >> 20 & 1023]}{_PAIRS[luck >> 10 & 1023]}{_PAIRS[luck & 1023]}"
    )


@lru_cache(maxsize=64)
def _millisecond(now: datetime) -> str:
    """Write when an identifier is made: it is the same for many."""
    value = int(now.timestamp() * 1000)
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(40, -1, -10)])


def insert(session: AsyncSession, table: type[Base]) -> postgresql.Insert:
    """Start an INSERT that may carry ON CONFLICT, in the dialect of the session's engine."""
    maker = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return cast("postgresql.Insert", maker(table))


async def execute_all(
    session: AsyncSession, statement: Any, names: Sequence[str], rows: Sequence[Sequence[Any]], **common: Any
) -> None:
    """Execute an INSERT or UPDATE for many rows, which have the parameters of these names, and beside them common ones.

    SQLite gets them past SQLAlchemy, which takes longer to convert a row than SQLite takes to write it.
    """
    if not rows:
        return
    connection = await session.connection()
    if connection.dialect.name != "sqlite":
        await connection.execute(statement, [{**dict(zip(names, row, strict=True)), **common} for row in rows])
        return
    compiled = statement.compile(dialect=connection.dialect, column_keys=[*names, *common])
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))

    def kept(name: str) -> Iterable[Any]:
        bind = _SQLITE_BINDS.get(type(compiled.binds[name].type))
        if name in common:
            return repeat(bind(common[name]) if bind else common[name], len(rows))
        return map(bind, columns[name]) if bind else columns[name]

    await connection.exec_driver_sql(str(compiled), list(zip(*map(kept, compiled.positiontup), strict=True)))


_SQLITE_BINDS: Mapping[type[Any], Callable[[Any], Any]] = {
    UtcDateTime: _sqlite_instant,
    JSON: lambda value: orjson.dumps(value).decode(),
    Date: lambda value: value.isoformat(),
}
"""How SQLite keeps values of these types."""


async def told_before(session: AsyncSession, table: Any, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Give those of these pairs of a source's id and its own id of something that stand in a table already."""
    if not keys:
        return set()
    columns = (table.source_id, table.external_id)
    return {
        (source_id, own_id)
        for source_id, own_id in await session.execute(select(*columns).where(rows_among(columns, keys)))
    }


def json_bytes(value: Any) -> bytes:
    """Write JSON with sorted keys, so that equal values have equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
