"""Previews: a report's picture in Slack, at an address that is signed and expires."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.secret import Keyring

PATH = "/previews/{signed}.png"
KEPT = timedelta(days=4)
PURPOSE = "preview"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The picture of a report as it was at an instant."""

    workspace_id: str
    report_id: str
    as_of: datetime

    def is_expired(self, *, now: datetime) -> bool:
        return now - self.as_of >= KEPT


def address(preview: Preview, *, keyring: Keyring, public_url: str) -> str:
    """Give the address of a preview."""
    text = f"{preview.workspace_id}:{preview.report_id}:{int(preview.as_of.timestamp())}"
    return f"{public_url}/previews/{keyring.sign(text, purpose=PURPOSE)}.png"


def read(signed: str, *, keyring: Keyring) -> Preview | None:
    """Read what an address names; None where we didn't sign it."""
    text = keyring.signed(signed, purpose=PURPOSE)
    if text is None:
        return None
    workspace_id, report_id, at = text.split(":")
    return Preview(workspace_id=workspace_id, report_id=report_id, as_of=datetime.fromtimestamp(int(at), UTC))
