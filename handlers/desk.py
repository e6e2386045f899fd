"""What every listener is given: the desk with the database and the keys, and who it is that came to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from handlers.turns import Turns
from models.database import Database
from models.secret import Keyring


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What handlers work with. `now` reads the clock; a handler reads it once and passes the instant on."""

    database: Database
    keyring: Keyring
    public_url: str
    now: Callable[[], datetime]
    turns: Turns = field(default_factory=Turns)

    def webhook_url(self, key: str) -> str:
        """Give the webhook URL of the source with this key."""
        return f"{self.public_url}/in/{key}"

    def report_url(self, report_id: str) -> str:
        """Give the link to a report."""
        return f"{self.public_url}/reports/{report_id}"


@dataclass(frozen=True)
class Visitor:
    """Who acts, and in which workspace. Every query of a handler is bound to this workspace."""

    workspace_id: str
    user_id: str
