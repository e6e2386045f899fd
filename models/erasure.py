"""Erasure: what was said before of a person who is forgotten is taken out of wherever it stands.

The person is forgotten in one transaction with the fact that asks for it: contact and identities are gone then
(`models.contact`), and a note is left of what else is to be looked through. A stage works the notes off a little at a
time (`scheduler.erase`). Until then whatever shows what an event said covers it (`cover`).

Events stay, without what they said, so that what was received still adds up. What was posted to Slack stays there.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Identity, String, Text, cast, delete, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.attributes import set_committed_value

from models import account, poll, said
from models.account import Account
from models.base import UNSEEN, Base, Id, JsonValue, Number, among, rows_among
from models.contact import Forgotten
from models.database import wake
from models.event import Event, EventState
from models.lookup import Lookup
from models.poll import PolledRecord
from models.signal import Signal
from models.wakeup import Topic

_ABOUT_PEOPLE = {"contact", "alias", "erasure", "track"}
_PLAIN = re.compile(r"[ !#-\[\]-~]+")
_OF_SIGNALS = (Signal.person, Signal.title, Signal.text, Signal.url)


class Erasure(Base):
    """A person who is still to be taken out of what was said until an instant. The row goes once that is done."""

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(Number, Identity(always=False), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    ids: Mapped[list[str]] = mapped_column(JsonValue)
    """The user ids and anonymous ids that they were known by."""
    emails: Mapped[list[str]] = mapped_column(JsonValue)
    names: Mapped[list[list[str]]] = mapped_column(JsonValue)
    """The external ids of the accounts where they were contacts, each with the name that they had there."""
    until: Mapped[str] = mapped_column(String(40))
    """As `models.said` writes an instant."""

    def is_named_in(self, value: Any) -> bool:
        """Say whether something that was sent names them: by an id as a whole, or an e-mail address anywhere."""
        return self.has_address_in(value) or any(text in self.ids for text in _texts(value))

    def has_address_in(self, value: Any) -> bool:
        """Say the same of their e-mail addresses alone: an id such as 12 may be a number of seats elsewhere."""
        return any(email in text for text in _texts(value) for email in self.emails)

    def is_contact(self, external_id: Any, name: Any) -> bool:
        """Say whether it is them who goes by a name at an account: all that a signal says of whom it is about."""
        return [external_id, str(name).casefold()] in self.names

    def is_told_by(self, signal: Signal, external_id: str) -> bool:
        """Say whether a signal is about them, at the account with this external id."""
        words = [signal.person, signal.title, signal.text, signal.url]
        return self.is_contact(external_id, signal.person) or self.has_address_in(words)

    def left_of(self, event: Event) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """Give what is left of an event's facts, and of what was sent, without them."""
        facts = [fact for fact in event.facts if not self._takes(event.state, fact)]
        return facts, None if self.is_named_in(event.raw) else event.raw

    def _takes(self, state: str, fact: dict[str, Any]) -> bool:
        """Say whether a fact is taken out. What waits to be applied keeps all that is about accounts."""
        is_needed = state == EventState.WAITING and fact.get("type") not in _ABOUT_PEOPLE
        is_theirs = self.is_named_in(fact) or self.is_contact(fact.get("account_external_id"), fact.get("person"))
        return is_theirs and not is_needed


def _texts(value: Any) -> Iterator[str]:
    """Give all that stands in a JSON value; of a cut one, each quoted part."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _texts(child)
            if name == "cut":
                yield from str(child).split('"')
    elif isinstance(value, list):
        for child in value:
            yield from _texts(child)
    elif value is not None:
        yield str(value).strip()
        yield str(value).lower()


async def leave_people_out(session: AsyncSession, events: Iterable[Event]) -> None:
    """Take out of events all that they say of people: whom it is about was erased since."""
    for one in events:
        facts = [fact for fact in one.facts if fact.get("type") not in _ABOUT_PEOPLE]
        # The objects stay as they are, since the events may be tried again one by one.
        emptied = update(Event).where(Event.id == one.id).values(facts=facts)
        await session.execute(emptied, execution_options=UNSEEN)


async def begin(session: AsyncSession, workspace_id: str, forgotten: Forgotten, *, until: str) -> None:
    """Note that a person is to be taken out of all that was said until an instant."""
    session.add(
        Erasure(
            workspace_id=workspace_id,
            ids=sorted(forgotten.ids),
            emails=sorted(forgotten.emails),
            names=[list(place) for place in forgotten.places],
            until=until,
        )
    )
    wake(session, Topic.SOURCES)


async def under_way(session: AsyncSession) -> list[Erasure]:
    """List the erasures that are not done, in the order in which they were asked for."""
    return list(await session.scalars(select(Erasure).order_by(Erasure.id)))


async def finish(session: AsyncSession, done: Erasure) -> None:
    """Forget whom it was about, now that nothing is left to look through."""
    await session.execute(delete(Erasure).where(Erasure.id == done.id))


async def cover(session: AsyncSession, events: Collection[Event]) -> None:
    """Hide in events that were read what they say of people who are still to be taken out of them."""
    workspace_ids = {one.workspace_id for one in events}
    if not workspace_ids:
        return
    for erasure in await session.scalars(select(Erasure).where(among(Erasure.workspace_id, workspace_ids))):
        for one in events:
            if one.workspace_id == erasure.workspace_id and said.written(one.occurred_at) <= erasure.until:
                facts, raw = erasure.left_of(one)
                set_committed_value(one, "facts", facts)
                set_committed_value(one, "raw", raw)


# --- where people stand --------------------------------------------------------------------------------------------


def _may_name(erasure: Erasure, *columns: Any) -> ColumnElement[bool]:
    """Let the database find, without decoding it, what may name somebody."""
    values = [*erasure.ids, *erasure.emails, *(name for _, name in erasure.names)]
    return or_(false(), *(_holds(cast(column, Text), value) for column in columns for value in values))


def _holds(column: ColumnElement[str], value: str) -> ColumnElement[bool]:
    """Look for as much of a value as both databases write and compare in one way, in JSON too."""
    return column.icontains(max(_PLAIN.findall(value), key=len, default=""), autoescape=True)


async def batches(session: AsyncSession, most: int) -> range:
    """Give the ids after which to look for events, so that all there are have been looked at, so many at once."""
    oldest = await session.scalar(select(func.min(Event.id))) or 1
    return range(oldest - 1, await session.scalar(select(func.max(Event.id))) or 0, most)


async def events_naming(session: AsyncSession, erasure: Erasure, *, after: int, most: int) -> list[int]:
    """Give the ids of the events that may name somebody, among as many as that after an id."""
    query = select(Event.id).where(
        Event.workspace_id == erasure.workspace_id,
        Event.id > after,
        Event.id <= after + most,
        _may_name(erasure, Event.facts, Event.raw),
    )
    return list(await session.scalars(query))


async def scrub_events(session: AsyncSession, erasure: Erasure, event_ids: Collection[int]) -> None:
    """Take somebody out of these events, as far as they said it until then."""
    query = select(Event).where(Event.id.in_(event_ids)).order_by(Event.id).with_for_update()
    for one in await session.scalars(query.execution_options(populate_existing=True)):
        if said.written(one.occurred_at) <= erasure.until:
            facts, raw = erasure.left_of(one)
            if (facts, raw) != (one.facts, one.raw):
                one.facts, one.raw = facts, raw


@dataclass(frozen=True)
class Places:
    """The signals, accounts and polled records that may name somebody, by their ids."""

    signals: Collection[str]
    accounts: Collection[str]
    records: Collection[Sequence[str]]


async def places_naming(session: AsyncSession, erasure: Erasure) -> Places:
    """Find where else somebody may be named: signals by their whole name too, where they were a contact."""
    at_theirs = among(Account.external_id, [external_id for external_id, _ in erasure.names])
    told = select(Signal.id).join(Account, Account.id == Signal.account_id)
    told = told.where(Signal.workspace_id == erasure.workspace_id, or_(at_theirs, _may_name(erasure, *_OF_SIGNALS)))
    about = select(Account.id).where(
        Account.workspace_id == erasure.workspace_id, _may_name(erasure, Account.said, Account.external_id)
    )
    key = (PolledRecord.source_id, PolledRecord.external_id)
    listed = select(*key).where(
        PolledRecord.workspace_id == erasure.workspace_id, _may_name(erasure, PolledRecord.said)
    )
    return Places(
        signals=(await session.scalars(told)).all(),
        accounts=(await session.scalars(about)).all(),
        records=[list(row) for row in await session.execute(listed)],
    )


async def scrub_places(session: AsyncSession, erasure: Erasure, places: Places) -> None:
    """Take somebody out of these, and out of what Slack said of their e-mail address."""
    theirs = Lookup.workspace_id == erasure.workspace_id, among(Lookup.email, erasure.emails)
    await session.execute(delete(Lookup).where(*theirs))
    signals = select(Signal, Account.external_id).join(Account, Account.id == Signal.account_id)
    signals = signals.where(among(Signal.id, places.signals)).order_by(Signal.id).with_for_update(of=Signal)
    for told, external_id in await session.execute(signals):
        if erasure.is_told_by(told, external_id) and said.written(told.occurred_at) <= erasure.until:
            told.person = told.title = told.text = told.url = None
    accounts = select(Account).where(among(Account.id, places.accounts)).order_by(Account.id).with_for_update()
    for about in await session.scalars(accounts):
        account.unsay(about, erasure.has_address_in, until=erasure.until)
        if about.external_id in {*erasure.ids, *erasure.emails}:
            account.name_after(about, None)
    key = (PolledRecord.source_id, PolledRecord.external_id)
    for listed in await session.scalars(select(PolledRecord).where(rows_among(key, places.records)).with_for_update()):
        poll.blank(listed, erasure.is_named_in)
