"""What every table shares: the declarative base, column types for both engines, identifiers, the refusal for people."""

import itertools
import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, ClassVar, cast

import orjson
from sqlalchemy import JSON, BigInteger, Dialect, Integer, MetaData, String, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import DateTime, TypeDecorator

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o, u, so that an identifier can be read out aloud."""

_made = itertools.count()


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Stored with its zone on PostgreSQL and as naive UTC on SQLite, always aware in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive instant, since nobody could say when it was."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give SQLite's naive UTC its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


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
    order = next(_made) & 0xFFFFF
    value = (int(now.timestamp() * 1000) << 80) | (order << 60) | secrets.randbits(60)
    return f"{prefix}_{''.join(ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))}"


def insert(session: AsyncSession, table: type[Base]) -> postgresql.Insert:
    """Start an INSERT that may carry ON CONFLICT, in the dialect of the session's engine."""
    maker = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return cast("postgresql.Insert", maker(table))


async def told_before(session: AsyncSession, table: Any, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Give those of these pairs of a source's id and its own id of something that stand in a table already."""
    if not keys:
        return set()
    sources, ids = ({key[place] for key in keys} for place in (0, 1))
    query = select(table.source_id, table.external_id).where(table.source_id.in_(sources), table.external_id.in_(ids))
    return {(source_id, external_id) for source_id, external_id in await session.execute(query)}


def json_bytes(value: Any) -> bytes:
    """Write JSON with sorted keys, so that equal values have equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
