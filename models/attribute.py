"""Attributes: custom values on accounts and contacts. Which ones a workspace knows, and of which types.

A value stays what its sender made of it. Where one name has values of several types, that is written down, so that
people can see it and mend it at the sender.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, insert
from models.fact import read_instant

Value = str | int | float | bool | None

_TYPES = {bool: "boolean", int: "number", float: "number", str: "text"}
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?")


class Subject(StrEnum):
    """What an attribute describes."""

    ACCOUNT = "account"
    CONTACT = "contact"


class Attribute(Base):
    """An attribute's name in a workspace, with a type that its values have; with each, where they have several."""

    __tablename__ = "attributes"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    subject: Mapped[str] = mapped_column(String(10), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    value_type: Mapped[str] = mapped_column(String(10), primary_key=True)
    first_seen_at: Mapped[datetime]


def type_of(value: str | float | bool) -> str:
    """Say whether a value is a text, a number, a boolean or a date."""
    if isinstance(value, str) and _DATE.fullmatch(value) and read_instant(value) is not None:
        return "date"
    return _TYPES[type(value)]


async def remember(
    session: AsyncSession,
    seen_by_workspace: Mapping[str, Mapping[Subject, Collection[tuple[str, str]]]],
    *,
    now: datetime,
) -> None:
    """Note the names of values with their types, if they are new."""
    rows = [
        {"workspace_id": workspace_id, "subject": subject, "key": key, "value_type": type_, "first_seen_at": now}
        for workspace_id, about in seen_by_workspace.items()
        for subject, seen in about.items()
        for key, type_ in sorted(seen)
    ]
    if rows:
        await session.execute(insert(session, Attribute).on_conflict_do_nothing(), rows)


def seen(values: Mapping[str, Value]) -> set[tuple[str, str]]:
    """Give the names of values with their types."""
    return {(key, type_of(value)) for key, value in values.items() if value is not None}


async def keys(session: AsyncSession, workspace_id: str, subject: Subject = Subject.ACCOUNT) -> list[str]:
    """List the attribute names of a workspace, in the order of the alphabet."""
    query = select(Attribute.key).where(Attribute.workspace_id == workspace_id, Attribute.subject == subject)
    return list(await session.scalars(query.distinct().order_by(Attribute.key)))


async def types(session: AsyncSession, workspace_id: str) -> dict[tuple[str, str], list[str]]:
    """Give the types of each attribute's values, by its subject and name; the first is the one that was seen first."""
    query = select(Attribute).where(Attribute.workspace_id == workspace_id)
    found: dict[tuple[str, str], list[str]] = {}
    for one in await session.scalars(query.order_by(Attribute.key, Attribute.first_seen_at, Attribute.value_type)):
        found.setdefault((one.subject, one.key), []).append(one.value_type)
    return found


def label(key: str) -> str:
    """Write an attribute's name for people: `employee_count` and `employeeCount` are “Employee count”."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", key)
    words = spaced.replace("_", " ").replace(".", " · ").split()
    text = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
    return text[:1].upper() + text[1:]


def written(value: str | float | bool) -> str:
    """Write a value as people read it: `Yes`, `250`, `Germany`."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
