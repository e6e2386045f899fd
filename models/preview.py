"""A preview: the picture of a report, of a recap, or of MRR's trend, at a signed address that expires.

The address names what the picture shows and holds no figures, since addresses stand in other people's logs.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from models.secret import Keyring

KEPT = timedelta(days=4)
PURPOSE = "preview"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The picture of a report, or of one currency or all of a recap or of the trend, as it was at an instant."""

    workspace_id: str
    subject_id: str
    """The id of the report or recap, or `trend.SUBJECT`."""
    figures: str | None = None
    """The name of the figures that are shown; None for a report."""
    as_of: datetime

    def is_expired(self, *, now: datetime) -> bool:
        return now - self.as_of >= KEPT


def address(preview: Preview, *, keyring: Keyring, public_url: str) -> str:
    """Give the address of a preview."""
    at = int(preview.as_of.timestamp())
    text = f"{preview.workspace_id}:{preview.subject_id}:{preview.figures or ''}:{at}"
    return f"{public_url}/previews/{keyring.sign(text, purpose=PURPOSE)}.png"


def read(signed: str, *, keyring: Keyring) -> Preview | None:
    """Read what an address names; None where we didn't sign it."""
    text = keyring.signed(signed, purpose=PURPOSE)
    if text is None:
        return None
    workspace_id, subject_id, figures, at = text.split(":")
    return Preview(
        workspace_id=workspace_id,
        subject_id=subject_id,
        figures=figures or None,
        as_of=datetime.fromtimestamp(int(at), UTC),
    )
