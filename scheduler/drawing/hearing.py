"""Who hears of MRR: the destination that a delivery is for, and what stands in its way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from models import channel, destination, person, recipient, workspace
from models.delivery import Delivery
from models.destination import Destination
from models.recipient import IN_PERSON, RecipientKind, To
from models.workspace import Workspace
from scheduler import places
from scheduler.decisions import Decision
from scheduler.places import OUTSIDERS


@dataclass(frozen=True)
class Hearing:
    """The destination that a delivery is for, its workspace, and why nothing of MRR may be told there, if so."""

    destination: Destination
    tenant: Workspace
    because: Decision | None

    @property
    def locale(self) -> str:
        """Say how its readers write numbers."""
        return self.destination.locale or self.tenant.locale


async def find_hearings(session: AsyncSession, owed: Sequence[Delivery]) -> dict[str, Hearing]:
    """Find the destinations of deliveries, by the delivery's id, where they still have the recipient.

    It may have changed while the delivery was being made.
    """
    asking = await destination.many(session, {one.asked_by for one in owed})
    chosen = await recipient.chosen(session, {(one.asked_by, one.recipient_kind, one.target) for one in owed})
    tenants = await workspace.many(session, {one.workspace_id for one in owed})
    barred = await find_barred(session, owed)
    return {
        one.id: Hearing(asking[one.asked_by], tenants[one.workspace_id], barred.get(one.id))
        for one in owed
        if (one.asked_by, one.recipient_kind, one.target) in chosen
    }


async def find_barred(session: AsyncSession, owed: Sequence[Delivery]) -> dict[str, Decision]:
    """Say by the delivery's id where nothing of MRR may be told: outsiders read along, or people left or are guests."""
    unconfirmed = await channel.unconfirmed(session, {(one.workspace_id, one.target) for one in owed})
    barred = {one.id: OUTSIDERS for one in owed if (one.workspace_id, one.target) in unconfirmed}
    people = {
        one.id: [(one.workspace_id, user_id) for user_id in To(RecipientKind(one.recipient_kind), one.target).user_ids]
        for one in owed
        if one.recipient_kind in IN_PERSON
    }
    unfit = await person.unfit(session, {key for theirs in people.values() for key in theirs})
    for delivery_id, theirs in people.items():
        because = places.unfit([unfit[key] for key in theirs if key in unfit], among=len(theirs))
        if because is not None:
            barred[delivery_id] = because
    return barred


def name_source(names: Mapping[str, str], source_id: str) -> str:
    """Name a source, even one that is gone."""
    return names.get(source_id, "a removed source")
