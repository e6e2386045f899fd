"""Showing where a destination posts: a test."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import Delivery
from models.wish import Frequency
from scheduler.drawing.hearing import Hearing, find_hearings
from scheduler.drawing.telling import Drawn, Setting
from scheduler.messages import trial as trial_message
from scheduler.messages.trial import TrialMessage
from scheduler.places import hold_back


async def load_trials(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, Hearing]:
    """Find the destinations that are tested."""
    return await find_hearings(session, owed)


def draw_trial(owed: Delivery, to: Hearing, setting: Setting) -> Drawn:
    """Show where a destination posts, with what would stand in its way standing in the way of this too."""
    hold_back(to.because)
    destination = to.destination
    return trial_message.draw(
        TrialMessage(
            destination_name=destination.name,
            is_recap=Frequency(destination.frequency).is_recap,
            next_at=destination.next_run_at,
            is_paused=destination.is_paused(setting.now),
            note=owed.note or "Somebody asked for this test",
            told_at=setting.now,
            may_be_repeat=owed.may_be_repeat,
        )
    )
