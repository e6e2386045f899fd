"""Telling a message's thread who takes care of what it told, and that they let it go."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import claim, person
from models.delivery import Delivery, FactKind
from scheduler.decisions import Decision
from scheduler.drawing.hearing import find_barred
from scheduler.drawing.telling import Setting
from scheduler.messages import claim as drawing
from scheduler.messages.claim import ClaimMessage
from scheduler.messages.message import Message
from scheduler.places import hold_back


@dataclass(frozen=True)
class ToldClaim:
    """A claim on its way to the thread: who holds it, who ended that, and the account that it is about."""

    who: str
    released_by: str
    about: str
    because: Decision | None
    """Why nothing of MRR may be told there, if so."""


async def load_claims(session: AsyncSession, owed: Sequence[Delivery], _setting: Setting) -> dict[str, ToldClaim]:
    """Find the claims, and what their people are called."""
    found = await claim.many(session, {one.fact_id for one in owed})
    barred = await find_barred(session, owed)
    told = {}
    for one in owed:
        claimed = found.get((one.workspace_id, one.fact_id))
        about = await claim.about(session, claimed) if claimed is not None else None
        if claimed is not None and about is not None:
            people = {claimed.user_id, claimed.released_by or claimed.user_id}
            names = await person.named(session, one.workspace_id, people)
            who, by = (names.get(user) or claim.SOMEBODY for user in (claimed.user_id, claimed.released_by or ""))
            told[one.id] = ToldClaim(who, by, about, barred.get(one.id))
    return told


def draw_claim(owed: Delivery, told: ToldClaim, _setting: Setting) -> Message:
    """Draw the reply: what was claimed may be free again by now, of which the next one tells."""
    hold_back(told.because)
    return drawing.draw(
        ClaimMessage(
            who=told.who,
            account_name=told.about,
            released_by=told.released_by if owed.fact_kind == FactKind.RELEASE else None,
            may_be_repeat=owed.may_be_repeat,
        )
    )
