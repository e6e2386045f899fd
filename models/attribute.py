"""Attributes: custom values on accounts and contacts. Which ones a workspace knows, so that a form can offer them."""

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Id, insert

type_of_value = {bool: "boolean", int: "number", float: "number", str: "text"}

Value = str | int | float | bool | None


class Subject(StrEnum):
    """What an attribute describes."""

    ACCOUNT = "account"
    CONTACT = "contact"


class Attribute(Base):
    """An attribute's name in a workspace, with the type that its first value had."""

    __tablename__ = "attributes"

    workspace_id: Mapped[str] = mapped_column(Id, primary_key=True)
    subject: Mapped[str] = mapped_column(String(10), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    value_type: Mapped[str] = mapped_column(String(10))
    first_seen_at: Mapped[datetime]


async def remember(
    session: AsyncSession, values_by_workspace: Mapping[str, Mapping[Subject, Mapping[str, Value]]], *, now: datetime
) -> None:
    """Note the names of these values, if they are new."""
    rows = [
        {
            "workspace_id": workspace_id,
            "subject": subject,
            "key": key,
            "value_type": type_of_value[type(value)],
            "first_seen_at": now,
        }
        for workspace_id, about in values_by_workspace.items()
        for subject, values in about.items()
        for key, value in sorted(values.items())
        if value is not None
    ]
    if rows:
        await session.execute(insert(session, Attribute).on_conflict_do_nothing(), rows)


def merged(old: Mapping[str, Value], new: Mapping[str, Value]) -> dict[str, Value]:
    """Put new values over old ones; a value of null takes the attribute away."""
    return {key: value for key, value in {**old, **new}.items() if value is not None}


async def keys(session: AsyncSession, workspace_id: str, subject: Subject = Subject.ACCOUNT) -> list[str]:
    """List the attribute names of a workspace, in the order of the alphabet."""
    query = select(Attribute.key).where(Attribute.workspace_id == workspace_id, Attribute.subject == subject)
    return list(await session.scalars(query.order_by(Attribute.key)))


def label(key: str) -> str:
    """Write an attribute's name for people: `employee_count` and `employeeCount` are “Employee count”."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", key)
    words = spaced.replace("_", " ").replace(".", " · ").split()
    text = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
    return text[:1].upper() + text[1:]
