"""A dossier: all that is stored of one person, whether a contact at a customer's or a colleague in Slack.

It is found in the same places that an erasure looks through (`models.erasure`): what it shows of a contact is what an
erasure takes out. Colleagues are in it by their Slack user id, wherever a column holds one. Secrets are left out.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import audit, erasure, event, identity
from models.account import Account
from models.base import Base, UserError, among, rows_among
from models.condition import holders_in
from models.contact import Contact
from models.destination import Destination
from models.erasure import Erasure
from models.event import NewEvent
from models.fact import ErasureFact, dump_facts, is_email
from models.identity import Identity, IdentityKind
from models.lookup import Lookup
from models.person import Person
from models.poll import PolledRecord
from models.role import Role
from models.signal import Signal

OF_COLLEAGUES = {"managers": ("user_id",), "mutes": ("user_id",), "quiet_hours": ("user_id",)}
"""What is stored of a colleague as such, beside what Slack says of them, by table: the column with the user id."""

NAMING_COLLEAGUES = {
    "audit_entries": ("actor",),
    "claims": ("user_id", "released_by"),
    "conversations": ("target",),
    "deliveries": ("target",),
    "destination_mutes": ("muted_by",),
    "destinations": ("created_by", "kept_by", "personal_to"),
    "email_aliases": ("email", "user_id", "set_by"),
    "installations": ("installed_by",),
    "lanes": ("target",),
    "managers": ("named_by",),
    "polls": ("entered_by",),
    "recipients": ("target",),
    "records": ("chosen_by",),
    "sources": ("created_by",),
    "streaks": ("target",),
    "workflows": ("created_by",),
}
"""Where a colleague is named beside something else, by table."""

AT_ONCE = 5_000
"""How many events are looked through by one statement."""

_SECRET = ("_sealed", "_hash")
_SHOWN = ("action", "name", "fact_kind", "fact_id", "state", "at", "created_at", "named_at")
"""What is shown of a row that names a colleague, beside its key."""


class NobodyError(UserError):
    """Name one person, by an e-mail address or an id of at most 255 characters."""


@dataclass
class Dossier:
    """All that is stored of a person, by kind: of a contact, which goes with an erasure, and of a colleague."""

    contact: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    colleague: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Count the rows."""
        return sum(len(rows) for found in vars(self).values() for rows in found.values())

    @property
    def contact_is_known(self) -> bool:
        """Say whether anything still says that there is such a contact."""
        return bool(self.contact["contacts"] or self.contact["identities"])

    def counts(self) -> dict[str, dict[str, int]]:
        """Say how much there is of each kind."""
        return {part: {kind: len(rows) for kind, rows in found.items() if rows} for part, found in vars(self).items()}


async def compile_for(session: AsyncSession, workspace_id: str, who: str, *, with_events: bool = True) -> Dossier:
    """Gather what a workspace stores of whoever has this e-mail address, user id, anonymous id or Slack user id.

    To look through all events takes its time.
    """
    identities, people = await _contacts(session, workspace_id, who)
    sought = await _sought(session, workspace_id, who, identities, people)
    return Dossier(
        contact={
            "contacts": [_row(one) for one in people],
            "identities": [_row(one) for one in identities],
            **({"events": await _events(session, sought)} if with_events else {}),
            **await _elsewhere(session, sought),
        },
        colleague=await _colleague(session, workspace_id, who, sought.emails),
    )


async def _contacts(session: AsyncSession, workspace_id: str, who: str) -> tuple[list[Identity], list[Contact]]:
    """Find the contacts that go by one of these, with all that they are known by."""
    ids = [identity.key(workspace_id, kind, value) for kind, value in identity.named_by(erasure_of(who))]
    named = list(await session.scalars(select(Identity).where(among(Identity.id, ids), Identity.value.is_not(None))))
    contact_ids = {one.contact_id for one in named if one.contact_id}
    theirs = await session.scalars(
        select(Identity).where(among(Identity.contact_id, contact_ids)).order_by(Identity.id)
    )
    people = await session.scalars(select(Contact).where(among(Contact.id, contact_ids)).order_by(Contact.id))
    found = {one.id: one for one in (*named, *theirs)}
    return [found[one] for one in sorted(found)], list(people)


def erasure_of(who: str) -> ErasureFact:
    """Name somebody by all that a person may have typed: an e-mail address may be a user id too."""
    try:
        return ErasureFact(user_id=who, anonymous_id=who, email=who if is_email(who) else None)
    except ValidationError as error:
        raise NobodyError from error


async def _sought(
    session: AsyncSession, workspace_id: str, who: str, identities: Collection[Identity], people: Collection[Contact]
) -> Erasure:
    """Say what is looked for, as an erasure would."""
    known = {(one.kind, one.value) for one in identities} | set(identity.named_by(erasure_of(who)))
    accounts = await session.execute(
        select(Account.id, Account.external_id).where(among(Account.id, {one.account_id or "" for one in people}))
    )
    at = {row.id: row.external_id for row in accounts}
    return Erasure(
        workspace_id=workspace_id,
        ids=sorted({value for kind, value in known if value and kind != IdentityKind.EMAIL}),
        emails=sorted({value for kind, value in known if value and kind == IdentityKind.EMAIL}),
        names=[
            [at[one.account_id], one.display_name.casefold()] for one in people if one.account_id and one.display_name
        ],
        until="9",
    )


async def _events(session: AsyncSession, sought: Erasure) -> list[dict[str, Any]]:
    rows = []
    for after in await erasure.batches(session, AT_ONCE):
        found = await event.many(session, await erasure.events_naming(session, sought, after=after, most=AT_ONCE))
        naming = [one for one in found.values() if sought.left_of(one) != (one.facts, one.raw)]
        rows += [_row(one) for one in sorted(naming, key=lambda one: one.id)]
    return rows


async def _elsewhere(session: AsyncSession, sought: Erasure) -> dict[str, list[dict[str, Any]]]:
    """Look through what an erasure looks through beside events."""
    places = await erasure.places_naming(session, sought)
    accounts = await session.scalars(select(Account).where(among(Account.id, places.accounts)))
    signals = select(Signal, Account.external_id).join(Account, Account.id == Signal.account_id)
    told = await session.execute(signals.where(among(Signal.id, places.signals)).order_by(Signal.id))
    key = (PolledRecord.source_id, PolledRecord.external_id)
    records = await session.scalars(select(PolledRecord).where(rows_among(key, places.records)))
    return {
        "accounts": [_row(one) for one in accounts if sought.has_address_in(one.said) or one.external_id in sought.ids],
        "signals": [_row(one) for one, external_id in told if sought.is_told_by(one, external_id)],
        "polled_records": [_row(one) for one in records if sought.is_named_in(one.said)],
    }


async def _colleague(
    session: AsyncSession, workspace_id: str, who: str, emails: Collection[str]
) -> dict[str, list[dict[str, Any]]]:
    """Gather what is stored of a colleague, and where one is named."""
    theirs = or_(Person.user_id == who, among(Person.email, emails))
    people = list(await session.scalars(select(Person).where(Person.workspace_id == workspace_id, theirs)))
    user_ids = {who, *(one.user_id for one in people)}
    addresses = {*emails, *(one.email for one in people if one.email)}
    asked = or_(among(Lookup.email, addresses), among(Lookup.user_id, user_ids))
    lookups = await session.scalars(select(Lookup).where(Lookup.workspace_id == workspace_id, asked))
    held = select(Role).where(Role.workspace_id == workspace_id, among(Role.email, addresses))
    destinations = select(Destination).where(Destination.workspace_id == workspace_id).order_by(Destination.id)
    found = {
        "people": [_row(one) for one in people],
        "lookups": [_row(one) for one in lookups],
        "roles": [_row(one) for one in await session.scalars(held.order_by(Role.account_id, Role.role))],
        "destinations": [
            {"id": one.id, "name": one.name, "conditions": one.conditions}
            for one in await session.scalars(destinations)
            if holders_in(one.filter.conditions) & addresses
        ],
    }
    for name, columns in (*OF_COLLEAGUES.items(), *NAMING_COLLEAGUES.items()):
        found.setdefault(name, []).extend(await _naming(session, workspace_id, name, columns, user_ids | addresses))
    return found


async def _naming(
    session: AsyncSession, workspace_id: str, name: str, columns: Sequence[str], values: Collection[str]
) -> list[dict[str, Any]]:
    """Give the rows of a table that name a colleague, by their key and what they are about."""
    table = Base.metadata.tables[name]
    shown = [one for one in table.c if one.primary_key or one.name in (*columns, *_SHOWN)]
    named = or_(*(_holds(table.c[column], values) for column in columns))
    rows = await session.execute(select(*shown).where(table.c.workspace_id == workspace_id, named))
    return [dict(row) for row in rows.mappings()]


def _holds(column: ColumnElement[str], values: Collection[str]) -> ColumnElement[bool]:
    """Look for a value as a whole; the target of a group's conversation holds several."""
    return or_(
        among(column, values), *(column.contains(one, autoescape=True) for one in values if column.name == "target")
    )


def _row(one: Base) -> dict[str, Any]:
    """Give a row without secrets, and without what it doesn't say."""
    columns = [column.name for column in one.__table__.columns if not column.name.endswith(_SECRET)]
    return {name: value for name in columns if (value := getattr(one, name)) not in (None, "", [], {})}


# --- erasing -------------------------------------------------------------------------------------------------------


def erasing(workspace_id: str, source_id: str, who: str, *, key: str, now: datetime) -> NewEvent:
    """Make the event that erases somebody, as a source would send it. Its key says nothing of whom."""
    return NewEvent(
        workspace_id=workspace_id,
        source_id=source_id,
        kind="erasure",
        dedupe_key=key,
        occurred_at=now,
        received_at=now,
        facts=dump_facts([erasure_of(who)]),
        is_history=True,
    )


def record(session: AsyncSession, workspace_id: str, who: str, *, by: str, action: str, now: datetime) -> None:
    """Note who had a person exported or erased. Of whom, only the hash is kept by which an erased identity is known."""
    kind, value = identity.named_by(erasure_of(who))[-1]
    subject = identity.key(workspace_id, IdentityKind(kind), value)
    audit.record(session, workspace_id, actor=by, action=action, subject_id=subject, now=now)
