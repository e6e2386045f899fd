"""Bringing up to date what told of a movement that is another than it was, or is no more."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import edit, thread
from models.delivery import FactKind, Owed, SkipReason


async def mark_corrected(session: AsyncSession, owed: Sequence[tuple[str, Owed]], *, now: datetime) -> None:
    """Have the messages brought up to date of which corrections tell, and the cards above them.

    Where a destination is paused, that is made up for when the pause is over. It comes last in its transaction.
    """
    marked: dict[str, list[str]] = {}
    for workspace_id, one in owed:
        is_told = one.skipped in {None, SkipReason.PAUSED}
        if one.fact[0] is FactKind.CORRECTION and one.replies_to is not None and is_told:
            marked.setdefault(workspace_id, []).append(one.replies_to)
    for workspace_id, ids in sorted(marked.items()):
        above = await thread.cards_above(session, workspace_id, ids)
        await edit.ask(session, workspace_id, [*ids, *above], now=now)
