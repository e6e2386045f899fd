"""An account's card: what is known of an account, as it is told to people. Money is in minor units."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, account_alias, audit, contact, lane, movement, rate, role, said, source, workspace
from models.account import Account
from models.attribute import Value
from models.delivery import RUNRATE, FactKind, Owed
from models.fact import AccountStatus
from models.movement import Movement
from models.rate import Moved
from models.recipient import RecipientKind
from models.signal import Signal
from models.subscription import Subscription

MOST_MOVEMENTS = 8
MOST_CONTACTS = 5
MONTHS = 12


@dataclass(frozen=True, kw_only=True)
class AccountCard:
    """All that a card shows of an account, and what tells it apart from others."""

    id: str
    external_id: str
    name: str
    status: AccountStatus
    mrr_minor: int | None = None
    currency: str | None = None
    in_base: tuple[int, str] | None = None
    """The MRR in the workspace's base currency, where that is another one and a rate is known."""
    parts: tuple[tuple[int, str], ...] = ()
    """Where it is of several currencies, the amount in each, with that."""
    customer_since: datetime | None = None
    sales_stage: str | None = None
    plan: str | None = None
    domain: str | None = None
    urls: tuple[str, ...] = ()
    """Where it is found in the systems that told of it, the one that counts first."""
    movements: tuple[Movement, ...] = ()
    movement_count: int = 0
    months: tuple[tuple[date, int], ...] = ()
    """The first days of the last twelve months, each with the MRR at its end; none where that isn't known."""
    attributes: tuple[tuple[str, Value], ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    """What colleagues are to it, each with a name or else an e-mail address."""
    contacts: tuple[tuple[str, str | None], ...] = ()
    """The names of people there, with their titles."""
    contact_count: int = 0
    sources: tuple[tuple[str, datetime | None], ...] = ()
    """Who told of it, and when last of something that happened to it."""
    aliases: tuple[str, ...] = ()
    locale: str


async def read(session: AsyncSession, workspace_id: str, account_id: str, *, now: datetime) -> AccountCard | None:
    """Read an account's card; None where there is no such account."""
    about = await account.get(session, workspace_id, account_id)
    if about is None:
        return None
    tenant = await workspace.get(session, workspace_id)
    assert tenant is not None  # noqa: S101 - an account is a workspace's
    moved = await rate.moved(session, workspace_id, account_id=about.id)
    newest = await movement.of_account(session, workspace_id, about.id, limit=MOST_MOVEMENTS)
    people = await contact.of_account(session, about.id, limit=MOST_CONTACTS)
    return AccountCard(
        id=about.id,
        external_id=about.external_id,
        name=about.display_name,
        status=AccountStatus(about.status),
        mrr_minor=about.mrr_minor,
        currency=about.currency,
        in_base=await _in_base(session, about, tenant.base_currency, now=now),
        parts=_parts(moved) if about.unclear_in is None else (),
        customer_since=about.customer_since or began(moved, about.mrr_minor),
        sales_stage=about.sales_stage,
        plan=next((one.plan for one in newest if one.plan), None),
        domain=about.domain,
        urls=_urls(about),
        movements=tuple(newest),
        movement_count=len(moved),
        months=by_month(moved, about.mrr_minor, about.currency, today=now.astimezone(UTC).date()),
        attributes=tuple(sorted(about.attributes.items())),
        roles=tuple((held.role, held.name or held.email or "") for held in await role.of_account(session, about.id)),
        contacts=tuple((one.display_name or one.user_id or "", one.title) for one in people),
        contact_count=await contact.count_of_account(session, about.id),
        sources=await _sources(session, about),
        aliases=tuple(await account_alias.of_account(session, about.id)),
        locale=tenant.locale,
    )


async def share(
    session: AsyncSession, about: Account, channel_id: str, *, asked: str, note: str, by: str, now: datetime
) -> bool:
    """Owe a channel an account's card, once for each time that it was `asked` for; say whether it wasn't owed before.

    `note` says who shares it.
    """
    owed = Owed(
        asked_by=RUNRATE,
        fact=(FactKind.ACCOUNT, f"{about.id}#{asked}"[:64]),
        recipient=(RecipientKind.CHANNEL, channel_id),
        note=note,
    )
    is_new = bool(await lane.owe(session, about.workspace_id, [owed], now=now))
    if is_new:
        detail = {"channel_id": channel_id}
        audit.record(
            session, about.workspace_id, actor=by, action="account.shared", subject_id=about.id, detail=detail, now=now
        )
    return is_new


def by_month(
    moved: Sequence[Moved], mrr_minor: int | None, currency: str | None, *, today: date
) -> tuple[tuple[date, int], ...]:
    """Go back from today's MRR by what moved; nothing where some of that was in another currency, or nothing moved."""
    months = [today.replace(day=1)]
    while len(months) < MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    since = [one for one in moved if one.day >= months[-1]]
    if mrr_minor is None or not since or any(one.currency != currency for one in since):
        return ()
    ends, amount = [], mrr_minor
    for month in months:
        ends.append((month, amount))
        amount -= sum(one.amount_minor for one in since if one.day.replace(day=1) == month)
    return tuple(reversed(ends))


def _urls(about: Account) -> tuple[str, ...]:
    told = (said.value(one, "url") for one in (about.said, *about.records.values()))
    return tuple(dict.fromkeys(url for url in (about.url, *told) if url))


def _parts(moved: Sequence[Moved]) -> tuple[tuple[int, str], ...]:
    """Add up what moved, where that leaves something in more than one currency."""
    sums = Counter[str]()
    for one in moved:
        sums[one.currency] += one.amount_minor
    left = tuple((amount, currency) for currency, amount in sorted(sums.items()) if amount)
    return left if len(left) > 1 else ()


def began(moved: Sequence[Moved], mrr_minor: int | None) -> datetime | None:
    """Say when MRR began: at noon of that day, which is the same day nearly everywhere.

    Where more is there than what moved comes to, it began before anything is known to have moved.
    """
    is_comparable = mrr_minor is not None and len({one.currency for one in moved}) == 1
    if not moved or (is_comparable and mrr_minor != sum(one.amount_minor for one in moved)):
        return None
    return datetime.combine(min(one.day for one in moved), time(12), UTC)


async def _in_base(session: AsyncSession, about: Account, base: str, *, now: datetime) -> tuple[int, str] | None:
    if not about.mrr_minor or about.currency is None or about.currency == base:
        return None
    worth = await rate.worth(session, about.workspace_id, about.mrr_minor, about.currency, on=now.date())
    return None if worth is None else (worth, base)


async def _sources(session: AsyncSession, about: Account) -> tuple[tuple[str, datetime | None], ...]:
    """Name who told of an account; when they told of a value of it alone is not known."""
    names = await source.names(session, about.workspace_id)
    last: dict[str, datetime] = {}
    for table, at in (
        (Movement, Movement.recorded_at),
        (Signal, Signal.recorded_at),
        (Subscription, Subscription.as_of),
    ):
        query = select(table.source_id, func.max(at)).where(table.account_id == about.id).group_by(table.source_id)
        for source_id, told_at in await session.execute(query):
            last[source_id] = max(told_at, last.get(source_id, told_at))
    told_by = [one for one in sorted({*(about.told_by or "").split(), *last}) if one in names]
    return tuple((names[one], last.get(one)) for one in told_by)
