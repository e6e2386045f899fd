"""Whom the vendors have for customers in the demo: companies, their people, and who at Acme looks after them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle


@dataclass(frozen=True, kw_only=True)
class Company:
    """A customer of Acme's."""

    external_id: str
    """Acme's own id of it."""
    name: str
    domain: str
    owner: str
    """The e-mail of whoever looks after it."""
    person: str
    email: str
    """The person's."""


@dataclass
class Town:
    """All of them, and what time it is there."""

    companies: Sequence[Company]
    now: Callable[[], datetime]
    _turns: dict[str, "cycle[Company]"] = field(default_factory=dict)

    def next(self, who: str) -> Company:
        """Give the company whose turn it is with a vendor."""
        if not self.companies:
            raise ValueError("There are no companies.")
        return next(self._turns.setdefault(who, cycle(self.companies)))

    def stamp(self) -> str:
        """Give the time as most vendors write it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.now().microsecond // 1000:03}Z"
