"""The business: how it grows, month by month, and what each movement of its accounts is."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from bot.story.cast import Account, Cast, Deck
from bot.story.months import EARLY_MONTHS, Month, months_of
from bot.story.world import CSM, LOST, PLANS, WON
from models.fact import AccountFact, AccountStatus, Fact, MovementFact, MovementKind, RoleFact

_OPENING = 80_000_00
"""What it is worth then."""
_LEADS = 15
"""How many deals are open at any time."""
_MOST_ACCOUNTS = 400
"""The present brings new accounts up to here; then it goes on with those."""
_AWAY = timedelta(days=30)
"""How long a churned account stays away at least before it comes back."""
_HALF = 0.5
"""How much of the running month must have passed before it has movements of every kind."""
_RESTING = 12
"""How many accounts that moved lately the present lets rest."""
_FEWEST_SEATS = 3
_UPGRADES = 0.15
"""How often an account that could have the next plan takes it without more seats."""
_LOST_REASONS = ("Chose another tool", "No budget", "Bad timing", "Missing integration")
_CHURN_REASONS = ("budget cut", "moved to another tool", "project ended", "team dissolved", "hardly used")
_GROWTH = {1: 46, 2: 48, 3: 56, 4: 50, 5: 50, 6: 52, 7: 44, 8: 40, 9: 54, 10: 56, 11: 58, 12: 42}
"""By how many thousandths the worth is to grow in each month of the year: summer and December are slow."""
_BUDGETS = (
    (MovementKind.EXPANSION, 28),
    (MovementKind.CONTRACTION, 9),
    (MovementKind.CHURN, 15),
    (MovementKind.REACTIVATION, 6),
)
"""How many thousandths of its opening worth a month moves by each kind; new business brings the rest of the growth."""
_CHOICES = {
    MovementKind.NEW_BUSINESS: 2,
    MovementKind.EXPANSION: 1,
    MovementKind.CONTRACTION: 1,
    MovementKind.CHURN: 6,
    MovementKind.REACTIVATION: 6,
}
"""Of how many changes that fit the largest is made: the more, the fewer movements of the kind there are."""


@dataclass(frozen=True)
class Happening:
    """A fact of the present, and how long after the one before it happens."""

    after: timedelta
    fact: Fact

    def at(self, now: datetime) -> Fact:
        """Give the fact as of now, where it says when it happened."""
        match self.fact:
            case MovementFact():
                return self.fact.model_copy(update={"occurred_at": now.astimezone(UTC)})
            case AccountFact(created_at=datetime()):
                return self.fact.model_copy(update={"created_at": now.astimezone(UTC)})
            case _:
                return self.fact


@dataclass(frozen=True)
class _Change:
    """A movement that could happen: to so many seats of a plan."""

    kind: MovementKind
    account: Account
    plan: int
    seats: int

    @property
    def size(self) -> int:
        return abs(self.account.charge("USD", self.plan, self.seats) - self.account.worth)


class Business:
    """The business, which lives up to a day when it is made, and from there on as its present is read."""

    def __init__(self, seed: int, today: date) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - the same seed must tell the same story
        self._cast = Cast(self._rng)
        self._reasons = Deck(self._rng, _CHURN_REASONS)
        self._lost_reasons = Deck(self._rng, _LOST_REASONS)
        self._told: list[tuple[datetime, Fact]] = []
        self._resting: list[int] = []
        """The accounts that moved or came just now, by number."""
        self._today = datetime.combine(today, time(), UTC)
        self.accounts: list[Account] = []
        self._live()

    def history(self) -> list[Fact]:
        return [fact for _, fact in sorted(self._told, key=lambda told: told[0])]

    def present(self) -> Iterator[Happening]:
        at, most, enough = self._today, len(self._customers()) * 6 // 5, self._worth() * 6 // 5
        while True:
            mix = _mix(few_customers=len(self._customers()) < most, little_mrr=self._worth() < enough)
            for kind in self._rng.sample(tuple(mix), sum(mix.values()), counts=tuple(mix.values())):
                for facts in self._go_on(kind, at):
                    after = timedelta(seconds=self._rng.randint(6, 40))
                    at += after
                    yield Happening(after, facts[0])
                    yield from (Happening(timedelta(), fact) for fact in facts[1:])

    def _go_on(self, kind: MovementKind, at: datetime) -> Iterator[list[Fact]]:
        """Let a movement of this kind happen, or another where none can. A new customer makes room for a new lead."""
        for possible in (kind, MovementKind.REACTIVATION, MovementKind.EXPANSION, MovementKind.CONTRACTION):
            change = self._draw(possible, self._worth() // 60, gone_before=at, is_needed=True)
            if change is not None:
                yield self._make(change, at)
                if possible is MovementKind.NEW_BUSINESS and len(self.accounts) < _MOST_ACCOUNTS:
                    yield self._arrive()
                del self._resting[:-_RESTING]
                return

    def _live(self) -> None:
        """Grow from nothing to the opening worth, then by a few percent a month; begin with a month of leads only."""
        start, *months = months_of(self._today.date())
        for _ in range(_LEADS):
            self._tell(start.instant(self._rng), self._arrive())
        goal = 0
        for month in months:
            goal = _goal(month, goal)
            self._spend_month(month, goal)
            if month.is_told and month.number % 2:
                self._lose(month)

    def _spend_month(self, month: Month, goal: int) -> None:
        """Let every account move at most once, so that its movements follow each other; then grow to the goal."""
        self._resting.clear()
        opening = self._worth()
        for kind, thousandths in _BUDGETS:
            budget = int(opening * thousandths / 1000 * month.passed)
            self._spend(kind, budget, month)
        self._spend(MovementKind.NEW_BUSINESS, goal - self._worth(), month)

    def _spend(self, kind: MovementKind, budget: int, month: Month) -> None:
        """Make movements of a kind while they fit in the budget, at least one where the month is to have every kind."""
        is_needed = month.is_told and (month.passed > _HALF or kind is MovementKind.EXPANSION)
        away = datetime.combine(month.first, time(), UTC) - _AWAY
        left = budget
        while is_needed or left > budget // 8:
            change = self._draw(kind, left * 5 // 4, gone_before=away, is_needed=is_needed)
            if change is None:
                return
            left -= change.size
            is_needed = False
            at = month.instant(self._rng)
            self._tell(at, self._make(change, at))
            if kind is MovementKind.NEW_BUSINESS:
                self._tell(month.instant(self._rng), self._arrive())

    def _tell(self, at: datetime, facts: Iterable[Fact]) -> None:
        self._told.extend((at, fact) for fact in facts)

    def _worth(self) -> int:
        return sum(account.worth for account in self.accounts)

    def _customers(self) -> list[Account]:
        return [account for account in self.accounts if account.seats]

    def _arrive(self) -> list[Fact]:
        account = self._cast.account(len(self.accounts) + 1)
        self.accounts.append(account)
        self._resting.append(account.number)
        return account.arrival()

    def _lose(self, month: Month) -> None:
        """Lose the oldest open deal; another lead comes in its place."""
        account = next(account for account in self.accounts if account.is_open)
        account.stage = LOST
        lost = AccountFact(
            external_id=account.external_id, sales_stage=LOST, attributes={"lost_reason": self._lost_reasons.deal()}
        )
        self._tell(month.instant(self._rng), [lost])
        self._tell(month.instant(self._rng), self._arrive())

    def _draw(self, kind: MovementKind, limit: int, *, gone_before: datetime, is_needed: bool) -> _Change | None:
        """Draw a change of at most this size; where one is needed and none fits, the smallest."""
        accounts = self._candidates(kind, gone_before)
        drawn = self._rng.sample(accounts, min(len(accounts), 12))
        changes = [change for account in drawn if (change := self._propose(kind, account))]
        fitting = [change for change in changes if change.size <= limit]
        if fitting:
            return max(fitting[: _CHOICES[kind]], key=lambda change: change.size)
        return min(changes, key=lambda change: change.size) if is_needed and changes else None

    def _candidates(self, kind: MovementKind, gone_before: datetime) -> list[Account]:
        rested = (account for account in self.accounts if account.number not in self._resting)
        match kind:
            case MovementKind.NEW_BUSINESS:
                return [account for account in rested if account.is_open]
            case MovementKind.REACTIVATION:
                return [account for account in rested if account.left_at and account.left_at < gone_before]
            case _:
                return [account for account in rested if account.seats]

    def _propose(self, kind: MovementKind, account: Account) -> _Change | None:
        """Think of a change of this kind that makes sense for the account; None if there is none."""
        match kind:
            case MovementKind.NEW_BUSINESS:
                return self._sign(account)
            case MovementKind.EXPANSION:
                return self._grow(account)
            case MovementKind.CONTRACTION:
                return self._shrink(account)
            case MovementKind.CHURN:
                return _Change(kind, account, account.plan or 0, 0)
            case MovementKind.REACTIVATION:
                seats = max(_FEWEST_SEATS, account.seats_before * 2 // 3)
                return _Change(kind, account, _plan_for(account.plan or 0, seats), seats)

    def _sign(self, account: Account) -> _Change:
        plan = self._rng.choice(account.segment.plans)
        seats = self._rng.randint(PLANS[plan].fewest, (PLANS[plan].fewest + PLANS[plan].most) // 2)
        return _Change(MovementKind.NEW_BUSINESS, account, plan, min(seats, account.most_seats))

    def _grow(self, account: Account) -> _Change | None:
        """Add seats, which may need the next plan; now and then only the next plan."""
        plan, seats = account.plan or 0, account.seats
        higher = min(plan + 1, len(PLANS) - 1)
        if higher > plan and seats >= PLANS[higher].fewest and self._rng.random() < _UPGRADES:
            return _Change(MovementKind.EXPANSION, account, higher, seats)
        more = seats + max(1, round(seats * self._rng.uniform(0.1, 0.4)))
        if more > account.most_seats:
            return None
        return _Change(MovementKind.EXPANSION, account, higher if more > PLANS[plan].most else plan, more)

    def _shrink(self, account: Account) -> _Change | None:
        """Give up seats, which may make a lower plan do."""
        fewer = account.seats - max(1, round(account.seats * self._rng.uniform(0.1, 0.35)))
        if fewer < _FEWEST_SEATS:
            return None
        return _Change(MovementKind.CONTRACTION, account, _plan_for(account.plan or 0, fewer), fewer)

    def _make(self, change: _Change, at: datetime) -> list[Fact]:
        """Let a change happen: what the CRM says about it, then the movement."""
        account = change.account
        facts = [*_in_the_crm(change, at), self._movement(change, at)]
        account.plan, account.seats_before, account.seats = change.plan, account.seats, change.seats
        account.moves += 1
        account.left_at = at if change.kind is MovementKind.CHURN else None
        account.stage = WON
        self._resting.append(account.number)
        return facts

    def _movement(self, change: _Change, at: datetime) -> MovementFact:
        account = change.account
        after = account.charge(account.place.currency, change.plan, change.seats)
        return MovementFact(
            external_id=f"mov-{account.number:03}-{account.moves + 1:02}",
            account_external_id=account.external_id,
            account_name=account.name,
            kind=change.kind,
            amount_minor=after - account.mrr,
            currency=account.place.currency,
            mrr_before_minor=account.mrr,
            mrr_after_minor=after,
            plan=PLANS[change.plan].name,
            plan_before=account.plan_name if account.plan != change.plan else None,
            description=self._describe(change, at),
            subscription_external_id=f"sub-{account.number:03}",
            occurred_at=at,
        )

    def _describe(self, change: _Change, at: datetime) -> str:
        before, left_at = change.account.seats, change.account.left_at
        if change.kind is MovementKind.CHURN:
            return f"{before} seats cancelled: {self._reasons.deal()}"
        if left_at is not None:
            away = round((at - left_at).days / 30)
            return f"{change.seats} seats, " + (f"back after {away} months" if away > 1 else "back again")
        return f"{before} → {change.seats} seats" if before not in {0, change.seats} else f"{change.seats} seats"


def _mix(*, few_customers: bool, little_mrr: bool) -> dict[MovementKind, int]:
    """Mix some twenty movements of the present: more gains while the business has few customers or little MRR."""
    return {
        MovementKind.NEW_BUSINESS: 4 if few_customers else 2,
        MovementKind.CHURN: 3 if few_customers else 4,
        MovementKind.REACTIVATION: 1,
        MovementKind.EXPANSION: 9 if little_mrr else 6,
        MovementKind.CONTRACTION: 3 if little_mrr else 7,
    }


def _goal(month: Month, before: int) -> int:
    """Say what the worth should be when a month ends, from what it should have been when the one before did."""
    if not month.is_told:
        return int(_OPENING * (1 + month.number / EARLY_MONTHS) ** 1.3)
    return int(before * (1 + _GROWTH[month.first.month] / 1000 * month.passed))


def _plan_for(plan: int, seats: int) -> int:
    """Give the highest plan, from the present one down, that is sold with so few seats."""
    return next((lower for lower in range(plan, 0, -1) if PLANS[lower].fewest <= seats), 0)


def _in_the_crm(change: _Change, at: datetime) -> Iterator[Fact]:
    account_id = change.account.external_id
    match change.kind:
        case MovementKind.NEW_BUSINESS:
            yield AccountFact(external_id=account_id, status=AccountStatus.CUSTOMER, sales_stage=WON, created_at=at)
            yield RoleFact(account_external_id=account_id, role="csm", email=CSM[0], name=CSM[1])
        case MovementKind.REACTIVATION:
            yield AccountFact(external_id=account_id, status=AccountStatus.CUSTOMER)
        case MovementKind.CHURN:
            yield AccountFact(external_id=account_id, status=AccountStatus.CHURNED)
        case _:
            pass
