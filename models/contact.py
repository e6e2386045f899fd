"""A contact: a person at an account, put together from the identities that lead to one (`models.identity`)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import identity, said
from models.attribute import Value
from models.base import Base, Id, JsonValue, among, new_id
from models.fact import AliasFact, ContactFact, ErasureFact
from models.identity import AboutPerson, Identity, IdentityKind
from models.said import Voice


class Contact(Base):
    """A person at an account, or at none yet."""

    __tablename__ = "contacts"
    __table_args__ = (Index(None, "account_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    account_id: Mapped[str | None] = mapped_column(Id, ForeignKey("accounts.id", deferrable=True, initially="DEFERRED"))
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
    told_by: Mapped[str | None] = mapped_column(Text)
    """The ids of the sources that spoke of it (`models.origin`)."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def display_name(self) -> str | None:
        """The name for people, or else the e-mail address."""
        return self.name or " ".join(filter(None, [self.first_name, self.last_name])) or self.email


DETAILS = ("email", "anonymous_id", "name", "first_name", "last_name", "title", "phone", "twitter", "linked_in")
"""The fields of a fact that are a contact's."""
_COMPANY = "account"


@dataclass(frozen=True)
class Company:
    """The external id of the account that a contact belongs to; a lead's was begun for that contact alone."""

    external_id: str
    is_lead: bool


@dataclass(frozen=True)
class Forgotten:
    """Whom an erasure was about: what they were known by, and at which accounts they were contacts, by what name."""

    ids: frozenset[str]
    emails: frozenset[str]
    places: frozenset[tuple[str, str]]


class Directory:
    """The people of a workspace whom some facts may be about, as these change them."""

    def __init__(
        self, workspace_id: str, contacts: Iterable[Contact] = (), identities: Iterable[Identity] = ()
    ) -> None:
        """Take the contacts that there are, with all their identities."""
        self._workspace_id = workspace_id
        self.identities = {one.id: one for one in identities}
        self.contacts = {one.id: one for one in contacts}
        self.touched: dict[str, Contact] = {}
        """The contacts that were changed or begun."""
        self.gone: dict[str, Contact] = {}
        """The contacts that became part of others, or were erased."""
        self._members: dict[str, dict[str, Identity]] = {}
        for one in self.identities.values():
            self._members.setdefault(one.contact_id or "", {})[one.id] = one
        self._roots = {
            contact_id: identity.root(next(iter(self._members[contact_id].values())), self.identities).id
            for contact_id in self.contacts
            if contact_id in self._members
        }

    def __len__(self) -> int:
        """Count the contacts."""
        return len(self.contacts)

    def apply(self, fact: ContactFact, voice: Voice, *, now: datetime, makes_account: bool = False) -> Contact | None:
        """Change the contact that the fact is about, or begin it; None where it was erased since."""
        named = self._named(fact, voice)
        if not named:
            return None
        linked = self._link(named, voice)
        strongest = named[0]
        values = {name: getattr(fact, name) for name in DETAILS} | {_COMPANY: fact.account_external_id}
        strongest.said = said.hear(strongest.said, voice, values, fact.attributes)
        strongest.makes_account = strongest.makes_account or makes_account
        self._regroup([*named, *linked], now=now)
        return self.contacts[strongest.contact_id or ""]

    def alias(self, fact: AliasFact, voice: Voice, *, now: datetime) -> bool:
        """Let an id that somebody had lead to the one that they go by now; False where one of them was erased since."""
        named = self._named(fact, voice)
        if len(named) < len(identity.named_by(fact)):
            return False
        if fact.user_id == fact.previous_id:
            return True
        for previous in named[1:]:
            previous.user = identity.earlier(previous.user, [voice.at, fact.user_id])
        self._regroup([*named, *self._pass_on(named[2])], now=now)
        return True

    def erase(self, fact: ErasureFact, voice: Voice, *, now: datetime) -> Forgotten:
        """Forget a person, and what is said of them until then and arrives later; give who it was."""
        named = [self._identity(kind, value) for kind, value in identity.named_by(fact)]
        roots = {identity.root(one, self.identities).id for one in named}
        theirs = [one for one in self._beside(named) if identity.root(one, self.identities).id in roots]
        forgotten = self._known_as(theirs, fact)
        for one in theirs:
            _forget(one, voice.at)
        self._regroup(theirs, now=now)
        return forgotten

    def _known_as(self, theirs: Collection[Identity], fact: ErasureFact) -> Forgotten:
        """Say who that is. Of an identity that was erased before only the fact still knows the value."""
        values = {*identity.named_by(fact), *((one.kind, one.value) for one in theirs if one.value)}
        people = [self.contacts[one] for one in {one.contact_id for one in theirs if one.contact_id}]
        return Forgotten(
            ids=frozenset(value for kind, value in values if kind != IdentityKind.EMAIL),
            emails=frozenset(value for kind, value in values if kind == IdentityKind.EMAIL),
            places=frozenset(
                (at.external_id, one.display_name.casefold())
                for one in people
                if one.display_name and (at := self.company(one)) is not None
            ),
        )

    def company(self, contact: Contact) -> Company | None:
        """Say which account a contact belongs to: the one that was named last, or a lead of its own."""
        members = self._members[contact.id].values()
        named = said.value(said.together(one.said for one in members), _COMPANY)
        if named is not None:
            return Company(named, is_lead=False)
        own = contact.user_id or contact.email
        return Company(own, is_lead=True) if own and any(one.makes_account for one in members) else None

    def account_names(self) -> set[str]:
        """Give the external ids of all accounts that these people may belong to."""
        own = {one.value for one in self.identities.values() if one.value and one.kind != IdentityKind.ANONYMOUS}
        named = {said.value(one.said, _COMPANY) for one in self.identities.values()}
        return own | named - {None}

    def _named(self, fact: AboutPerson, voice: Voice) -> list[Identity]:
        """Give the identities that a fact names, the strongest first, beginning those that are new.

        Those that were erased since are left out; where that is the strongest, nothing of the fact counts.
        """
        named: list[Identity] = []
        for kind, value in identity.named_by(fact):
            one = self._identity(kind, value)
            if one.erased_until is None or voice.at > one.erased_until:
                one.value = value
                named.append(one)
            elif not named:
                break
        return named

    def _identity(self, kind: IdentityKind, value: str) -> Identity:
        one = self.identities.get(identity.key(self._workspace_id, kind, value))
        if one is None:
            one = identity.new(self._workspace_id, kind, value)
            self.identities[one.id] = one
            self._members.setdefault("", {})[one.id] = one
        return one

    def _link(self, named: list[Identity], voice: Voice) -> list[Identity]:
        """Let the weaker identities lead to the user that they are named with; give whom that changes besides."""
        by_kind = {one.kind: one for one in named}
        user, email, anonymous = (by_kind.get(kind) for kind in IdentityKind)
        if user is not None:
            for weaker in named[1:]:
                weaker.user = identity.earlier(weaker.user, [voice.at, user.value or ""])
        elif email is not None and anonymous is not None:
            first = min(voice.at, anonymous.emails.get(email.value or "", voice.at))
            anonymous.emails = {**anonymous.emails, email.value or "": first}
        return self._pass_on(anonymous) if anonymous is not None else []

    def _pass_on(self, anonymous: Identity) -> list[Identity]:
        """Let the e-mail addresses of an anonymous id lead to its user."""
        emails = [self._identity(IdentityKind.EMAIL, email) for email in anonymous.emails] if anonymous.user else []
        for email in emails:
            email.through = identity.earlier(email.through, anonymous.user)
        return emails

    def _beside(self, changed: Collection[Identity]) -> list[Identity]:
        """Give these identities, and all others of the contacts that they belong to."""
        contact_ids = {one.contact_id for one in changed if one.contact_id}
        found = {one.id: one for one in changed}
        for contact_id in contact_ids:
            found |= self._members[contact_id]
        return list(found.values())

    def _regroup(self, changed: Collection[Identity], *, now: datetime) -> None:
        """Put the contacts of these identities together anew."""
        beside = self._beside(changed)
        were = sorted({one.contact_id for one in beside if one.contact_id})
        groups: dict[str, list[Identity]] = {}
        for one in beside:
            if one.value is not None:
                groups.setdefault(identity.root(one, self.identities).id, []).append(one)
        stays = {self._roots[contact_id]: contact_id for contact_id in were}
        free = {
            contact_id: set(self._members[contact_id]) for contact_id in were if self._roots[contact_id] not in groups
        }
        # Which of their sources spoke of whom is not known any more: all of them did, so that nobody goes too early.
        told_by = {source_id for contact_id in were for source_id in (self.contacts[contact_id].told_by or "").split()}
        for contact_id in were:
            del self._members[contact_id], self._roots[contact_id]
        for root, members in sorted(groups.items()):
            contact_id = stays.get(root) or _first_of(free, members) or self._begin(now)
            free.pop(contact_id, None)
            self.contacts[contact_id].told_by = " ".join(sorted(told_by)) or None
            self._fill(self.contacts[contact_id], self.identities[root], members, now=now)
        for one in beside:
            if one.value is None:
                one.contact_id = None
        for contact_id in free:
            self.gone[contact_id] = self.contacts.pop(contact_id)
            self.touched.pop(contact_id, None)

    def _begin(self, now: datetime) -> str:
        contact = Contact(id=new_id("con", now), workspace_id=self._workspace_id, created_at=now, updated_at=now)
        self.contacts[contact.id] = contact
        return contact.id

    def _fill(self, contact: Contact, root: Identity, members: list[Identity], *, now: datetime) -> None:
        """Let a contact be what was said of its identities."""
        for one in members:
            self._members.get("", {}).pop(one.id, None)
            one.contact_id = contact.id
        self._members[contact.id] = {one.id: one for one in members}
        self._roots[contact.id] = root.id
        told = said.together(one.said for one in members)
        values: dict[str, Any] = {"user_id": None} | {name: said.value(told, name) for name in DETAILS}
        values |= {root.kind: values[root.kind] or root.value, "attributes": said.attributes(told)}
        for name, value in values.items():
            if getattr(contact, name) != value:
                setattr(contact, name, value)
                contact.updated_at = now
        contact.attributes = contact.attributes or {}
        self.touched[contact.id] = contact


def _first_of(free: Mapping[str, set[str]], members: Iterable[Identity]) -> str | None:
    """Give the oldest contact that some of these identities belonged to and that nobody else goes by now."""
    ids = {one.id for one in members}
    return next((contact_id for contact_id, theirs in free.items() if ids & theirs), None)


def _forget(one: Identity, until: str) -> None:
    """Forget what was said under an identity until an instant, and the identity itself unless something came later."""
    one.said = said.since(one.said, until)
    one.user = one.user if one.user and one.user[0] > until else None
    one.through = one.through if one.through and one.through[0] > until else None
    one.emails = {email: at for email, at in one.emails.items() if at > until}
    one.erased_until = max(until, one.erased_until or until)
    if not one.said and one.user is None and not one.emails:
        one.value, one.makes_account = None, False


async def directories(
    session: AsyncSession, facts_by_workspace: Mapping[str, Collection[AboutPerson]]
) -> dict[str, Directory]:
    """Read those whom facts may be about, by workspace, and hold their rows until the transaction ends."""
    named = {
        identity.key(workspace_id, kind, value)
        for workspace_id, facts in facts_by_workspace.items()
        for fact in facts
        for kind, value in identity.named_by(fact)
    }
    identities, contacts = await _related(session, named) if named else ([], [])
    return {
        workspace_id: Directory(
            workspace_id,
            [one for one in contacts if one.workspace_id == workspace_id],
            [one for one in identities if one.workspace_id == workspace_id],
        )
        for workspace_id in facts_by_workspace
    }


async def _related(session: AsyncSession, named: Collection[str]) -> tuple[list[Identity], list[Contact]]:
    """Read identities, the e-mail addresses that these may lead on, their contacts, and all identities of those."""
    found = await _identities(session, among(Identity.id, named))
    emails = {identity.key(one.workspace_id, IdentityKind.EMAIL, email) for one in found for email in one.emails} - {
        one.id for one in found
    }
    if emails:
        found += await _identities(session, among(Identity.id, emails))
    contact_ids = {one.contact_id for one in found if one.contact_id}
    if not contact_ids:
        return found, []
    query = select(Contact).where(among(Contact.id, contact_ids)).order_by(Contact.id)
    contacts = list(await session.scalars(query.with_for_update().execution_options(populate_existing=True)))
    theirs = await _identities(session, among(Identity.contact_id, contact_ids))
    return list({one.id: one for one in (*found, *theirs)}.values()), contacts


async def _identities(session: AsyncSession, which: Any) -> list[Identity]:
    query = select(Identity).where(which).order_by(Identity.id)
    return list(await session.scalars(query.with_for_update().execution_options(populate_existing=True)))


async def write(session: AsyncSession, several: Collection[Directory]) -> None:
    """Write people as the facts left them; whoever became part of another is gone."""
    session.add_all(one for directory in several for one in directory.touched.values())
    await session.flush()
    session.add_all(one for directory in several for one in directory.identities.values())
    await session.flush()
    gone = {contact_id for directory in several for contact_id in directory.gone}
    if gone:
        await session.execute(delete(Contact).where(among(Contact.id, gone)))


async def of_account(session: AsyncSession, account_id: str, *, limit: int = 100) -> list[Contact]:
    """List the people at an account, in the order in which they appeared."""
    query = select(Contact).where(Contact.account_id == account_id).order_by(Contact.id).limit(limit)
    return list(await session.scalars(query))


async def count_of_account(session: AsyncSession, account_id: str) -> int:
    """Count the people at an account."""
    return int(await session.scalar(select(func.count()).where(Contact.account_id == account_id)) or 0)
