"""How a kind of fact is told: what reads for it, what draws it, and what comes of that."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from models.delivery import Delivery, DeliveryState, SkipReason
from models.preview import Preview
from models.recipient import RecipientKind
from scheduler.messages.message import Edited, Message, Unaddressed, Unfurled

Drawn = Message | Unfurled | Unaddressed | Edited | SkipReason
Told = TypeVar("Told")


@dataclass(frozen=True)
class Setting:
    """When messages are drawn, our own address, and what gives the address at which a picture is."""

    now: datetime
    public_url: str
    picture_url: Callable[[Preview], str]


@dataclass(frozen=True)
class Drawing(Generic[Told]):
    """How a kind of fact is told."""

    load: Callable[[AsyncSession, Sequence[Delivery], Setting], Awaitable[Mapping[str, Told]]]
    draw: Callable[[Delivery, Told, Setting], Drawn]


def told_at(owed: Delivery, setting: Setting) -> datetime:
    """Say when a message is told; one that is brought up to date was told then."""
    return owed.settled_at or setting.now if owed.state == DeliveryState.DELIVERED else setting.now


def in_place_of(posted: Delivery, drawn: Message | Unaddressed) -> Edited:
    """Give the edit that puts this in place of a message."""
    assert posted.message_channel is not None  # noqa: S101 - it was delivered
    assert posted.message_ts is not None  # noqa: S101 - it was delivered
    return Edited(message=drawn, delivery_id=posted.id, channel=posted.message_channel, ts=posted.message_ts)


def channel_of(owed: Delivery) -> str | None:
    """Give the channel that a delivery goes to; None where it goes to people."""
    return owed.target if owed.recipient_kind == RecipientKind.CHANNEL else None
