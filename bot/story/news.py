"""News about the people and companies of a business, besides its MRR."""

import random
from dataclasses import dataclass
from typing import Any

from bot.story.business import Business
from bot.story.cast import Account
from bot.story.world import LADDER, SEGMENTS, SYMBOLS
from models.fact import SignalKind

_OF_EACH = 3
_ORDERS = 12
_INVESTORS = ("Copper Lantern Partners", "Ninth Meadow Ventures", "Tall Pine Row", "Harbourglass Capital")
_ROUNDS = ("Series A", "Series B", "Series C")
"""By the size of the segment."""


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


class News:
    """What is told about the people and companies of a business, besides its MRR."""

    def __init__(self, business: Business, seed: int) -> None:
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

    def _job_change(self, signal_id: str, origin: Account) -> Signal:
        """Let a contact of a customer go to a company that isn't one."""
        mover = self._rng.choice(origin.contacts)
        text = f"Was {mover.title} at {origin.name}, a customer on {origin.plan_name}, until last month."
        account = self._prospects.pop(0)
        return Signal(
            signal_id, account.external_id, SignalKind.JOB_CHANGE, mover.name, LADDER[mover.title or ""], text
        )

    def _promotion(self, signal_id: str, account: Account) -> Signal:
        contact = self._rng.choice(account.contacts)
        text = f"Was {contact.title} there before."
        return Signal(
            signal_id, account.external_id, SignalKind.PROMOTION, contact.name, LADDER[contact.title or ""], text
        )

    def _new_hire(self, signal_id: str, account: Account) -> Signal:
        tongue, title = account.place.tongue, self._rng.choice(tuple(LADDER.values()))
        name = f"{self._rng.choice(tongue.first_names)} {self._rng.choice(tongue.last_names)}"
        text = f"{account.name} is on {account.plan_name} with {account.seats} seats."
        return Signal(signal_id, account.external_id, SignalKind.NEW_HIRE, name, title, text)

    def _funding(self, signal_id: str, account: Account) -> Signal:
        size = SEGMENTS.index(account.segment)
        millions = self._rng.randint(4, 9) * 3**size
        amount = f"{SYMBOLS[account.place.currency]}{millions} million"
        text = f"Raised {amount} in a {_ROUNDS[size]} led by {self._rng.choice(_INVESTORS)}."
        return Signal(signal_id, account.external_id, SignalKind.FUNDING, None, None, text)

    def _order(self, number: int, account: Account) -> dict[str, Any]:
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
                "total": f"{SYMBOLS[currency]}{revenue}.00",
                "revenue": revenue,
                "currency": currency,
            },
        }
