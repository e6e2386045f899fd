"""A condition: which accounts a destination hears of. By currency, plan, attribute, or by who holds a role.

A value is compared as it is written, letter for letter: it is chosen from those that are known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import attribute
from models.account import Account
from models.attribute import Value, written
from models.movement import Day, Movement
from models.role import Role

MOST_CONDITIONS = 3
MOST_VALUES = 10
LONGEST_VALUE = 150
"""As long as the value of a choice in Slack may be."""

LOOKED_THROUGH = 10_000
"""In how many rows known values are looked for: enough to meet the usual ones, and soon done however many there are."""

PLAN = func.coalesce(Movement.plan, Movement.plan_before)
"""The plan of a movement in SQL: where it has none any more, as after a churn, the one that it had."""


class About(StrEnum):
    """What of a movement or its account a condition is about."""

    CURRENCY = "currency"
    PLAN = "plan"
    ROLE = "role"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True)
class Criterion:
    """What has to have a value; `name` is that of the role or of the attribute."""

    about: About
    name: str = ""

    @property
    def key(self) -> str:
        """Write it as one text, such as `attribute:country`."""
        return f"{self.about}:{self.name}" if self.name else str(self.about)

    @property
    def is_of_account(self) -> bool:
        """Say whether it is about the account, and not about the movement itself."""
        return self.about in {About.ROLE, About.ATTRIBUTE}


OF_MOVEMENTS = (Criterion(About.CURRENCY), Criterion(About.PLAN))
"""What every movement can be told apart by."""


def criterion(key: str) -> Criterion | None:
    """Read a criterion from its key; None for what is none."""
    about, _, name = key.partition(":")
    if about not in set(About) or bool(name) != Criterion(About(about)).is_of_account:
        return None
    return Criterion(About(about), name)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How things stand with a movement and its account.

    `holders` are e-mail addresses by role. `total_minor` is the total MRR in the movement's currency; None where that
    isn't known.
    """

    currency: str = ""
    plan: str | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    holders: Mapping[str, str] = field(default_factory=dict)
    total_minor: int | None = None

    def value(self, of: Criterion) -> str | None:
        """Give the value of a criterion; None where there is none."""
        match of.about:
            case About.CURRENCY:
                return self.currency
            case About.PLAN:
                return self.plan
            case About.ROLE:
                return self.holders.get(of.name)
            case About.ATTRIBUTE:
                value = self.attributes.get(of.name)
                return None if value is None else written(value)


@dataclass(frozen=True)
class Condition:
    """A criterion that has one of these values."""

    criterion: Criterion
    values: tuple[str, ...] = ()

    def holds(self, standing: Standing) -> bool:
        """Say whether it is met."""
        return standing.value(self.criterion) in self.values

    def as_json(self) -> dict[str, str | list[str]]:
        """Write it as a destination keeps it."""
        return {"criterion": self.criterion.key, "values": list(self.values)}


def holders_in(conditions: Iterable[Condition]) -> set[str]:
    """Give the e-mail addresses of colleagues that conditions name."""
    return {value for one in conditions if one.criterion.about is About.ROLE for value in one.values}


async def criteria(session: AsyncSession, workspace_id: str) -> list[Criterion]:
    """List the roles and attributes that a workspace's accounts have."""
    return [
        *(Criterion(About.ROLE, name) for name in await roles(session, workspace_id)),
        *(Criterion(About.ATTRIBUTE, key) for key in await attribute.keys(session, workspace_id) if key),
    ]


async def roles(session: AsyncSession, workspace_id: str) -> list[str]:
    """List what colleagues are to a workspace's accounts, such as `owner`."""
    some = select(Role.role).where(Role.workspace_id == workspace_id).limit(LOOKED_THROUGH).subquery()
    return sorted(await session.scalars(select(some.c.role).distinct()))


async def known_values(session: AsyncSession, workspace_id: str, of: Criterion) -> dict[str, str]:
    """Give values of a criterion that were seen, each with its words, in the order of these."""
    match of.about:
        case About.CURRENCY:
            query = select(Day.currency).where(Day.workspace_id == workspace_id, Day.number != 0).distinct()
            found = dict.fromkeys(await session.scalars(query), "")
        case About.PLAN:
            found = dict.fromkeys(await _plans(session, workspace_id), "")
        case About.ROLE:
            found = await _holders(session, workspace_id, of.name)
        case About.ATTRIBUTE:
            some = select(Account.attributes).where(Account.workspace_id == workspace_id).limit(LOOKED_THROUGH)
            values = (one.get(of.name) for one in await session.scalars(some))
            found = dict.fromkeys((written(value) for value in values if value not in {None, ""}), "")
    return dict(sorted(((value, words or value) for value, words in found.items()), key=lambda one: one[1].casefold()))


async def _plans(session: AsyncSession, workspace_id: str) -> list[str]:
    newest = (
        select(PLAN.label("plan"))
        .where(Movement.workspace_id == workspace_id)
        .order_by(Movement.occurred_at.desc())
        .limit(LOOKED_THROUGH)
        .subquery()
    )
    query = select(newest.c.plan).where(newest.c.plan.is_not(None), newest.c.plan != "").distinct()
    return list(await session.scalars(query))


async def _holders(session: AsyncSession, workspace_id: str, role: str) -> dict[str, str]:
    held = (Role.workspace_id == workspace_id, Role.role == role, Role.email.is_not(None))
    query = select(Role.email, func.max(Role.name)).where(*held).group_by(Role.email).limit(LOOKED_THROUGH)
    return {str(email): str(name or "") for email, name in await session.execute(query)}
