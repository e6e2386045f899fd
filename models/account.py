"""An account: a customer company. Its external id is the workspace's own, shared by every source that names it."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, bindparam, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import account_alias, likeness, said
from models.account_alias import AccountAlias
from models.attribute import Value
from models.base import UNSEEN, Base, Id, JsonValue, Number, among, execute_all, insert, new_id, rows_among
from models.fact import AccountFact, AccountStatus, read_instant
from models.likeness import NOTHING, Likeness
from models.said import LEAST, MENTION, Said, Voice


class Account(Base):
    """A customer company, or one that may become it."""

    __tablename__ = "accounts"
    __table_args__ = (
        Index("uq_accounts_external_id", "workspace_id", "external_id", unique=True),
        Index(
            "ix_accounts_unclear",
            "workspace_id",
            "unclear_in",
            sqlite_where=text("unclear_in IS NOT NULL"),
            postgresql_where=text("unclear_in IS NOT NULL"),
        ),
        Index("ix_accounts_domain_key", "workspace_id", "domain_key"),
        Index("ix_accounts_name_key", "workspace_id", "name_key"),
        # What people look for an account by, so that looking through all of them reads nothing else.
        Index("ix_accounts_sought", "workspace_id", "name", "domain", "external_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    external_id: Mapped[str] = mapped_column(String(255))
    name: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(10), default=AccountStatus.LEAD)
    sales_stage: Mapped[str | None] = mapped_column(String(255))
    domain: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))
    website: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    mrr_minor: Mapped[int | None] = mapped_column(Number)
    currency: Mapped[str | None] = mapped_column(String(3))
    mrr_at: Mapped[datetime | None]
    """When the newest movement that set `mrr_minor` happened; an older one that arrives late leaves it alone."""
    first_moves: Mapped[dict[str, dict[str, Any]]] = mapped_column(JsonValue, default=dict)
    """Of each currency: `at`, when the first movement known of it happened; `is_clear`, whether it began at nothing."""
    unclear_in: Mapped[str | None] = mapped_column(Text)
    """The currencies in which it had MRR before that, of which no movement tells."""
    attributes: Mapped[dict[str, Value]] = mapped_column(JsonValue, default=dict)
    said: Mapped[Said] = mapped_column(JsonValue, default=dict)
    """Who said which of these values, and when."""
    records: Mapped[dict[str, Said]] = mapped_column(JsonValue, default=dict)
    """By the id of each record in a CRM that is this account: what that says of it (`models.record`)."""
    domain_key: Mapped[str | None] = mapped_column(String(255))
    name_key: Mapped[str | None] = mapped_column(String(765))
    """What it is recognised by in a CRM (`models.likeness`), but for its external id."""
    is_provisional: Mapped[bool] = mapped_column(default=False)
    """Begun for a contact alone, and gone once that turns out to belong to another account."""
    customer_since: Mapped[datetime | None]
    merged_at: Mapped[datetime | None]
    """When another account became part of it last. From the first time on its MRR is what its movements add up to."""
    told_by: Mapped[str | None] = mapped_column(Text)
    """The ids of the sources that spoke of it (`models.origin`)."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @property
    def display_name(self) -> str:
        """The name for people; its external id where nobody named it."""
        return self.name or self.external_id


TAKEN_OVER = ("name", "status", "sales_stage", "domain", "email", "website", "description", "url")
"""The fields of a fact that become the account's, unless it is known better (`models.said`)."""
TAKEN_FROM_RECORDS = ("sales_stage", "domain", "url")
"""Of these, what a CRM's record says too; and attributes besides."""


async def hold(
    session: AsyncSession, names_by_workspace: Mapping[str, Collection[str]]
) -> dict[str, dict[str, Account]]:
    """Give those of these accounts that there are, and hold their rows until the transaction ends.

    They are named, and given, by their external ids in each workspace, or by aliases.
    """
    found: dict[str, dict[str, Account]] = {workspace_id: {} for workspace_id in names_by_workspace}
    wanted = [(workspace_id, name) for workspace_id, names in names_by_workspace.items() for name in names]
    if wanted:
        query = select(Account).where(rows_among((Account.workspace_id, Account.external_id), wanted))
        held = query.order_by(Account.id).with_for_update().execution_options(populate_existing=True)
        for account in await session.scalars(held):
            found[account.workspace_id][account.external_id] = account
    unknown = [(workspace_id, name) for workspace_id, name in wanted if name not in found[workspace_id]]
    if unknown:
        for workspace_id, name, account in await _by_alias(session, unknown):
            found[workspace_id][name] = account
    return found


async def _by_alias(session: AsyncSession, wanted: Collection[tuple[str, str]]) -> list[tuple[str, str, Account]]:
    """Give, and hold, the accounts to which some of these names of a workspace lead."""
    place = (AccountAlias.workspace_id, AccountAlias.external_id)
    query = (
        select(*place, Account).join(Account, Account.id == AccountAlias.account_id).where(rows_among(place, wanted))
    )
    held = query.order_by(Account.id).with_for_update(of=Account).execution_options(populate_existing=True)
    return [(row[0], row[1], row[2]) for row in await session.execute(held)]


def new(workspace_id: str, external_id: str, *, now: datetime) -> Account:
    """Begin an account, as a lead. Whoever adds it holds the workspace, or another could begin the same."""
    return Account(
        id=new_id("acc", now),
        workspace_id=workspace_id,
        external_id=external_id,
        status=AccountStatus.LEAD,
        first_moves={},
        attributes={},
        said={},
        records={},
        is_provisional=False,
        created_at=now,
        updated_at=now,
    )


async def ensure(
    session: AsyncSession, workspace_id: str, names: Mapping[str, str | None], *, now: datetime
) -> dict[str, str]:
    """Give the ids of accounts by their external ids, and begin those that there are none of, with these names.

    Whoever does this holds the workspace.
    """
    query = select(Account.external_id, Account.id, Account.is_provisional).where(Account.workspace_id == workspace_id)
    known = (await session.execute(query.where(among(Account.external_id, names.keys())))).all()
    ids: dict[str, str] = {external_id: account_id for external_id, account_id, _ in known}
    stood = [account_id for _, account_id, is_provisional in known if is_provisional]
    unknown = [(workspace_id, name) for name in names.keys() - ids.keys()]
    if unknown:
        led_to = {name: one for (_, name), one in (await account_alias.leading(session, unknown)).items()}
        ids, stood = ids | led_to, [*stood, *led_to.values()]
    if stood:
        stays = update(Account).where(among(Account.id, stood)).values(is_provisional=False)
        await session.execute(stays, execution_options=UNSEEN)
    missing = names.keys() - ids.keys()
    if missing:
        begun = [(new_id("acc", now), one, names[one], likeness.name(names[one])) for one in sorted(missing)]
        await execute_all(
            session,
            insert(session, Account),
            ("id", "external_id", "name", "name_key"),
            begun,
            workspace_id=workspace_id,
            status=AccountStatus.LEAD.value,
            first_moves={},
            attributes={},
            said={},
            records={},
            is_provisional=False,
            created_at=now,
            updated_at=now,
        )
        ids |= {external_id: account_id for account_id, external_id, *_ in begun}
    return ids


def name_first(account: Account, name: str | None, voice: Voice = LEAST) -> None:
    """Give an account the name that some fact about another thing mentions, unless a fact of its own names it."""
    _take(account, said.hear(account.said, replace(voice, rank=MENTION), {"name": name}), {"name"})


def name_after(account: Account, contact_name: str | None) -> None:
    """Name an account after the contact that it was begun for, unless somebody named it."""
    if "name" not in account.said:
        account.name = contact_name


def apply(account: Account, fact: AccountFact, *, now: datetime, voice: Voice | None = None) -> None:
    """Take over what a fact says of the account; with no voice of its own, it is the newest."""
    voice = voice or said.voice(MENTION, now, now)
    values = {name: getattr(fact, name) for name in TAKEN_OVER}
    since = fact.created_at and said.written(fact.created_at)
    heard = said.hear(account.said, voice, {**values, "customer_since": since}, fact.attributes)
    changed = {name for name, one in heard.items() if one is not account.said.get(name)}
    _take(account, heard, changed)
    if fact.attributes:
        account.attributes = said.attributes(_whole(account))
    account.updated_at = now


def take(account: Account, heard: Said) -> None:
    """Let an account be what counts of all that was said of it."""
    _take(account, heard, set(heard))
    account.attributes = said.attributes(_whole(account))


def _take(account: Account, heard: Said, changed: set[str]) -> None:
    """Set the fields that something new was said of."""
    account.said = heard
    whole = _whole(account)
    for name in changed.intersection(TAKEN_OVER, heard):
        setattr(account, name, said.value(whole, name))
    if "customer_since" in changed:
        account.customer_since = read_instant(said.value(heard, "customer_since"))


def _whole(account: Account) -> Said:
    """Give what counts of all that was said of an account, what records in a CRM say included."""
    return said.together([account.said, *account.records.values()]) if account.records else account.said


def hear_record(account: Account, record_id: str, told: Said | None, *, now: datetime) -> None:
    """Let what a record says of the account count; where that is None, nothing of it any more."""
    others = {by: one for by, one in account.records.items() if by != record_id}
    account.records = others if told is None else {**others, record_id: told}
    retell(account, now=now)


def retell(account: Account, *, now: datetime) -> None:
    """Set anew what records in a CRM have a say in."""
    _tell_whole(account)
    account.updated_at = now


def _tell_whole(account: Account) -> None:
    whole = _whole(account)
    for name in TAKEN_FROM_RECORDS:
        setattr(account, name, said.value(whole, name))
    account.attributes = said.attributes(whole)


def known_as(account: Account) -> Likeness:
    """Say what the account was recognised by when that was noted last."""
    return NOTHING if account.is_provisional else Likeness(account.external_id, account.domain_key, account.name_key)


def recognise(account: Account) -> Likeness:
    """Note what the account is recognised by, so that it can be looked up by that; give it.

    A record in a CRM says nothing to that, or it would prove itself. What was begun for a contact alone is no company.
    """
    if account.is_provisional:
        return NOTHING
    stated = (likeness.domain(said.value(account.said, name)) for name in ("domain", "website"))
    found = Likeness(account.external_id, next(filter(None, stated), None), likeness.name(account.name))
    if found != known_as(account):
        account.domain_key, account.name_key = found.domain, found.name
    return found


def unsay(account: Account, is_theirs: Callable[[Any], bool], *, until: str) -> None:
    """Take back what was said until an instant and is somebody's own, such as their e-mail address."""
    gone = {name for name, (_, at, value) in account.said.items() if at <= until and is_theirs(value)}
    if gone:
        account.said = {name: one for name, one in account.said.items() if name not in gone}
        for name in gone.intersection(TAKEN_OVER):
            setattr(account, name, None)
        _tell_whole(account)


async def remove(session: AsyncSession, ids: Collection[str]) -> None:
    """Remove accounts that were begun for a contact alone."""
    if ids:
        await session.execute(delete(Account).where(among(Account.id, ids), Account.is_provisional))


async def get(session: AsyncSession, workspace_id: str, account_id: str) -> Account | None:
    """Find an account of this workspace, also by the id of one that became part of it."""
    query = select(Account).where(Account.workspace_id == workspace_id, Account.id == account_id)
    found: Account | None = await session.scalar(query)
    if found is None and (now_in := await account_alias.now_in(session, workspace_id, account_id)):
        found = await get(session, workspace_id, now_in)
    return found


async def with_external_id(session: AsyncSession, workspace_id: str, external_id: str) -> Account | None:
    """Find an account of this workspace by its external id."""
    query = select(Account).where(Account.workspace_id == workspace_id, Account.external_id == external_id)
    found: Account | None = await session.scalar(query)
    return found


async def attributes(session: AsyncSession, ids: Collection[str]) -> dict[str, dict[str, Value]]:
    """Give the attributes of accounts by their ids."""
    rows = await session.execute(select(Account.id, Account.attributes).where(among(Account.id, ids)))
    return dict(rows.all())


async def of_workspace(
    session: AsyncSession, workspace_id: str, *, status: AccountStatus | None = None, limit: int | None = None
) -> list[Account]:
    """List a workspace's accounts by their external id."""
    query = select(Account).where(Account.workspace_id == workspace_id)
    if status is not None:
        query = query.where(Account.status == status)
    return list(await session.scalars(query.order_by(Account.external_id).limit(limit)))


async def count(session: AsyncSession, workspace_id: str, *, status: AccountStatus | None = None) -> int:
    """Count a workspace's accounts."""
    query = select(func.count()).where(Account.workspace_id == workspace_id)
    if status is not None:
        query = query.where(Account.status == status)
    return int(await session.scalar(query) or 0)


async def mrr(session: AsyncSession, workspace_id: str) -> dict[str, int | None]:
    """Sum the MRR of a workspace's customers by currency; None where it isn't known of each of them."""
    query = (
        select(Account.currency, func.count(), func.count(Account.mrr_minor), func.sum(Account.mrr_minor))
        .where(
            Account.workspace_id == workspace_id,
            Account.status == AccountStatus.CUSTOMER,
            Account.currency.is_not(None),
        )
        .group_by(Account.currency)
    )
    rows = (await session.execute(query)).all()
    return {str(currency): int(sum_ or 0) if known == number else None for currency, number, known, sum_ in rows}


UNCLEAR = (
    select(Account.unclear_in, func.count())
    .where(Account.workspace_id == bindparam("workspace_id"), Account.unclear_in.is_not(None))
    .group_by(Account.unclear_in)
)


async def unclear_currencies(session: AsyncSession, workspace_id: str) -> Counter[str]:
    """Count by currency the accounts that had MRR of which no movement tells."""
    found = Counter[str]()
    for written, number in await session.execute(UNCLEAR, {"workspace_id": workspace_id}):
        found.update(dict.fromkeys((written or "").split(), number))
    return found


def as_json(account: Account) -> dict[str, Any]:
    """Give the account as `runrate accounts list --json` prints it; money in minor units."""
    return {
        "id": account.id,
        "external_id": account.external_id,
        "name": account.name,
        "status": account.status,
        "sales_stage": account.sales_stage,
        "domain": account.domain,
        "email": account.email,
        "website": account.website,
        "description": account.description,
        "url": account.url,
        "mrr_minor": account.mrr_minor,
        "currency": account.currency,
        "attributes": account.attributes,
        "customer_since": account.customer_since.isoformat() if account.customer_since else None,
        "merged_at": account.merged_at.isoformat() if account.merged_at else None,
        "created_at": account.created_at.isoformat(),
        "updated_at": account.updated_at.isoformat(),
    }
