"""A contact: a person at an account, known by a user id, an e-mail address or an anonymous id."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import ForeignKey, Index, Select, String, Text, select, text, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import attribute
from models.attribute import Value
from models.base import Base, Id, JsonValue, new_id, rows_among
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


class Directory:
    """The contacts whom some facts may be about, and those who come in with them; each is found by its identities."""

    def __init__(self, workspace_id: str, contacts: Iterable[Contact] = ()) -> None:
        """Take the contacts that there are."""
        self._workspace_id = workspace_id
        self._by_identity: dict[tuple[str, str], dict[str, Contact]] = {}
        self.contacts: dict[str, Contact] = {}
        for contact in contacts:
            self._file(contact)

    def find(self, fact: ContactFact) -> Contact | None:
        """Recognise the contact by the strongest identity that the fact shares with one.

        A weaker identity finds only a contact that the stronger ones don't contradict: two user ids may share an
        e-mail.
        """
        for position, name in enumerate(IDENTITIES):
            value = getattr(fact, name)
            shared = [one for one in self._by_identity.get((name, value), {}).values() if getattr(one, name) == value]
            found = [one for one in shared if not _contradicts(one, fact, IDENTITIES[:position])]
            if found:
                return min(found, key=lambda contact: contact.id)
        return None

    def apply(self, fact: ContactFact, *, account_id: str | None, now: datetime) -> Contact:
        """Change the contact that the fact is about, or begin it, and put it at the account if one is named."""
        contact = self.find(fact) or Contact(
            id=new_id("con", now), workspace_id=self._workspace_id, attributes={}, created_at=now
        )
        for name in TAKEN_OVER:
            value = getattr(fact, name)
            if value is not None:
                setattr(contact, name, value)
        if account_id is not None:
            contact.account_id = account_id
        contact.attributes = attribute.merged(contact.attributes, fact.attributes)
        contact.updated_at = now
        self._file(contact)
        return contact

    def _file(self, contact: Contact) -> None:
        """Note the contact under its identities. It stays under those that it had: `find` looks at what it has now."""
        self.contacts[contact.id] = contact
        for name in IDENTITIES:
            value = getattr(contact, name)
            if value is not None:
                self._by_identity.setdefault((name, value), {})[contact.id] = contact


def _contradicts(contact: Contact, fact: ContactFact, identities: Iterable[str]) -> bool:
    return any(
        getattr(fact, name) is not None and getattr(contact, name) not in {None, getattr(fact, name)}
        for name in identities
    )


async def alike(
    session: AsyncSession, facts_by_workspace: Mapping[str, Collection[ContactFact]]
) -> dict[str, list[Contact]]:
    """List the contacts of each workspace who share an identity with one of its facts, and hold their rows."""
    found: dict[str, list[Contact]] = {workspace_id: [] for workspace_id in facts_by_workspace}
    if any(facts_by_workspace.values()):
        shared = union(*(_sharing(name, facts_by_workspace) for name in IDENTITIES))
        query = select(Contact).where(Contact.id.in_(shared)).order_by(Contact.id)
        for contact in await session.scalars(query.with_for_update().execution_options(populate_existing=True)):
            found[contact.workspace_id].append(contact)
    return found


def _sharing(identity: str, facts_by_workspace: Mapping[str, Collection[ContactFact]]) -> Select[str]:
    """Ask for those who share this identity. One condition for all of them would walk through the table."""
    column = getattr(Contact, identity)
    told = {
        (workspace_id, value)
        for workspace_id, facts in facts_by_workspace.items()
        for fact in facts
        if (value := getattr(fact, identity)) is not None
    }
    return select(Contact.id).where(rows_among((Contact.workspace_id, column), told), column.is_not(None))


async def of_account(session: AsyncSession, account_id: str, *, limit: int = 100) -> list[Contact]:
    """List the people at an account, in the order in which they appeared."""
    query = select(Contact).where(Contact.account_id == account_id).order_by(Contact.id).limit(limit)
    return list(await session.scalars(query))
