"""The total: what the movements add up to that sources tell of an account which was several accounts once.

Who told of one part knows nothing of the others, so that the newest word alone, which is enough elsewhere, would be too
little. Where subscriptions have the last word, what follows from all of them counts already.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import rate
from models.account import Account
from models.base import among
from models.fact import AccountStatus, MovementKind
from models.movement import Movement
from models.rate import Rates
from models.workspace import Workspace


async def add_up(session: AsyncSession, accounts: Iterable[Account], *, now: datetime) -> None:
    """Let those of these accounts that were several once have what all their movements come to, in whatever order."""
    for account in accounts:
        if account.merged_at is not None:
            query = select(Movement).where(Movement.account_id == account.id)
            moved = list(await session.scalars(query.order_by(Movement.occurred_at, Movement.external_id)))
            if moved and not moved[-1].is_derived:
                await _add_up(session, account, [one for one in moved if not one.is_derived], now=now)


async def add_up_again(session: AsyncSession, account_ids: Collection[str], *, now: datetime) -> None:
    """Do the same for accounts some of whose movements are no more."""
    merged = select(Account).where(among(Account.id, account_ids), Account.merged_at.is_not(None))
    await add_up(session, await session.scalars(merged), now=now)


async def _add_up(session: AsyncSession, account: Account, told: Sequence[Movement], *, now: datetime) -> None:
    amounts, newest = by_currency(told), told[-1]
    left = {currency: amount for currency, amount in amounts.items() if amount}
    account.mrr_minor, account.currency = 0, newest.currency
    if None in amounts.values():
        account.mrr_minor = None
    elif left:
        base = (await session.get_one(Workspace, account.workspace_id)).base_currency
        rates = Rates(base, await rate.of_workspace(session, account.workspace_id) if len(left) > 1 else {})
        account.mrr_minor, account.currency = rates.in_one({one: left[one] or 0 for one in left}, now.date())
    is_over = newest.kind == MovementKind.CHURN and not account.mrr_minor and not left
    account.status = AccountStatus.CHURNED if is_over else AccountStatus.CUSTOMER
    account.mrr_at = newest.occurred_at
    account.updated_at = now


def by_currency(told: Sequence[Movement]) -> dict[str, int | None]:
    """Go from the earliest MRR that is known in each currency, by the amounts since; None where none is known."""
    alike: dict[str, list[Movement]] = defaultdict(list)
    for one in told:
        alike[one.currency].append(one)
    return {currency: _sum(moved) for currency, moved in alike.items()}


def _sum(moved: Sequence[Movement]) -> int | None:
    for place, one in enumerate(moved):
        if one.mrr_before_minor is not None:
            return one.mrr_before_minor + sum(later.amount_minor for later in moved[place:])
    return None
