"""A record: a company as a CRM knows it, and which of our accounts it is.

It is the account that has the external id which the CRM names; where none has it, the one of its domain; where none has
that, the one of its exact name. The first of these that finds any decides: with one account found, the record is that
account; with several it waits for a manager, and nothing of it counts. Found again from what is known now whenever a
record or an account changes, links are the same whatever order events arrive in. What a manager chose lasts.

What a record says is kept here, and stands at its account only as long as it is that account (`Account.records`,
`Role.said`). An account is recognised by what was said of it directly, never by what another record brought.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, exists, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import account, account_alias, audit, likeness, role, said, workspace
from models.account import Account
from models.base import Base, Id, JsonValue, UserError, among, new_id, rows_among, texts
from models.fact import RecordFact
from models.likeness import Likeness
from models.role import Restatement
from models.said import Said, Voice
from models.source import Source

PAGE = 10
"""As many records are shown to a manager at a time."""

_FIELDS = ("account_external_id", "name", "domain", "sales_stage", "url", "is_gone")
_BROUGHT = ("sales_stage", "domain", "url")
_TAKEN_BACK = frozenset({"sales_stage"})
"""Said to be nothing, they are nothing any more, and what others say counts again."""
_ROLE = "roles."


class RecordState(StrEnum):
    """How a record stands to our accounts."""

    LINKED = "linked"
    AMBIGUOUS = "ambiguous"
    """It could be more than one account."""
    UNMATCHED = "unmatched"
    DECLINED = "declined"
    """A manager said that it is none of our accounts."""
    GONE = "gone"
    """The CRM has it no more."""


class RecordUnknownError(UserError):
    """This company or account isn't there any more. Open the list again to see how things stand now."""


class Record(Base):
    """A company as a CRM knows it."""

    __tablename__ = "records"
    __table_args__ = (
        Index("uq_records_external_id", "source_id", "external_id", unique=True),
        Index("ix_records_account_key", "workspace_id", "account_key"),
        Index("ix_records_domain_key", "workspace_id", "domain_key"),
        Index("ix_records_name_key", "workspace_id", "name_key"),
        Index("ix_records_state", "workspace_id", "state", "source_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    source_id: Mapped[str] = mapped_column(Id)
    external_id: Mapped[str] = mapped_column(String(255))
    """The CRM's own id of it."""
    said: Mapped[Said] = mapped_column(JsonValue, default=dict)
    account_key: Mapped[str | None] = mapped_column(String(255))
    domain_key: Mapped[str | None] = mapped_column(String(255))
    name_key: Mapped[str | None] = mapped_column(String(765))
    """What it is recognised by (`models.likeness`)."""
    state: Mapped[str] = mapped_column(String(10), default=RecordState.UNMATCHED)
    account_id: Mapped[str | None] = mapped_column(Id, ForeignKey("accounts.id"), index=True)
    chosen_id: Mapped[str | None] = mapped_column(Id, ForeignKey("accounts.id"), index=True)
    """The account that a manager chose; None, where one chose, says that it is none of ours."""
    chosen_by: Mapped[str | None] = mapped_column(Id)
    chosen_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def name(self) -> str | None:
        """The company's name, as the CRM has it."""
        return said.value(self.said, "name")  # type: ignore[no-any-return]

    @property
    def domain(self) -> str | None:
        """The company's domain, as the CRM has it."""
        return said.value(self.said, "domain")  # type: ignore[no-any-return]

    @property
    def url(self) -> str | None:
        """Where the company is found in the CRM."""
        return said.value(self.said, "url")  # type: ignore[no-any-return]

    @property
    def display_name(self) -> str:
        """The name for people; the CRM's id where it has none."""
        return self.name or self.external_id

    @property
    def likeness(self) -> Likeness:
        """What it is recognised by."""
        return Likeness(self.account_key, self.domain_key, self.name_key)


Likenesses = Mapping[str, Collection[Likeness]]
"""By workspace: what accounts are recognised by, or were."""


async def hold(session: AsyncSession, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Record]:
    """Give those of these records that there are, by the source and the CRM's id. Whoever asks holds the workspace."""
    if not keys:
        return {}
    found = await session.scalars(select(Record).where(rows_among((Record.source_id, Record.external_id), keys)))
    return {(record.source_id, record.external_id): record for record in found}


def new(workspace_id: str, source_id: str, external_id: str, *, now: datetime) -> Record:
    """Begin a record of which nothing was said."""
    return Record(
        id=new_id("rec", now),
        workspace_id=workspace_id,
        source_id=source_id,
        external_id=external_id,
        said={},
        state=RecordState.UNMATCHED,
        created_at=now,
    )


def apply(record: Record, fact: RecordFact, voice: Voice) -> None:
    """Take over what the CRM says now, unless it was said before that this is over."""
    heard = said.hear(record.said, voice, {name: getattr(fact, name) for name in _FIELDS}, fact.attributes)
    for name in _TAKEN_BACK & fact.model_fields_set:
        if getattr(fact, name) is None and voice.hears(heard.get(name), None, rank=voice.rank):
            heard[name] = [voice.rank, voice.at, None]
    for holding, email in fact.roles.items():
        if voice.hears(heard.get(_ROLE + holding), email, rank=voice.rank):
            heard[_ROLE + holding] = [voice.rank, voice.at, email]
    record.said = heard
    record.account_key = said.value(heard, "account_external_id")
    record.domain_key = likeness.domain(record.domain)
    record.name_key = likeness.name(record.name)


async def settle(
    session: AsyncSession,
    told: Iterable[Record],
    seen: Likenesses,
    *,
    now: datetime,
    without: Collection[str] = (),
) -> None:
    """Find out anew which accounts some records are: those that were told of, and those like accounts that changed.

    What records say is put at their accounts, and taken away from accounts that they are no more. `without` these
    accounts, which are about to go. Whoever asks holds the workspaces, and has written the accounts and records.
    """
    changed = {record.id: record for record in told}
    affected = changed | {record.id: record for record in await _alike(session, seen)}
    if not affected:
        return
    found = await accounts_like(session, affected.values(), without=without)
    parted: dict[str, str] = {}
    for record in affected.values():
        before, (record.state, record.account_id) = record.account_id, _judge(record, found[record.id])
        if before is not None and before != record.account_id:
            parted[record.id] = before
        if before != record.account_id:
            changed[record.id] = record
    await _tell(session, changed.values(), parted, now=now)


def _judge(record: Record, found: Sequence[str]) -> tuple[RecordState, str | None]:
    """Say which account a record is, of those that are found; with several nobody but a manager can."""
    if said.value(record.said, "is_gone"):
        return RecordState.GONE, None
    if record.chosen_by is not None:
        return RecordState.LINKED if record.chosen_id else RecordState.DECLINED, record.chosen_id
    match found:
        case []:
            return RecordState.UNMATCHED, None
        case [only]:
            return RecordState.LINKED, only
        case _:
            return RecordState.AMBIGUOUS, None


async def _alike(session: AsyncSession, seen: Likenesses) -> list[Record]:
    """Find the records that could be accounts of these likenesses."""
    having = await _having_any(session, [workspace_id for workspace_id, some in seen.items() if some])
    asked = _asked(((workspace_id, one) for workspace_id in having for one in seen[workspace_id]), Record.account_key)
    if not asked:
        return []
    ids = union(*(select(Record.id).where(which) for which in asked)).subquery()
    return list(await session.scalars(select(Record).where(Record.id.in_(select(ids.c.id))).order_by(Record.id)))


async def _having_any(session: AsyncSession, workspace_ids: Collection[str]) -> Sequence[str]:
    """Give those of these workspaces that have any record: most have no CRM, and their accounts no cost from it."""
    if not workspace_ids:
        return []
    wanted = texts(workspace_ids).table_valued("value").c.value
    return (await session.scalars(select(wanted).where(exists().where(Record.workspace_id == wanted)))).all()


def _asked(likenesses: Iterable[tuple[str, Likeness]], by_id: Any) -> list[Any]:
    """Ask for rows of a table that are like these; `by_id` is the column that an account's external id stands in."""
    table = by_id.class_
    columns = (by_id, table.domain_key, table.name_key)
    keys: tuple[set[tuple[str, str]], ...] = (set(), set(), set())
    for workspace_id, one in likenesses:
        for several, key in zip(keys, one, strict=True):
            if key is not None:
                several.add((workspace_id, key))
    return [
        rows_among((table.workspace_id, column), several)
        for column, several in zip(columns, keys, strict=True)
        if several
    ]


async def accounts_like(
    session: AsyncSession, records: Collection[Record], *, without: Collection[str] = ()
) -> dict[str, list[str]]:
    """Give the ids of the accounts that each record could be, by the first rule that finds any."""
    asked = _asked(((record.workspace_id, record.likeness) for record in records), Account.external_id)
    found: dict[tuple[str, int, str], list[str]] = defaultdict(list)
    if asked:
        columns = (Account.id, Account.workspace_id, Account.external_id, Account.domain_key, Account.name_key)
        one_by_one = [select(*columns).where(which, Account.is_provisional.is_(False)) for which in asked]
        for account_id, workspace_id, *keys in (await session.execute(union(*one_by_one))).all():
            for place, key in enumerate(keys):
                if key is not None and account_id not in without:
                    found[workspace_id, place, key].append(account_id)
        for (workspace_id, key), account_id in (await account_alias.leading(session, _ids_named(records))).items():
            found[workspace_id, 0, key].append(account_id)
    return {record.id: _first_found(record, found) for record in records}


def _ids_named(records: Collection[Record]) -> list[tuple[str, str]]:
    return [(record.workspace_id, record.account_key) for record in records if record.account_key is not None]


def _first_found(record: Record, found: Mapping[tuple[str, int, str], list[str]]) -> list[str]:
    several = (found.get((record.workspace_id, place, key)) for place, key in enumerate(record.likeness) if key)
    return sorted(next(filter(None, several), []))


async def _tell(
    session: AsyncSession, changed: Collection[Record], parted: Mapping[str, str], *, now: datetime
) -> None:
    """Let what records say count at the accounts that they are, and no more at those that they were."""
    ids = {*parted.values(), *(record.account_id for record in changed if record.account_id)}
    if not ids:
        await session.flush()
        return
    accounts = {one.id: one for one in await session.scalars(select(Account).where(among(Account.id, ids)))}
    restated = []
    for record in changed:
        if record.id in parted:
            account.hear_record(accounts[parted[record.id]], record.id, None, now=now)
            restated.append(_restatement(record, parted[record.id], {}))
        if record.account_id is not None:
            account.hear_record(accounts[record.account_id], record.id, _brought(record), now=now)
            restated.append(_restatement(record, record.account_id, _holders(record)))
    await session.flush()
    await role.restate(session, restated, now=now)


def _restatement(record: Record, account_id: str, holders: Mapping[str, list[Any]]) -> Restatement:
    return Restatement(workspace_id=record.workspace_id, account_id=account_id, by=record.id, holders=holders)


def _brought(record: Record) -> Said:
    """Give what a record says that becomes its account's."""
    return {
        name: one
        for name, one in record.said.items()
        if said.is_attribute(name) or (name in _BROUGHT and one[2] is not None)
    }


def _holders(record: Record) -> dict[str, list[Any]]:
    return {
        name.removeprefix(_ROLE): [rank, at, [email, None]]
        for name, (rank, at, email) in record.said.items()
        if name.startswith(_ROLE)
    }


async def appeared(session: AsyncSession, workspace_id: str, names: Mapping[str, str | None], *, now: datetime) -> None:
    """Match the records that wait for accounts of these external ids and names, which were just begun.

    Whoever says so holds the workspace.
    """
    begun = [Likeness(external_id, None, likeness.name(name)) for external_id, name in names.items()]
    await settle(session, [], {workspace_id: begun}, now=now)


async def get(session: AsyncSession, workspace_id: str, record_id: str) -> Record:
    """Find a record of this workspace."""
    found = await session.get(Record, record_id)
    if found is None or found.workspace_id != workspace_id:
        raise RecordUnknownError
    return found


async def choose(
    session: AsyncSession, workspace_id: str, record_id: str, account_id: str | None, *, by: str, now: datetime
) -> None:
    """Say for a manager which account a record is, or that it is none of ours; this lasts."""
    await workspace.hold_in_turn(session, workspace_id)
    record = await get(session, workspace_id, record_id)
    chosen = await account.get(session, workspace_id, account_id) if account_id is not None else None
    if account_id is not None and (chosen is None or chosen.is_provisional):
        raise RecordUnknownError
    record.chosen_id, record.chosen_by, record.chosen_at = account_id, by, now
    await _changed(session, record, by=by, now=now)


async def leave_open(session: AsyncSession, workspace_id: str, record_id: str, *, by: str, now: datetime) -> None:
    """Take back what a manager chose for a record: the rules decide again."""
    await workspace.hold_in_turn(session, workspace_id)
    record = await get(session, workspace_id, record_id)
    record.chosen_id = record.chosen_by = record.chosen_at = None
    await _changed(session, record, by=by, now=now)


async def _changed(session: AsyncSession, record: Record, *, by: str, now: datetime) -> None:
    before = record.account_id
    await settle(session, [record], {}, now=now)
    detail = {"state": record.state, "account_id": record.account_id, "account_before": before}
    subject: dict[str, Any] = {"action": "record.chosen", "subject_id": record.id, "detail": detail}
    audit.record(session, record.workspace_id, actor=by, now=now, **subject)


async def move(
    session: AsyncSession, workspace_id: str, from_account_id: str, to_account_id: str, *, by: str, now: datetime
) -> None:
    """Let the records of an account, and all that was said of its roles, be another's, with which it becomes one.

    A manager who says that two accounts are one chose that for their records too. Whoever asks holds the workspace,
    has let the second account be what was said of both, and removes the first afterwards.
    """
    former = await account.get(session, workspace_id, from_account_id)
    kept = await account.get(session, workspace_id, to_account_id)
    if former is None or kept is None:
        raise RecordUnknownError
    await role.move(session, from_account_id, to_account_id, now=now)
    old, theirs = await _at(session, workspace_id, [from_account_id])
    for record in theirs:
        record.chosen_id, record.chosen_by, record.chosen_at = to_account_id, by, now
    seen = [*old, account.known_as(kept), account.recognise(kept)]
    account.retell(kept, now=now)
    await session.flush()
    await settle(session, theirs, {workspace_id: seen}, now=now, without=[from_account_id])


async def part(session: AsyncSession, workspace_id: str, account_ids: Collection[str], *, now: datetime) -> None:
    """Part records from accounts that are about to be deleted; they are matched with others, or wait again."""
    old, theirs = await _at(session, workspace_id, account_ids)
    for record in theirs:
        record.chosen_id = record.chosen_by = record.chosen_at = None
    await settle(session, theirs, {workspace_id: old}, now=now, without=account_ids)


async def _at(
    session: AsyncSession, workspace_id: str, account_ids: Collection[str]
) -> tuple[list[Likeness], list[Record]]:
    """Give what accounts are recognised by, and the records that are one of them or were chosen to be."""
    gone = select(Account).where(Account.workspace_id == workspace_id, among(Account.id, account_ids))
    here = or_(among(Record.account_id, account_ids), among(Record.chosen_id, account_ids))
    theirs = await session.scalars(select(Record).where(Record.workspace_id == workspace_id, here).order_by(Record.id))
    return [account.known_as(one) for one in await session.scalars(gone)], list(theirs)


async def forget(session: AsyncSession, workspace_id: str, source_id: str, *, limit: int, now: datetime) -> int:
    """Delete some of a removed source's records, with what they said of accounts; say how many these were."""
    await workspace.hold_in_turn(session, workspace_id)
    of_source = (Record.workspace_id == workspace_id, Record.source_id == source_id)
    found = list(await session.scalars(select(Record).where(*of_source).order_by(Record.id).limit(limit)))
    for record in found:
        record.said = {**record.said, "is_gone": [0, "", True]}
    await settle(session, found, {}, now=now)
    for record in found:
        await session.delete(record)
    return len(found)


def _of_source(workspace_id: str, source_id: str, *states: RecordState) -> Select[Record]:
    wanted = (Record.workspace_id == workspace_id, Record.state.in_(states), Record.source_id == source_id)
    return select(Record).where(*wanted).order_by(Record.id)


async def ambiguous(session: AsyncSession, workspace_id: str) -> list[tuple[Source, int]]:
    """Give the sources some of whose records wait for a manager, and how many these are."""
    query = (
        select(Record.source_id, func.count())
        .where(Record.workspace_id == workspace_id, Record.state == RecordState.AMBIGUOUS)
        .group_by(Record.source_id)
    )
    counts: dict[str, int] = dict((await session.execute(query)).all())
    there = (among(Source.id, counts), Source.removed_at.is_(None))
    sources = await session.scalars(select(Source).where(*there).order_by(Source.created_at, Source.id))
    return [(source, counts[source.id]) for source in sources]


async def waiting(
    session: AsyncSession, workspace_id: str, source_id: str, *, page: int = 0
) -> list[tuple[Record, list[Account]]]:
    """List a page of the records that could be more than one account, each with these."""
    query = _of_source(workspace_id, source_id, RecordState.AMBIGUOUS).offset(page * PAGE).limit(PAGE)
    records = list(await session.scalars(query))
    found = await accounts_like(session, records)
    ids = {account_id for several in found.values() for account_id in several}
    accounts = {one.id: one for one in await session.scalars(select(Account).where(among(Account.id, ids)))}
    return [(record, [accounts[one] for one in found[record.id]]) for record in records]


async def counts(session: AsyncSession, workspace_id: str, source_id: str) -> dict[RecordState, int]:
    """Count a source's records by how they stand to our accounts."""
    query = (
        select(Record.state, func.count())
        .where(Record.workspace_id == workspace_id, Record.source_id == source_id)
        .group_by(Record.state)
    )
    return {RecordState(state): number for state, number in await session.execute(query)}


async def unmatched(session: AsyncSession, workspace_id: str, source_id: str) -> list[Record]:
    """List some of the records that no account is like."""
    return list(await session.scalars(_of_source(workspace_id, source_id, RecordState.UNMATCHED).limit(PAGE)))


async def named(session: AsyncSession, workspace_id: str, source_id: str, typed: str) -> list[Record]:
    """Find a source's records by what a person calls one: the CRM's id, or else its domain, or else its name."""
    there = (Record.workspace_id == workspace_id, Record.source_id == source_id)
    for column, key in (
        (Record.external_id, typed.strip()),
        (Record.domain_key, likeness.domain(typed)),
        (Record.name_key, likeness.name(typed)),
    ):
        query = select(Record).where(*there, Record.state != RecordState.GONE, column == key).order_by(Record.id)
        found = list(await session.scalars(query.limit(PAGE))) if key else []
        if found:
            return found
    return []


async def accounts_named(session: AsyncSession, workspace_id: str, typed: str) -> list[Account]:
    """Find accounts that a record can be by what a person calls one: its id, or else its domain, or else its name."""
    there = (Account.workspace_id == workspace_id, Account.is_provisional.is_(False))
    for column, key in (
        (Account.external_id, typed.strip()),
        (Account.domain_key, likeness.domain(typed)),
        (Account.name_key, likeness.name(typed)),
    ):
        found = list(await session.scalars(select(Account).where(*there, column == key).limit(PAGE))) if key else []
        if found:
            return found
    return []
