"""A workflow: when this event arrives, and optionally one value of it is this, post that message to a channel."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, Text, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit, delivery, lane
from models.base import Base, Id, UserError, new_id, rows_among
from models.database import wake
from models.wakeup import Topic
from models.wish import LONGEST_NAME, FieldError

LONGEST_PATH = 255


class WorkflowUnknownError(UserError):
    """There is no such workflow; Runrate's Home tab shows which there are."""


class Workflow(Base):
    """One rule. `path` and `value` are its condition, both or neither; `icon` is an emoji's name or a picture's URL."""

    __tablename__ = "workflows"
    __table_args__ = (
        Index(
            "uq_workflows_name",
            "workspace_id",
            "name_key",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index(None, "workspace_id", "event"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    name_key: Mapped[str] = mapped_column(String(3 * LONGEST_NAME))
    event: Mapped[str] = mapped_column(String(255))
    path: Mapped[str | None] = mapped_column(String(LONGEST_PATH))
    value: Mapped[str | None] = mapped_column(String(255))
    channel_id: Mapped[str] = mapped_column(Id)
    template: Mapped[str] = mapped_column(Text)
    username: Mapped[str | None] = mapped_column(String(80))
    icon: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


@dataclass(frozen=True, kw_only=True)
class WorkflowWish:
    """What a person wants a workflow to be; its template and path were checked where they are understood."""

    name: str
    event: str
    channel_id: str
    template: str
    path: str | None = None
    value: str | None = None
    username: str | None = None
    icon: str | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be; `FieldError` names the field."""
        if not self.name:
            raise FieldError("name", "Give the workflow a name, such as “Orders”.")
        if len(self.name) > LONGEST_NAME:
            raise FieldError("name", f"A name has at most {LONGEST_NAME} characters; this one has {len(self.name)}.")
        if not self.event:
            raise FieldError("event", "Name the event as Segment sends it, such as Order Completed.")
        if not self.channel_id:
            raise FieldError("channel", "Choose a channel.")
        if self.value is not None and self.path is None:
            raise FieldError("path", "Say which property has to have that value, such as properties.plan.")
        if self.path is not None and self.value is None:
            raise FieldError("value", "Say which value the property has to have, or leave the property empty too.")


async def create(session: AsyncSession, workspace_id: str, wish: WorkflowWish, *, by: str, now: datetime) -> Workflow:
    """Make a workflow; `FieldError` where its name is taken."""
    workflow = Workflow(id=new_id("wfl", now), workspace_id=workspace_id, created_by=by, created_at=now, updated_at=now)
    _take_over(workflow, wish)
    session.add(workflow)
    await _flush(session, wish.name)
    _audit(session, workflow, "workflow.created", by=by, now=now)
    wake(session, Topic.CHANNELS)
    return workflow


async def edit(session: AsyncSession, workflow: Workflow, wish: WorkflowWish, *, by: str, now: datetime) -> None:
    """Change a workflow from now on; what it owes to a channel that it no longer has is skipped."""
    _take_over(workflow, wish)
    workflow.updated_at = now
    await _flush(session, wish.name)
    await lane.hold_those_of(session, workflow.id)
    await delivery.skip_unwanted(session, workflow.id, kept=[wish.channel_id], now=now)
    _audit(session, workflow, "workflow.edited", by=by, now=now)
    wake(session, Topic.CHANNELS)


async def remove(session: AsyncSession, workflow: Workflow, *, by: str, now: datetime) -> None:
    """Delete a workflow; what it owes, unsent, is skipped."""
    workflow.deleted_at = now
    await lane.hold_those_of(session, workflow.id)
    await delivery.skip_unwanted(session, workflow.id, kept=[], now=now)
    _audit(session, workflow, "workflow.deleted", by=by, now=now)


def _take_over(workflow: Workflow, wish: WorkflowWish) -> None:
    for name in ("name", "event", "channel_id", "template", "path", "value", "username", "icon"):
        setattr(workflow, name, getattr(wish, name))
    workflow.name_key = wish.name.casefold()


async def _flush(session: AsyncSession, name: str) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        raise FieldError("name", f"“{name}” exists already. Choose another name.") from error


def _audit(session: AsyncSession, workflow: Workflow, action: str, *, by: str, now: datetime) -> None:
    audit.record(
        session,
        workflow.workspace_id,
        actor=by,
        action=action,
        subject_id=workflow.id,
        detail={"name": workflow.name},
        now=now,
    )


async def get(session: AsyncSession, workspace_id: str, workflow_id: str, *, hold: bool = False) -> Workflow:
    """Find a workflow of this workspace that is not deleted; `hold` locks its row until the transaction ends."""
    query = select(Workflow).where(
        Workflow.workspace_id == workspace_id, Workflow.id == workflow_id, Workflow.deleted_at.is_(None)
    )
    workflow = await session.scalar(query.with_for_update(key_share=True) if hold else query)
    if workflow is None:
        raise WorkflowUnknownError
    return workflow


async def many(session: AsyncSession, ids: Collection[str]) -> dict[str, Workflow]:
    """Give workflows that are not deleted, by their id."""
    query = select(Workflow).where(Workflow.id.in_(ids), Workflow.deleted_at.is_(None))
    return {found.id: found for found in await session.scalars(query)}


async def of_workspace(session: AsyncSession, workspace_id: str) -> list[Workflow]:
    """List a workspace's workflows by name."""
    query = select(Workflow).where(Workflow.workspace_id == workspace_id, Workflow.deleted_at.is_(None))
    return list(await session.scalars(query.order_by(Workflow.name_key)))


async def hearing(
    session: AsyncSession, events_by_workspace: Mapping[str, Collection[str]]
) -> dict[str, list[Workflow]]:
    """List the workflows of each workspace that listen to events of these names."""
    hearing: dict[str, list[Workflow]] = {workspace_id: [] for workspace_id in events_by_workspace}
    heard = [(workspace_id, name) for workspace_id, names in events_by_workspace.items() for name in names]
    query = select(Workflow).where(
        rows_among((Workflow.workspace_id, Workflow.event), heard), Workflow.deleted_at.is_(None)
    )
    for workflow in await session.scalars(query.order_by(Workflow.id)):
        hearing[workflow.workspace_id].append(workflow)
    return hearing


def is_met(workflow: Workflow, found: Any) -> bool:
    """Say whether the value found under the workflow's path is the one asked for; numbers compare as written."""
    if workflow.path is None:
        return True
    if isinstance(found, bool):
        return workflow.value is not None and workflow.value.casefold() == str(found).casefold()
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return not isinstance(found, Mapping | list) and found is not None and str(found) == workflow.value


async def follow_channel(session: AsyncSession, workspace_id: str, *, old: str, new: str) -> None:
    """Let workflows that post to a channel's old id post to its new one."""
    theirs = (Workflow.workspace_id == workspace_id, Workflow.channel_id == old)
    await session.execute(update(Workflow).where(*theirs).values(channel_id=new))
