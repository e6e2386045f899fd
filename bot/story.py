"""The demo's story: an invented SaaS business, told up to this morning and then on, without end.

Nothing here is from the world: companies and people are made up, and their addresses lie under `.example`, which no one
can own. The same seed and day tell the same story, byte for byte. No clock is read: who replays the present says when
it is now.

MRR is steered by what an account would pay in dollars at list price, its worth; real amounts are only ever summed by
currency.
"""

import random
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Generic, TypeVar

from models.fact import AccountFact, AccountStatus, ContactFact, Fact, MovementFact, MovementKind, RoleFact, SignalKind

T = TypeVar("T")

TOLD_MONTHS = 12
"""The whole months before this one that have movements of every kind."""

_EARLY_MONTHS = 18
"""How long the business grew before them, so that they begin with customers."""
_OPENING = 80_000_00
"""What it is worth then."""
_LEADS = 15
"""How many deals are open at any time."""
_MOST_ACCOUNTS = 400
"""The present brings new accounts up to here; then it goes on with those."""
_WORKDAY = range(8, 18)
_HOLIDAYS = {(12, 25), (12, 26), (1, 1)}
_AWAY = timedelta(days=30)
"""How long a churned account stays away at least before it comes back."""
_HALF = 0.5
"""How much of the running month must have passed before it has movements of every kind."""
_RESTING = 12
"""How many accounts that moved lately the present lets rest."""
_FEWEST_SEATS = 3
_UPGRADES = 0.15
"""How often an account that could have the next plan takes it without more seats."""
_OF_EACH = 3
_ORDERS = 12

_WON, _LOST = "Closed Won", "Closed Lost"
_OPEN_STAGES = ("Qualified", "Demo", "Proposal", "Negotiation")
_LOST_REASONS = ("Chose another tool", "No budget", "Bad timing", "Missing integration")
_CHURN_REASONS = ("budget cut", "moved to another tool", "project ended", "team dissolved", "hardly used")

_DANA, _LIAM = ("dana@acme.com", "Dana Reyes"), ("liam@acme.com", "Liam Novak")
_CSM = ("mei@acme.com", "Mei Tanaka")
"""The local Slack's Acme has these people."""

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
class _Plan:
    name: str
    price: dict[str, int]
    """By currency, for one seat and month, in minor units; whole hundreds, so that a discount leaves no fraction."""
    fewest: int
    most: int


_PLANS = (
    _Plan("Starter", {"USD": 2900, "EUR": 2700, "GBP": 2400}, 5, 16),
    _Plan("Growth", {"USD": 5900, "EUR": 5500, "GBP": 4900}, 8, 30),
    _Plan("Scale", {"USD": 9900, "EUR": 9200, "GBP": 8400}, 14, 60),
    _Plan("Enterprise", {"USD": 12900, "EUR": 11900, "GBP": 10900}, 30, 400),
)


@dataclass(frozen=True)
class _Segment:
    name: str
    employees: tuple[int, int]
    plans: tuple[int, ...]
    """The plans that they begin with, by position, the usual ones more often."""
    share: int


_SEGMENTS = (
    _Segment("Small business", (18, 79), (0, 0, 1), 7),
    _Segment("Mid-market", (80, 499), (1, 1, 2), 9),
    _Segment("Enterprise", (500, 4000), (2, 2, 3), 4),
)


@dataclass(frozen=True)
class _Tongue:
    """What companies and people are called where a language is spoken."""

    companies: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]


def _tongue(companies: str, first_names: str, last_names: str) -> _Tongue:
    return _Tongue(tuple(companies.split()), tuple(first_names.split()), tuple(last_names.split()))


_ENGLISH = _tongue(
    "Alderbrook Amberline Ashlarn Bellwick Birchholm Blackmoss Bluefern Brackenfold Brindlewick Brookpenny Calderay"
    " Candlemere Cinderhall Cobblemere Copperlea Corvane Dapplecroft Dovelund Driftholm Dunmarrow Eastmere Elmscar"
    " Emberlow Everreed Fableton Fallowgate Fennhollow Fernhythe Finchmoor Foxglade Gableford Glasswren Goldenrye"
    " Gorsehill Greyheron Halvorne Harrowmoss Hartlow Hazelrune Heathlark Hollowell Inkmoor Ironquay Ivorygate"
    " Junivale Kestrelby Kingsfern Kitewell Lakepenny Lanternfield Larkhollow Lowmarsh Lumenor Maplethorn Marlowick"
    " Merrowby Mistlebay Moorlight Mosswell Nettleford Nimbrook Northlarch Oakensby Orrinvale Osprello Otterly"
    " Overlark Pebblecrest Pinewhistle Plumbrook Quenmoor Quillhaven Redpoll Riddlesea Rivermint Rookwater Rowanlee"
    " Saltmere Sandreed Silverreed Sparrowhill Stonelark Summerlode Swiftmoor Tamberlin Tarnlight Thistlemoor"
    " Tidegrove Tumblewick Umberfield Underhythe Valderic Velmora Wetherlow Whinlark Willowquay Wrenfield Yarrowick"
    " Zephrine",
    "Aisha Amara Ben Caleb Chloe Daniel Elena Emily Farah Grace Hannah Imani Isaac Jamal Kofi Laura Leah Marcus Mateo"
    " Maya Naomi Nathan Olivia Owen Priya Ravi Rosa Samuel Sofia Theo Victor Wei Yusuf Zoe",
    "Abbott Adeyemi Bailey Bennett Brooks Chan Chowdhury Coleman Delgado Ellis Fletcher Flores Gallagher Grant Hughes"
    " Ibrahim Jennings Kapoor Kim Lawson Mensah Morales Murphy Nguyen Okonkwo Park Patel Quinn Ramirez Shaw Sinclair"
    " Tran Vasquez Whitaker",
)
_GERMAN = _tongue(
    "Eichholm Falkenried Grünquell Hasselbruck Kornblick Lindenfurt Morgenbach Nebelhorst Rabental Silberhag Tannquell"
    " Wolkenried",
    "Anke Björn Carla Florian Greta Hannes Jana Lukas Nele Stefan Ulrike Yasmin",
    "Albrecht Brandt Dietrich Fuchs Hartmann Keller Lorenz Neumann Seidel Vogt Winkler Yilmaz",
)
_FRENCH = _tongue(
    "Aubelune Clairmarne Fontvigne Lavandine Montcerf Noirval Perlaude Roselande Valbriac Vertlune",
    "Adèle Bastien Camille Éloïse Hugo Inès Julien Karim Manon Théo",
    "Aubert Blanchard Chevalier Diallo Fontaine Girard Lambert Moreau Roussel Vidal",
)
_DUTCH = _tongue(
    "Blauwdijk Duinhof Eikenzoom Grachtwijk Kievitlaan Molenbries Polderlicht Rietzoom Tulpwaard Zilvermeer",
    "Anouk Bram Daan Esmée Femke Jeroen Lotte Maarten Sanne Willem",
    "Bakker Brouwer Dekker Hendriks Kuiper Mulder Postma Smit Verhoeven Visser",
)
_SPANISH = _tongue(
    "Almendrera Brisaluz Cumbreluz Encinares Jaravalle Lunaverde Olivanto Piedrasol Solmarea Torrelinde",
    "Alba Bruno Carmen Diego Inés Javier Lucía Marta Nuria Pablo",
    "Aguilar Cabrera Domínguez Fuentes Iglesias Marín Navarro Ortega Serrano Vega",
)
_NORDIC = _tongue(
    "Björkdal Fjällbro Granholma Isvåg Lövskär Norrmyra Skogbris Tallhamn Ulvsund Vintersund",
    "Anders Astrid Elin Erik Freja Ingrid Jonas Linnea Nils Saga",
    "Bergman Dahl Ekström Forsberg Holm Lindgren Nyström Sandberg Viklund Åkesson",
)


@dataclass(frozen=True)
class _Place:
    country: str
    currency: str
    tongue: _Tongue
    owner: tuple[str, str]
    share: int


_PLACES = (
    _Place("United States", "USD", _ENGLISH, _DANA, 11),
    _Place("Canada", "USD", _ENGLISH, _DANA, 2),
    _Place("Australia", "USD", _ENGLISH, _DANA, 2),
    _Place("Sweden", "USD", _NORDIC, _LIAM, 1),
    _Place("United Kingdom", "GBP", _ENGLISH, _LIAM, 3),
    _Place("Ireland", "EUR", _ENGLISH, _LIAM, 1),
    _Place("Germany", "EUR", _GERMAN, _LIAM, 2),
    _Place("France", "EUR", _FRENCH, _LIAM, 1),
    _Place("Netherlands", "EUR", _DUTCH, _LIAM, 1),
    _Place("Spain", "EUR", _SPANISH, _LIAM, 1),
)

_INDUSTRIES = {
    "Education": ("Academy", "Learning", "Schools", "Tutors"),
    "Energy": ("Energy", "Grid", "Power", "Solar"),
    "Finance": ("Advisory", "Capital", "Insurance", "Lending"),
    "Healthcare": ("Clinics", "Dental", "Diagnostics", "Health"),
    "Hospitality": ("Catering", "Hotels", "Kitchens", "Resorts"),
    "Logistics": ("Freight", "Haulage", "Logistics", "Shipping"),
    "Manufacturing": ("Components", "Industries", "Tooling", "Works"),
    "Media": ("Media", "Pictures", "Press", "Studios"),
    "Retail": ("Goods", "Home", "Market", "Outfitters"),
    "Software": ("Apps", "Labs", "Software", "Systems"),
}

_LADDER = {
    "Finance Manager": "VP Finance",
    "Operations Manager": "VP Operations",
    "Head of Sales": "Chief Revenue Officer",
    "Revenue Operations Lead": "VP Revenue Operations",
    "Customer Success Lead": "VP Customer Success",
    "IT Manager": "Chief Information Officer",
    "Data Lead": "VP Data",
}
"""What contacts are, and what each becomes when promoted."""
_INVESTORS = ("Copper Lantern Partners", "Ninth Meadow Ventures", "Tall Pine Row", "Harbourglass Capital")
_ROUNDS = ("Series A", "Series B", "Series C")
"""By the size of the segment."""
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True)
class Signal:
    """Something worth its owner's attention about an account. A funding is about the company: it has no person."""

    external_id: str
    account_external_id: str
    kind: SignalKind
    person: str | None
    title: str | None
    """What the person now is, at this account."""
    text: str


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


@dataclass(frozen=True, kw_only=True)
class Story:
    """The business as it stands on the morning of a day."""

    seed: int = 7
    today: date

    def history(self) -> list[Fact]:
        """Tell what happened before today, oldest first: an account arrives as a lead with its people, then moves."""
        return _Business(self.seed, self.today).history()

    def present(self) -> Iterator[Happening]:
        """Tell how it goes on from today's morning, without end and each time alike."""
        return _Business(self.seed, self.today).present()

    def signals(self) -> list[Signal]:
        """Tell news about people and companies, three of each kind. Who changed jobs went where a deal was lost."""
        return _News(_Business(self.seed, self.today), self.seed).signals()

    def orders(self) -> list[dict[str, Any]]:
        """Give `track` calls as Segment sends them: contacts who completed an order."""
        return _News(_Business(self.seed, self.today), self.seed).orders()


class _Deck(Generic[T]):
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
class _Account:
    number: int
    name: str
    domain: str
    place: _Place
    segment: _Segment
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
        return None if self.plan is None else _PLANS[self.plan].name

    @property
    def is_open(self) -> bool:
        """Say whether it is a lead that may still sign."""
        return self.plan is None and self.stage != _LOST

    def charge(self, currency: str, plan: int | None, seats: int) -> int:
        price = 0 if plan is None else _PLANS[plan].price[currency]
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


@dataclass(frozen=True)
class _Change:
    """A movement that could happen: to so many seats of a plan."""

    kind: MovementKind
    account: _Account
    plan: int
    seats: int

    @property
    def size(self) -> int:
        return abs(self.account.charge("USD", self.plan, self.seats) - self.account.worth)


class _Cast:
    """Invents the companies and their people."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._places = _Deck(rng, [place for place in _PLACES for _ in range(place.share)])
        self._segments = _Deck(rng, [segment for segment in _SEGMENTS for _ in range(segment.share)])
        self._industries = _Deck(rng, tuple(_INDUSTRIES))
        self._stages = _Deck(rng, _OPEN_STAGES)
        self._companies = {place.tongue: _Deck(rng, place.tongue.companies) for place in _PLACES}
        self._names: set[str] = set()
        self._contacts = 0

    def account(self, number: int) -> _Account:
        place, segment, industry = self._places.deal(), self._segments.deal(), self._industries.deal()
        name = self._name(place.tongue, industry)
        account = _Account(
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

    def _name(self, tongue: _Tongue, industry: str) -> str:
        while True:
            name = f"{self._companies[tongue].deal()} {self._rng.choice(_INDUSTRIES[industry])}"
            if name not in self._names:
                self._names.add(name)
                return name

    def _people(self, account: _Account) -> tuple[ContactFact, ...]:
        tongue, number = account.place.tongue, self._rng.randint(1, 3)
        firsts, lasts = self._rng.sample(tongue.first_names, number), self._rng.sample(tongue.last_names, number)
        titles = self._rng.sample(tuple(_LADDER), number)
        return tuple(self._contact(account, *person) for person in zip(firsts, lasts, titles, strict=True))

    def _contact(self, account: _Account, first: str, last: str, title: str) -> ContactFact:
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


@dataclass
class _Month:
    """The working days of a month that lie before today."""

    number: int
    """Up to 0 in the early months; from 1 on, movements of every kind are told."""
    first: date
    days: list[date]
    passed: float
    """How much of it lies before today; 1.0 for a whole month."""
    is_begun: bool = False

    @property
    def is_told(self) -> bool:
        return self.number > 0

    def instant(self, rng: random.Random) -> datetime:
        """Choose an instant in working hours; the first one on the last day, so that history reaches up to today."""
        day = rng.choice(self.days) if self.is_begun else self.days[-1]
        self.is_begun = True
        return datetime.combine(day, time(rng.choice(_WORKDAY), rng.randrange(60), rng.randrange(60)), UTC)


def _months(today: date) -> list[_Month]:
    """List the months of the story, the running one last unless none of its working days has passed."""
    before_told = today.year * 12 + today.month - 1 - TOLD_MONTHS - 1
    months = [_month(number, before_told + number, today) for number in range(-_EARLY_MONTHS, TOLD_MONTHS + 2)]
    return [month for month in months if month.days]


def _month(number: int, since_year_0: int, today: date) -> _Month:
    first = date(since_year_0 // 12, since_year_0 % 12 + 1, 1)
    dates = (first + timedelta(days=day) for day in range(31))
    days = [day for day in dates if day.month == first.month and _is_working_day(day)]
    passed = [day for day in days if day < today]
    return _Month(number, first, passed, len(passed) / len(days))


def _is_working_day(day: date) -> bool:
    return day.isoweekday() in range(1, 6) and (day.month, day.day) not in _HOLIDAYS


class _Business:
    """The business, which lives up to a day when it is made, and from there on as its present is read."""

    def __init__(self, seed: int, today: date) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - the same seed must tell the same story
        self._cast = _Cast(self._rng)
        self._reasons = _Deck(self._rng, _CHURN_REASONS)
        self._lost_reasons = _Deck(self._rng, _LOST_REASONS)
        self._told: list[tuple[datetime, Fact]] = []
        self._resting: list[int] = []
        """The accounts that moved or came just now, by number."""
        self._today = datetime.combine(today, time(), UTC)
        self.accounts: list[_Account] = []
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
        start, *months = _months(self._today.date())
        for _ in range(_LEADS):
            self._tell(start.instant(self._rng), self._arrive())
        goal = 0
        for month in months:
            goal = _goal(month, goal)
            self._spend_month(month, goal)
            if month.is_told and month.number % 2:
                self._lose(month)

    def _spend_month(self, month: _Month, goal: int) -> None:
        """Let every account move at most once, so that its movements follow each other; then grow to the goal."""
        self._resting.clear()
        opening = self._worth()
        for kind, thousandths in _BUDGETS:
            budget = int(opening * thousandths / 1000 * month.passed)
            self._spend(kind, budget, month)
        self._spend(MovementKind.NEW_BUSINESS, goal - self._worth(), month)

    def _spend(self, kind: MovementKind, budget: int, month: _Month) -> None:
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

    def _customers(self) -> list[_Account]:
        return [account for account in self.accounts if account.seats]

    def _arrive(self) -> list[Fact]:
        account = self._cast.account(len(self.accounts) + 1)
        self.accounts.append(account)
        self._resting.append(account.number)
        return account.arrival()

    def _lose(self, month: _Month) -> None:
        """Lose the oldest open deal; another lead comes in its place."""
        account = next(account for account in self.accounts if account.is_open)
        account.stage = _LOST
        lost = AccountFact(
            external_id=account.external_id, sales_stage=_LOST, attributes={"lost_reason": self._lost_reasons.deal()}
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

    def _candidates(self, kind: MovementKind, gone_before: datetime) -> list[_Account]:
        rested = (account for account in self.accounts if account.number not in self._resting)
        match kind:
            case MovementKind.NEW_BUSINESS:
                return [account for account in rested if account.is_open]
            case MovementKind.REACTIVATION:
                return [account for account in rested if account.left_at and account.left_at < gone_before]
            case _:
                return [account for account in rested if account.seats]

    def _propose(self, kind: MovementKind, account: _Account) -> _Change | None:
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

    def _sign(self, account: _Account) -> _Change:
        plan = self._rng.choice(account.segment.plans)
        seats = self._rng.randint(_PLANS[plan].fewest, (_PLANS[plan].fewest + _PLANS[plan].most) // 2)
        return _Change(MovementKind.NEW_BUSINESS, account, plan, min(seats, account.most_seats))

    def _grow(self, account: _Account) -> _Change | None:
        """Add seats, which may need the next plan; now and then only the next plan."""
        plan, seats = account.plan or 0, account.seats
        higher = min(plan + 1, len(_PLANS) - 1)
        if higher > plan and seats >= _PLANS[higher].fewest and self._rng.random() < _UPGRADES:
            return _Change(MovementKind.EXPANSION, account, higher, seats)
        more = seats + max(1, round(seats * self._rng.uniform(0.1, 0.4)))
        if more > account.most_seats:
            return None
        return _Change(MovementKind.EXPANSION, account, higher if more > _PLANS[plan].most else plan, more)

    def _shrink(self, account: _Account) -> _Change | None:
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
        account.stage = _WON
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
            plan=_PLANS[change.plan].name,
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


def _goal(month: _Month, before: int) -> int:
    """Say what the worth should be when a month ends, from what it should have been when the one before did."""
    if not month.is_told:
        return int(_OPENING * (1 + month.number / _EARLY_MONTHS) ** 1.3)
    return int(before * (1 + _GROWTH[month.first.month] / 1000 * month.passed))


def _plan_for(plan: int, seats: int) -> int:
    """Give the highest plan, from the present one down, that is sold with so few seats."""
    return next((lower for lower in range(plan, 0, -1) if _PLANS[lower].fewest <= seats), 0)


def _in_the_crm(change: _Change, at: datetime) -> Iterator[Fact]:
    account_id = change.account.external_id
    match change.kind:
        case MovementKind.NEW_BUSINESS:
            yield AccountFact(external_id=account_id, status=AccountStatus.CUSTOMER, sales_stage=_WON, created_at=at)
            yield RoleFact(account_external_id=account_id, role="csm", email=_CSM[0], name=_CSM[1])
        case MovementKind.REACTIVATION:
            yield AccountFact(external_id=account_id, status=AccountStatus.CUSTOMER)
        case MovementKind.CHURN:
            yield AccountFact(external_id=account_id, status=AccountStatus.CHURNED)
        case _:
            pass


class _News:
    """What is told about the people and companies of a business, besides its MRR."""

    def __init__(self, business: _Business, seed: int) -> None:
        self._rng = random.Random(f"{seed} news")  # noqa: S311 - the same seed must tell the same story
        customers = sorted(
            (account for account in business.accounts if account.seats), key=lambda account: -account.worth
        )
        self._customers = customers[: len(customers) // 2]
        """The larger half: a reader can tell why news of these matter."""
        prospects = [account for account in business.accounts if account.plan is None]
        self._prospects = sorted(prospects, key=lambda account: account.is_open)

    def signals(self) -> list[Signal]:
        tellers = (self._job_change, self._promotion, self._new_hire, self._funding)
        told = [tell for tell in tellers for _ in range(_OF_EACH)]
        customers = self._rng.sample(self._customers, len(told))
        return [
            tell(f"sig-{number:02}", account)
            for number, (tell, account) in enumerate(zip(told, customers, strict=True), start=1)
        ]

    def orders(self) -> list[dict[str, Any]]:
        customers = self._rng.sample(self._customers, _ORDERS)
        return [self._order(number, account) for number, account in enumerate(customers, start=1)]

    def _job_change(self, signal_id: str, origin: _Account) -> Signal:
        """Let a contact of a customer go to a company that isn't one."""
        mover = self._rng.choice(origin.contacts)
        text = f"Was {mover.title} at {origin.name}, a customer on {origin.plan_name}, until last month."
        account = self._prospects.pop(0)
        return Signal(
            signal_id, account.external_id, SignalKind.JOB_CHANGE, mover.name, _LADDER[mover.title or ""], text
        )

    def _promotion(self, signal_id: str, account: _Account) -> Signal:
        contact = self._rng.choice(account.contacts)
        text = f"Was {contact.title} there before."
        return Signal(
            signal_id, account.external_id, SignalKind.PROMOTION, contact.name, _LADDER[contact.title or ""], text
        )

    def _new_hire(self, signal_id: str, account: _Account) -> Signal:
        tongue, title = account.place.tongue, self._rng.choice(tuple(_LADDER.values()))
        name = f"{self._rng.choice(tongue.first_names)} {self._rng.choice(tongue.last_names)}"
        text = f"{account.name} is on {account.plan_name} with {account.seats} seats."
        return Signal(signal_id, account.external_id, SignalKind.NEW_HIRE, name, title, text)

    def _funding(self, signal_id: str, account: _Account) -> Signal:
        size = _SEGMENTS.index(account.segment)
        millions = self._rng.randint(4, 9) * 3**size
        amount = f"{_SYMBOLS[account.place.currency]}{millions} million"
        text = f"Raised {amount} in a {_ROUNDS[size]} led by {self._rng.choice(_INVESTORS)}."
        return Signal(signal_id, account.external_id, SignalKind.FUNDING, None, None, text)

    def _order(self, number: int, account: _Account) -> dict[str, Any]:
        contact, currency = self._rng.choice(account.contacts), account.place.currency
        revenue = self._rng.randint(4, 60) * 10 - 1
        return {
            "type": "track",
            "event": "Order Completed",
            "messageId": f"order-{number:03}",
            "userId": contact.user_id,
            "properties": {
                "order_id": f"ord-{number:03}",
                "name": contact.name,
                "total": f"{_SYMBOLS[currency]}{revenue}.00",
                "revenue": revenue,
                "currency": currency,
            },
        }
