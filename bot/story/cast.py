"""The cast: companies that are invented one after the other, with their people."""

import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from bot.story.world import INDUSTRIES, LADDER, LOST, OPEN_STAGES, PLACES, PLANS, SEGMENTS, Place, Segment, Tongue
from models.fact import AccountFact, AccountStatus, ContactFact, Fact, RoleFact

T = TypeVar("T")


class Deck(Generic[T]):
    """Deals cards in random order, all of them before any comes again."""

    def __init__(self, rng: random.Random, cards: Sequence[T]) -> None:
        self._rng, self._cards = rng, tuple(cards)
        self._left: list[T] = []

    def deal(self) -> T:
        if not self._left:
            self._left = list(self._cards)
            self._rng.shuffle(self._left)
        return self._left.pop()


@dataclass
class Account:
    number: int
    name: str
    domain: str
    place: Place
    segment: Segment
    industry: str
    employees: int
    discount: int
    stage: str
    contacts: tuple[ContactFact, ...] = ()
    plan: int | None = None
    """The position of its plan, also of the last one that it had; None before it ever was a customer."""
    seats: int = 0
    seats_before: int = 0
    moves: int = 0
    left_at: datetime | None = None

    @property
    def external_id(self) -> str:
        return f"acc-{self.number:03}"

    @property
    def worth(self) -> int:
        return self.charge("USD", self.plan, self.seats)

    @property
    def mrr(self) -> int:
        return self.charge(self.place.currency, self.plan, self.seats)

    @property
    def most_seats(self) -> int:
        """Nobody buys a seat for everyone."""
        return self.employees * 4 // 5

    @property
    def plan_name(self) -> str | None:
        return None if self.plan is None else PLANS[self.plan].name

    @property
    def is_open(self) -> bool:
        """Say whether it is a lead that may still sign."""
        return self.plan is None and self.stage != LOST

    def charge(self, currency: str, plan: int | None, seats: int) -> int:
        price = 0 if plan is None else PLANS[plan].price[currency]
        return seats * price * (100 - self.discount) // 100

    def arrival(self) -> list[Fact]:
        """Tell of it as a lead, with its people and its owner."""
        email, name = self.place.owner
        account = AccountFact(
            external_id=self.external_id,
            name=self.name,
            status=AccountStatus.LEAD,
            sales_stage=self.stage,
            domain=self.domain,
            attributes={
                "country": self.place.country,
                "segment": self.segment.name,
                "industry": self.industry,
                "employees": self.employees,
            },
        )
        owner = RoleFact(account_external_id=self.external_id, role="owner", email=email, name=name)
        return [account, *self.contacts, owner]


class Cast:
    """Invents the companies and their people."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._places = Deck(rng, [place for place in PLACES for _ in range(place.share)])
        self._segments = Deck(rng, [segment for segment in SEGMENTS for _ in range(segment.share)])
        self._industries = Deck(rng, tuple(INDUSTRIES))
        self._stages = Deck(rng, OPEN_STAGES)
        self._companies = {place.tongue: Deck(rng, place.tongue.companies) for place in PLACES}
        self._names: set[str] = set()
        self._contacts = 0

    def account(self, number: int) -> Account:
        place, segment, industry = self._places.deal(), self._segments.deal(), self._industries.deal()
        name = self._name(place.tongue, industry)
        account = Account(
            number=number,
            name=name,
            domain=f"{_slug(name, '-')}.example",
            place=place,
            segment=segment,
            industry=industry,
            employees=self._rng.randint(*segment.employees),
            discount=self._rng.choice((0, 0, 0, 10, 20)),
            stage=self._stages.deal(),
        )
        account.contacts = self._people(account)
        return account

    def _name(self, tongue: Tongue, industry: str) -> str:
        while True:
            name = f"{self._companies[tongue].deal()} {self._rng.choice(INDUSTRIES[industry])}"
            if name not in self._names:
                self._names.add(name)
                return name

    def _people(self, account: Account) -> tuple[ContactFact, ...]:
        tongue, number = account.place.tongue, self._rng.randint(1, 3)
        firsts, lasts = self._rng.sample(tongue.first_names, number), self._rng.sample(tongue.last_names, number)
        titles = self._rng.sample(tuple(LADDER), number)
        return tuple(self._contact(account, *person) for person in zip(firsts, lasts, titles, strict=True))

    def _contact(self, account: Account, first: str, last: str, title: str) -> ContactFact:
        self._contacts += 1
        return ContactFact(
            user_id=f"con-{self._contacts:04}",
            email=f"{_slug(first)}.{_slug(last)}@{account.domain}",
            name=f"{first} {last}",
            first_name=first,
            last_name=last,
            title=title,
            account_external_id=account.external_id,
            account_name=account.name,
        )


def _slug(text: str, between: str = "") -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]+", between, plain.lower())
