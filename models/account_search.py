"""Finding an account by what somebody types: an id, a domain, an e-mail or web address, a name, a part or a near miss.

The database narrows the accounts down; only what comes close is compared letter by letter.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import IntEnum
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, account_alias, identity, likeness
from models.account import Account
from models.base import UserError, among
from models.contact import Contact
from models.identity import Identity, IdentityKind

MOST = 8
"""As many are offered to choose from."""
NEAR_ENOUGH = 0.6
"""The share of letters that two names have in common, from which on one may be a slip of the other."""
COMPARED = 100
PAIRS = 8
LONGEST = 255


class NotOneAccountError(UserError):
    """More than one account fits, or none."""


class Fit(IntEnum):
    """How well an account fits what was typed: only nearly, as what contains it, or exactly."""

    NEAR = 0
    PART = 1
    EXACT = 2


@dataclass(frozen=True)
class Found:
    """What was found, the best first, and how well that fits."""

    accounts: tuple[Account, ...] = ()
    fit: Fit = Fit.NEAR
    has_more: bool = False

    def __bool__(self) -> bool:
        """Say whether there is any."""
        return bool(self.accounts)


async def find(session: AsyncSession, workspace_id: str, typed: str, *, most: int = MOST) -> Found:
    """Find the accounts that somebody may mean: those that are exactly it, or else that contain it, or come near it."""
    wanted = " ".join(typed.split())[:LONGEST]
    if not wanted:
        return Found()
    for look, fit in _LOOKS:
        found = await look(session, workspace_id, wanted, most + 1)
        if found:
            return Found(tuple(found[:most]), fit, has_more=len(found) > most)
    return Found(tuple(await _near(session, workspace_id, wanted, most)))


async def the_one(session: AsyncSession, workspace_id: str, typed: str) -> Account:
    """Find the one account that is exactly what was typed. Raises `NotOneAccountError`."""
    found = await find(session, workspace_id, typed)
    if found.fit is Fit.EXACT and len(found.accounts) == 1:
        return found.accounts[0]
    if not found:
        raise NotOneAccountError(f"There is no account “{typed}”. List them with: runrate accounts list")
    said = ", ".join(f"{one.external_id} ({one.display_name})" for one in found.accounts)
    fits = "Several accounts are" if found.fit is Fit.EXACT else "No account is exactly"
    raise NotOneAccountError(f"{fits} “{typed}”. Name one by its external id, such as: {said}")


async def _by_id(session: AsyncSession, workspace_id: str, wanted: str, _most: int) -> list[Account]:
    """Find an account by its external id, or by one that leads to it; or by our own id, even of one that is merged."""
    found = await _of(session, workspace_id, [wanted])
    if found:
        return found
    name = (workspace_id, wanted)
    one = await account.get(session, workspace_id, (await account_alias.leading(session, [name])).get(name, wanted))
    return [one] if one is not None else []


async def _by_address(session: AsyncSession, workspace_id: str, wanted: str, most: int) -> list[Account]:
    """Find accounts by their domain, or the one at which somebody with an e-mail address is."""
    if " " in wanted:
        return []
    at = await _of_person(session, workspace_id, wanted) if "@" in wanted else []
    domain = likeness.domain(wanted)
    return at or (await _where(session, workspace_id, Account.domain_key == domain, most) if domain else [])


async def _of_person(session: AsyncSession, workspace_id: str, email: str) -> list[Account]:
    person = identity.key(workspace_id, IdentityKind.EMAIL, email.lower())
    theirs = select(Account).join(Contact, Contact.account_id == Account.id)
    query = theirs.join(Identity, Identity.contact_id == Contact.id)
    return list(await session.scalars(query.where(Account.workspace_id == workspace_id, Identity.id == person)))


async def _by_name(session: AsyncSession, workspace_id: str, wanted: str, most: int) -> list[Account]:
    name = likeness.name(wanted)
    return await _where(session, workspace_id, Account.name_key == name, most) if name else []


async def _containing(session: AsyncSession, workspace_id: str, wanted: str, most: int) -> list[Account]:
    """Find accounts whose name, id or domain contains something; those that begin with it and short ones first."""
    contains = or_(
        *(one.icontains(wanted, autoescape=True) for one in (Account.name, Account.external_id, Account.domain))
    )
    begins = case((Account.name.istartswith(wanted, autoescape=True), 0), else_=1)
    return await _where(session, workspace_id, contains, most, begins)


async def _near(session: AsyncSession, workspace_id: str, wanted: str, most: int) -> list[Account]:
    """Find accounts whose names are nearly what was typed, among those that share most pairs of letters with it."""
    folded = wanted.casefold()
    shared = [case((Account.name.icontains(pair, autoescape=True), 1), else_=0) for pair in _pairs(folded)]
    if not shared:
        return []
    count: ColumnElement[int] = sum(shared[1:], shared[0])
    is_as_long = func.length(Account.name).between(int(len(folded) * 0.6), int(len(folded) * 1.7) + 2)
    query = select(Account.external_id, Account.name).where(Account.workspace_id == workspace_id, is_as_long)
    rows = await session.execute(query.order_by(count.desc(), Account.external_id).limit(COMPARED))
    scored = {external_id: _likeness(folded, (name or "").casefold()) for external_id, name in rows}
    near = sorted((one for one, score in scored.items() if score >= NEAR_ENOUGH), key=lambda one: -scored[one])
    return await _of(session, workspace_id, near[:most])


def _pairs(folded: str) -> list[str]:
    """Give the pairs of neighbouring letters; of a long text, some from all over it."""
    pairs = list(dict.fromkeys(one + other for one, other in pairwise(folded) if " " not in {one, other}))
    return pairs[:: -(-len(pairs) // PAIRS) or 1]


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


async def _where(
    session: AsyncSession, workspace_id: str, which: ColumnElement[bool], most: int, *first: ColumnElement[Any]
) -> list[Account]:
    """Find accounts by what stands in the index that all of them are looked through by, and read only these."""
    query = select(Account.external_id).where(Account.workspace_id == workspace_id, which)
    # In the order of their ids alone, SQLite would go through all rows for it.
    order = (*first, func.coalesce(func.length(Account.name), LONGEST), Account.external_id)
    found = await session.scalars(query.order_by(*order).limit(most))
    return await _of(session, workspace_id, list(found))


_LOOKS: Sequence[tuple[Callable[[AsyncSession, str, str, int], Awaitable[list[Account]]], Fit]] = (
    (_by_id, Fit.EXACT),
    (_by_address, Fit.EXACT),
    (_by_name, Fit.EXACT),
    (_containing, Fit.PART),
)


async def _of(session: AsyncSession, workspace_id: str, external_ids: Sequence[str]) -> list[Account]:
    """Read accounts, in the order of these external ids."""
    query = select(Account).where(Account.workspace_id == workspace_id, among(Account.external_id, external_ids))
    found = {one.external_id: one for one in await session.scalars(query)}
    return [found[one] for one in external_ids if one in found]
