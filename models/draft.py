"""A draft: what a destination's form was told and has not been saved. It is kept for a day.

It holds the answers that a form doesn't ask for just now, so that they are there again when it does; or a wish as its
author is shown it, with the movement by which.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import lane
from models.base import Base, Id, JsonValue, new_id
from models.delivery import RUNRATE, FactKind, Owed
from models.recipient import RecipientKind
from models.wish import Wish

KEPT = timedelta(days=1)
"""Longer than anybody has a form open."""

_WISH = TypeAdapter(Wish)


class Draft(Base):
    """What was told; its shape is known to whoever kept it."""

    __tablename__ = "drafts"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    content: Mapped[dict[str, Any]] = mapped_column(JsonValue)
    created_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True)
class Shown:
    """A wish, and the movement by which it is shown; None where a recap is."""

    wish: Wish
    movement_id: str | None


async def keep(session: AsyncSession, workspace_id: str, content: dict[str, Any], *, now: datetime) -> str:
    """Keep something for a day; give its id."""
    draft = Draft(id=new_id("drf", now), workspace_id=workspace_id, content=content, created_at=now)
    session.add(draft)
    await session.flush()
    return draft.id


async def content(session: AsyncSession, workspace_id: str, draft_id: str) -> dict[str, Any] | None:
    """Give back what was kept; None once it is forgotten."""
    found: dict[str, Any] | None = await session.scalar(
        select(Draft.content).where(Draft.workspace_id == workspace_id, Draft.id == draft_id)
    )
    return found


async def show(session: AsyncSession, workspace_id: str, shown: Shown, *, to: str, now: datetime) -> None:
    """Owe a person what a destination like this would tell."""
    wish = _WISH.dump_python(shown.wish, mode="json")
    draft_id = await keep(session, workspace_id, {"wish": wish, "movement_id": shown.movement_id}, now=now)
    owed = Owed(asked_by=RUNRATE, fact=(FactKind.DRAFT, draft_id), recipient=(RecipientKind.PERSON, to))
    await lane.owe(session, workspace_id, [owed], now=now)


async def shown(session: AsyncSession, workspace_id: str, draft_id: str) -> Shown | None:
    """Give what a person is to be shown; None once it is forgotten."""
    found = await content(session, workspace_id, draft_id)
    return None if found is None else Shown(_WISH.validate_python(found["wish"]), found["movement_id"])


async def forget_old(session: AsyncSession, *, now: datetime) -> None:
    """Forget what was kept for longer than a day."""
    await session.execute(delete(Draft).where(Draft.created_at < now - KEPT))
