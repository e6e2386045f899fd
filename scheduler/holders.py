"""Who holds the roles that a movement's message names: the account's owner, and whom its destination mentions.

A mention notifies somebody, and is made only where the destination asks for it: in a channel or group that no other
company reads, of somebody whose address is an active person's in Slack. Anywhere else the message has a name.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from models import channel, person, role
from models.account import Account
from models.delivery import Delivery
from models.destination import Destination
from models.recipient import RecipientKind
from models.role import Role
from models.signal import TOLD_TO
from scheduler import whose
from scheduler.messages import movement as movement_message
from scheduler.messages.message import Message, Unaddressed
from scheduler.messages.movement import Holder, MovementMessage

SOMEBODY = "somebody whose name nobody told"


@dataclass(frozen=True)
class Named:
    """The holders that a message names, and the address about which Slack has to be asked, of the last one's."""

    holders: tuple[Holder, ...] = ()
    asked: str | None = None

    def draw(self, message: MovementMessage) -> Message | Unaddressed:
        """Draw a message that names them."""
        named = replace(message, holders=self.holders)
        if self.asked is None:
            return movement_message.draw(named)
        *others, last = self.holders

        def drawn(user_id: str | None) -> Message:
            return movement_message.draw(replace(named, holders=(*others, replace(last, user_id=user_id))))

        return Unaddressed(email=self.asked, draw=drawn)


NOBODY = Named()


async def name_holders(
    session: AsyncSession, told: Collection[tuple[Delivery, Destination, Account]], *, now: datetime
) -> dict[str, Named]:
    """Find whom messages name, by the delivery's id."""
    held = await role.at_accounts(session, {about.id for _, _, about in told})
    named = {}
    for owed, wanting, about in told:
        roles = held.get(about.id, {})
        if roles or wanting.mentions:
            named[owed.id] = await _name(session, owed, wanting.mentions, roles, now=now)
    return named


async def _name(
    session: AsyncSession, owed: Delivery, mentioned: str | None, roles: Mapping[str, Role], *, now: datetime
) -> Named:
    owner = roles.get(TOLD_TO)
    is_plain = mentioned is None and (owner is None or bool(owner.name))
    is_read_outside = not is_plain and await _is_read_outside(session, owed)
    holders = []
    if owner is not None and mentioned != TOLD_TO:
        holders.append(Holder(role=TOLD_TO, name=await _called(session, owner, with_address=not is_read_outside)))
    if mentioned is None:
        return Named(tuple(holders))
    who = roles.get(mentioned)
    if who is None or who.email is None:
        return Named((*holders, Holder(role=mentioned)))
    last = Holder(role=mentioned, name=await _called(session, who, with_address=not is_read_outside))
    if is_read_outside or owed.recipient_kind == RecipientKind.PERSON:
        return Named((*holders, last))
    found = await whose.remembered(session, owed.workspace_id, who.email, now=now)
    if found is None:
        return Named((*holders, last), asked=who.email)
    return Named((*holders, replace(last, user_id=None if found.has_left else found.user_id)))


async def _called(session: AsyncSession, who: Role, *, with_address: bool) -> str:
    """Say what somebody is called: as who named them said, or Slack; an address is for colleagues only."""
    if who.name:
        return who.name
    known = await person.with_email(session, who.workspace_id, str(who.email))
    return known.name if known is not None and known.name else str(who.email) if with_address else SOMEBODY


async def _is_read_outside(session: AsyncSession, owed: Delivery) -> bool:
    """Say whether people of other companies read where a message goes."""
    if owed.recipient_kind != RecipientKind.CHANNEL:
        return False
    known = await channel.get(session, owed.workspace_id, owed.target)
    return known is not None and known.is_shared_outside
