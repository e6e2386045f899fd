"""A duplicate: an account that is the same customer as another. A manager makes it a part of that one, for good.

Whatever stands at it goes to the account that stays, and so does what comes later under its external id: it all ends
as if they had always been one. The movements of their subscriptions are derived anew from all of these together.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models import (
    account,
    account_alias,
    audit,
    destination_mute,
    movement,
    mute,
    record,
    said,
    subscription,
    thread,
    total,
    workspace,
)
from models.account import Account
from models.account_alias import AccountAlias
from models.base import UNSEEN, UserError
from models.contact import Contact
from models.database import wake
from models.movement import Movement
from models.origin import told_by
from models.role import Role
from models.said import LEAST
from models.signal import Signal
from models.subscription import Recount, Restatement, Subscription
from models.wakeup import Topic

MOST_ALIKE = 3
UNSAID = tuple({*account.TAKEN_OVER, "customer_since"} - {"name"})


class AccountGoneError(UserError):
    """One of these accounts is gone meanwhile. Look it up again with /mrr account."""


class SameAccountError(UserError):
    """These are one account already. Choose another one."""


class Weight(NamedTuple):
    """How much stands at an account."""

    movements: int = 0
    subscriptions: int = 0
    contacts: int = 0
    roles: int = 0
    signals: int = 0


async def weigh(session: AsyncSession, workspace_id: str, account_id: str) -> Weight:
    """Count what stands at an account, and so would go to another."""
    counted = {
        "movements": select(func.count()).select_from(Movement),
        "subscriptions": select(func.count(Subscription.external_id.distinct())),
        "contacts": select(func.count()).select_from(Contact),
        "roles": select(func.count(Role.email)),
        "signals": select(func.count()).select_from(Signal),
    }
    tables: Mapping[str, Any] = dict(zip(counted, (Movement, Subscription, Contact, Role, Signal), strict=True))
    numbers = {}
    for name, query in counted.items():
        theirs = (tables[name].workspace_id == workspace_id, tables[name].account_id == account_id)
        numbers[name] = int(await session.scalar(query.where(*theirs)) or 0)
    return Weight(**numbers)


async def alike(session: AsyncSession, about: Account) -> list[Account]:
    """Give accounts that look like the same customer: they have its domain or its name (`models.likeness`)."""
    keys = ((Account.domain_key, about.domain_key), (Account.name_key, about.name_key))
    signs = [column == key for column, key in keys if key is not None]
    if not signs:
        return []
    query = select(Account.external_id).where(Account.workspace_id == about.workspace_id, or_(*signs))
    others = query.where(Account.external_id != about.external_id)
    found = await session.scalars(others.order_by(func.length(Account.name), Account.external_id).limit(MOST_ALIKE))
    held = [await account.with_external_id(session, about.workspace_id, one) for one in found]
    return [one for one in held if one is not None]


async def merge(
    session: AsyncSession, workspace_id: str, former_id: str, kept_id: str, *, by: str, now: datetime
) -> Account:
    """Make an account a part of another, which is given back. Doing it again changes nothing.

    Raises `AccountGoneError` and `SameAccountError`.
    """
    await workspace.hold_in_turn(session, workspace_id)
    if former_id == kept_id:
        raise SameAccountError
    former, kept = await _held(session, workspace_id, former_id, kept_id)
    if kept is not None and former is None:
        if await account_alias.now_in(session, workspace_id, former_id) == kept_id:
            return kept
        raise AccountGoneError
    if former is None or kept is None:
        raise AccountGoneError
    await _move_rows(session, workspace_id, former_id, kept_id)
    _take_over(former, kept, now=now)
    await record.move(session, workspace_id, former_id, kept_id, by=by, now=now)
    await mute.move(session, workspace_id, former_id, kept_id)
    await destination_mute.move(session, workspace_id, former_id, kept_id)
    await _rename(session, former, kept, now=now)
    if former.mrr_at is not None:
        await movement.tell_again(session, [kept.id], now=now)
        await total.add_up(session, [kept], now=now)
    await subscription.recount_later(session, workspace_id, {kept_id: now})
    wake(session, Topic.RECAPS)
    detail = {"former_id": former_id}
    audit.record(session, workspace_id, actor=by, action="account.merged", subject_id=kept_id, detail=detail, now=now)
    await thread.follow_account(session, workspace_id, former_id, kept_id, now=now)
    return kept


async def _held(
    session: AsyncSession, workspace_id: str, former_id: str, kept_id: str
) -> tuple[Account | None, Account | None]:
    query = select(Account).where(Account.workspace_id == workspace_id, Account.id.in_((former_id, kept_id)))
    rows = await session.scalars(query.order_by(Account.id).with_for_update().execution_options(populate_existing=True))
    found = {one.id: one for one in rows}
    return found.get(former_id), found.get(kept_id)


async def _move_rows(session: AsyncSession, workspace_id: str, former_id: str, kept_id: str) -> None:
    for table in (Movement, Subscription, Contact, Signal, Restatement, AccountAlias):
        theirs = (table.workspace_id == workspace_id, table.account_id == former_id)
        await session.execute(update(table).where(*theirs).values(account_id=kept_id), execution_options=UNSEEN)
    await session.execute(delete(Recount).where(Recount.account_id == former_id), execution_options=UNSEEN)


def _take_over(former: Account, kept: Account, *, now: datetime) -> None:
    """Let the account that stays be what was said of both; what nobody said stays as it is there."""
    for name in UNSAID:
        setattr(kept, name, getattr(kept, name) or getattr(former, name))
    # One that an import named was given its name by nobody in particular; a lead's is its contact's.
    names = (one.name for one in (kept, former) if one.name and not one.is_provisional)
    named = said.hear({}, LEAST, {"name": next(names, None)})
    status = kept.status if kept.mrr_at is not None else None
    account.take(kept, said.together([named, kept.said, former.said]))
    kept.status = status or kept.status  # What its movements made of it says more.
    kept.created_at = min(former.created_at, kept.created_at)
    kept.is_provisional = False
    kept.merged_at = kept.updated_at = now
    told_by(kept, *(former.told_by or "").split())


async def _rename(session: AsyncSession, former: Account, kept: Account, *, now: datetime) -> None:
    """Put an alias in the place of an account at which nothing stands any more."""
    alias = AccountAlias(
        workspace_id=former.workspace_id,
        external_id=former.external_id,
        account_id=kept.id,
        former_id=former.id,
        merged_at=now,
    )
    await session.flush()
    await session.execute(delete(Account).where(Account.id == former.id), execution_options=UNSEEN)
    session.expunge(former)
    session.add(alias)
    await session.flush()
