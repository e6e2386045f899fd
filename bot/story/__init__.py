"""The demo's story: an invented SaaS business, told up to this morning and then on, without end.

Nothing here is from the world: companies and people are made up, and their addresses lie under `.example`, which no one
can own. The same seed and day tell the same story, byte for byte. No clock is read: who replays the present says when
it is now.

MRR is steered by what an account would pay in dollars at list price, its worth; real amounts are only ever summed by
currency.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.story.business import Business, Happening
from bot.story.months import TOLD_MONTHS
from bot.story.news import News, Signal
from models.fact import Fact

__all__ = ["TOLD_MONTHS", "Happening", "Signal", "Story"]


@dataclass(frozen=True, kw_only=True)
class Story:
    """The business as it stands on the morning of a day."""

    seed: int = 7
    today: date

    def history(self) -> list[Fact]:
        """Tell what happened before today, oldest first: an account arrives as a lead with its people, then moves."""
        return Business(self.seed, self.today).history()

    def present(self) -> Iterator[Happening]:
        """Tell how it goes on from today's morning, without end and each time alike."""
        return Business(self.seed, self.today).present()

    def signals(self) -> list[Signal]:
        """Tell news about people and companies, three of each kind. Who changed jobs went where a deal was lost."""
        return News(Business(self.seed, self.today), self.seed).signals()

    def orders(self) -> list[dict[str, Any]]:
        """Give `track` calls as Segment sends them: contacts who completed an order."""
        return News(Business(self.seed, self.today), self.seed).orders()
