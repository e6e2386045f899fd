"""A contact: a person at an account, known by a user id, an e-mail address or an anonymous id."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import attribute
from models.attribute import Subject, Value
from models.base import Base, Id, JsonValue, new_id
from models.fact import ContactFact


class Contact(Base):
    """A person at an account, or at none yet."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index(
            "uq_contacts_user_id",
            "workspace_id",
            "user_id",
            unique=True,
            sqlite_where=text("user_id IS NOT NULL"),
            postgresql_where=text("user_id IS NOT NULL"),
        ),
        Index(None, "workspace_id", "email"),
        Index(None, "workspace_id", "anonymous_id"),
        Index(None, "account_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    account_id: Mapped[str | None] = mapped_column(Id, ForeignKey("accounts.id"))
    user_id: Mapped[str | None] = mapped_column(String(255))
    anonymous_id: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))
    name: Mapped[str | None] = mapped_column(String(512))
    first_name: Mapped[str | None] = mapped_column(String(255))
    last_name: Mapped[str | None] = mapped_column(String(255))
    title: Mapped[str | None] = mapped_column(String(255))
    phone: Mapped[str | None] = mapped_column(String(255))
    twitter: Mapped[str | None] = mapped_column(String(255))
    linked_in: Mapped[str | None] = mapped_column(Text)
    attributes: Mapped[dict[str, Value]] = mapped_column(JsonValue, default=dict)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


TAKEN_OVER = (
    "user_id", "anonymous_id", "email", "name", "first_name", "last_name", "title", "phone", "twitter", "linked_in",
)  # fmt: skip
IDENTITIES = ("user_id", "email", "anonymous_id")
"""What a contact is recognised by, the strongest first."""


async def apply(
    session: AsyncSession, workspace_id: str, fact: ContactFact, *, account_id: str | None, now: datetime
) -> Contact:
    """Create or update the contact that the fact is about, and put them at the account if one is named."""
    contact = await find(session, workspace_id, fact)
    if contact is None:
        contact = Contact(
            id=new_id("con", now), workspace_id=workspace_id, attributes={}, created_at=now, updated_at=now
        )
        session.add(contact)
    for name in TAKEN_OVER:
        value = getattr(fact, name)
        if value is not None:
            setattr(contact, name, value)
    if account_id is not None:
        contact.account_id = account_id
    contact.attributes = attribute.merged(contact.attributes, fact.attributes)
    contact.updated_at = now
    await attribute.remember(session, workspace_id, Subject.CONTACT, fact.attributes, now=now)
    await session.flush()
    return contact


async def find(session: AsyncSession, workspace_id: str, fact: ContactFact) -> Contact | None:
    """Recognise the contact by the strongest identity that the fact shares with one.

    A weaker identity finds only a contact that the stronger ones don't contradict: two user ids may share an e-mail.
    """
    for position, name in enumerate(IDENTITIES):
        value = getattr(fact, name)
        if value is None:
            continue
        query = select(Contact).where(Contact.workspace_id == workspace_id, getattr(Contact, name) == value)
        for stronger in IDENTITIES[:position]:
            known = getattr(fact, stronger)
            column = getattr(Contact, stronger)
            query = query.where(column.is_(None) | (column == known)) if known is not None else query
        found: Contact | None = await session.scalar(query.order_by(Contact.id).limit(1).with_for_update())
        if found is not None:
            return found
    return None


async def of_account(session: AsyncSession, account_id: str, *, limit: int = 100) -> list[Contact]:
    """List the people at an account, in the order in which they appeared."""
    query = select(Contact).where(Contact.account_id == account_id).order_by(Contact.id).limit(limit)
    return list(await session.scalars(query))


async def count_by_account(session: AsyncSession, workspace_id: str) -> dict[str, int]:
    """Count the contacts of each account."""
    query = select(Contact.account_id, func.count()).where(
        Contact.workspace_id == workspace_id, Contact.account_id.is_not(None)
    )
    rows: Any = await session.execute(query.group_by(Contact.account_id))
    return dict(rows.all())
