"""An audience of Segment's: the first sync of one tells of everybody who is in it already, and so it tells nobody.

That sync is over once nothing of the audience came for a while, or after a day at the latest. Who enters or leaves
from then on is news.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from models.said import written

SYNC_PAUSE = timedelta(minutes=15)
SYNC_LONGEST = timedelta(days=1)

Audiences = Mapping[str, list[str]]
"""By name: when it was first heard of, and when last while it was being synced; nothing once that is over."""


def heard(audiences: Audiences, name: str, received_at: datetime) -> tuple[bool, dict[str, list[str]]]:
    """Say whether what was received of an audience is of its first sync, and give what is known of audiences then."""
    known = audiences.get(name)
    at = written(received_at)
    if known is None:
        return True, {**audiences, name: [at, at]}
    if not known:
        return False, dict(audiences)
    first, last = known
    is_over = at > written(datetime.fromisoformat(last) + SYNC_PAUSE)
    if is_over or at > written(datetime.fromisoformat(first) + SYNC_LONGEST):
        return False, {**audiences, name: []}
    return True, {**audiences, name: [first, max(last, at)]}
