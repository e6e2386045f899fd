"""A delivery: one message owed to one recipient, with its attempts and its outcome. Together they are the ledger.

`owed = delivered + skipped + failed + open` holds at all times, where open is pending, sending, retrying or ambiguous,
and a coalesced row counts under the state of the message that it went into.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Identity,
    Index,
    Select,
    String,
    Text,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column

from models import audit
from models.base import IDS, Base, Id, Number, UserError, among, new_id
from models.given import given


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    SENDING = "sending"
    RETRYING = "retrying"
    AMBIGUOUS = "ambiguous"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"
    COALESCED = "coalesced"


class SkipReason(StrEnum):
    """Why a delivery was not sent, though nothing failed."""

    EMPTY = "empty"
    MUTED = "muted"
    BELOW_THRESHOLD = "below threshold"
    STALE = "stale"
    PAUSED = "paused"
    DELETED = "deleted"
    NO_RECIPIENT = "no recipient"


class FactKind(StrEnum):
    """What a delivery tells; its `fact_id` is the id of the row that says it."""

    MOVEMENT = "movement"
    RECAP = "recap"
    TRACK = "track"
    """An event of Segment's `track`, told by a workflow; the id is the event's."""
    SIGNAL = "signal"
    UNHEARD = "unheard"
    """That a signal reached nobody, told to managers."""
    TEST = "test"
    """A trial of a destination that a manager asked for; the id is of that one time."""
    DRAFT = "draft"
    """What a destination that isn't saved would tell, for whoever writes it; the id is the draft's."""
    WELCOME = "welcome"
    """What can be done in a channel that somebody invited us to, or what comes to a person who looked for it.

    The id is the channel's, and how often we left it; or the person's.
    """
    UNFURL = "unfurl"
    """What stands under a link to a report that somebody shared; the id is the unfurl's."""
    NOTICE = "notice"
    """That something can't be delivered, told once a streak; the id is the streak's."""
    RECOVERY = "recovery"
    """That it works again; the id is the streak's."""
    SILENCE = "silence"
    """That a source is silent for longer than its habit, told once; the id is the silence's."""
    HEARD_AGAIN = "heard_again"
    """That it is back; the id is the silence's."""
    KEEPER_GONE = "keeper_gone"
    """That somebody is gone who answered for destinations; the id is theirs, and when that was noticed."""
    HISTORY = "history"
    """What last week's recap would have said, once history is in; the id is the source's."""
    ACCOUNT = "account"
    """An account's card that somebody shared; the id is the account's, and which time that was."""
    GLANCE = "glance"
    """A day, week or month of MRR that somebody shared; the id is which time that was, and of which days it tells."""
    CORRECTION = "correction"
    """That a movement that was told is another than it was, or is no more; the id is the restatement's."""
    CLAIM = "claim"
    """Who takes care of what a message told; the id is the claim's."""
    RELEASE = "release"
    """That they let it go again; the id is the claim's."""
    KEY_REFUSED = "key_refused"
    """That the API key of a source is refused; the id is the source's, with a number."""
    THREAD = "thread"
    """How an account stands, above the thread in which its movements are told; the id is the account's."""
    EDIT = "edit"
    """That a posted message is brought up to date; the id is that of the delivery which became it."""


class MessageEnd(StrEnum):
    """Why a posted message can't be brought up to date any more."""

    CLOSED = "closed"
    """Slack lets nobody change it any more."""
    GONE = "gone"
    """Somebody deleted it."""


OPEN = (DeliveryState.PENDING, DeliveryState.SENDING, DeliveryState.RETRYING, DeliveryState.AMBIGUOUS)
UNSENT = (DeliveryState.PENDING, DeliveryState.RETRYING)
POST, UPDATE, UNFURL, MAIL = "chat.postMessage", "chat.update", "chat.unfurl", "smtp"
"""Slack's methods, and e-mail; each has lanes of its own. A workspace has one for all its updates."""
RUNRATE = "runrate"
"""Who asks for what the product says on its own."""
TROUBLED = text("reason IS NOT NULL AND state IN ('pending', 'sending', 'retrying', 'ambiguous', 'failed')")
"""That something stands in a delivery's way, or stood there to the end. Written out, for its index."""
MISSED = text("fact_kind = 'edit' AND state = 'skipped' AND reason = 'paused'")
"""That a message wasn't brought up to date because its destination was paused. Written out, for its index."""


class DeliveryUnknownError(UserError):
    """There is no such delivery; runrate deliveries list shows which there are."""


class Delivery(Base):
    """One message owed. The row names its fact; the message is drawn when it is sent."""

    __tablename__ = "deliveries"
    __table_args__ = (
        Index("uq_deliveries_fact", "asked_by", "fact_kind", "fact_id", "target", unique=True),
        Index(
            "ix_deliveries_open",
            "lane_id",
            "id",
            sqlite_where=text("state IN ('pending', 'sending', 'retrying', 'ambiguous')"),
            postgresql_where=text("state IN ('pending', 'sending', 'retrying', 'ambiguous')"),
        ),
        Index(None, "workspace_id", "created_at"),
        Index(
            "ix_deliveries_settled",
            "workspace_id",
            "settled_at",
            sqlite_where=text("settled_at IS NOT NULL"),
            postgresql_where=text("settled_at IS NOT NULL"),
        ),
        Index(
            "ix_deliveries_last",
            "asked_by",
            "settled_at",
            sqlite_where=text("state = 'delivered'"),
            postgresql_where=text("state = 'delivered'"),
        ),
        Index(
            "ix_deliveries_merged",
            "workspace_id",
            "coalesced_into",
            sqlite_where=text("coalesced_into IS NOT NULL"),
            postgresql_where=text("coalesced_into IS NOT NULL"),
        ),
        Index(
            "ix_deliveries_message",
            "workspace_id",
            "message_channel",
            "message_ts",
            sqlite_where=text("message_ts IS NOT NULL"),
            postgresql_where=text("message_ts IS NOT NULL"),
        ),
        Index(
            "ix_deliveries_edits",
            "edits",
            sqlite_where=text("edits IS NOT NULL"),
            postgresql_where=text("edits IS NOT NULL"),
        ),
        Index("ix_deliveries_troubled", "state", "settled_at", sqlite_where=TROUBLED, postgresql_where=TROUBLED),
        Index("ix_deliveries_missed", "fact_id", sqlite_where=MISSED, postgresql_where=MISSED),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    lane_id: Mapped[str] = mapped_column(Id, ForeignKey("lanes.id"))
    asked_by: Mapped[str] = mapped_column(Id)
    """The id of the destination or workflow that asked for it; `runrate` where the product speaks on its own."""
    fact_kind: Mapped[str] = mapped_column(String(20))
    fact_id: Mapped[str] = mapped_column(Id)
    recipient_kind: Mapped[str] = mapped_column(String(20))
    target: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(20), default=DeliveryState.PENDING)
    reason: Mapped[str | None] = mapped_column(Text)
    fix: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    may_be_repeat: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str | None] = mapped_column(Text)
    """Why this recipient gets it, or what was missing for the message, in words for people."""
    due_at: Mapped[datetime]
    send_started_at: Mapped[datetime | None]
    message_channel: Mapped[str | None] = mapped_column(Id)
    message_ts: Mapped[str | None] = mapped_column(String(40))
    edits: Mapped[str | None] = mapped_column(Id)
    """The id of the delivery whose message tells it too, by being changed."""
    is_kept_together: Mapped[bool] = mapped_column(default=False)
    """Whether it belongs with others about its account; with which is seen when it is sent."""
    message_end: Mapped[str | None] = mapped_column(String(10))
    """Why its message can't be brought up to date any more."""
    is_asked_again: Mapped[bool] = mapped_column(default=False)
    """An edit that was asked for once more since it was drawn."""
    coalesced_into: Mapped[str | None] = mapped_column(Id)
    replies_to: Mapped[str | None] = mapped_column(Id)
    """The delivery in the thread of whose message it stands, or which it corrects."""
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class Attempt(Base):
    """One try at a delivery: what Slack, or the way there, answered."""

    __tablename__ = "attempts"
    __table_args__ = (Index(None, "delivery_id"),)

    id: Mapped[int] = mapped_column(Number, Identity(always=False), primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id)
    delivery_id: Mapped[str] = mapped_column(Id, ForeignKey("deliveries.id"))
    number: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(String(120))
    """`ok`, Slack's error code, `http 503`, or the kind of transport error."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an attempt came to: the delivery's next state, and what a manager reads about it."""

    state: DeliveryState
    answer: str
    due_at: datetime
    reason: str | None = None
    fix: str | None = None
    message_channel: str | None = None
    message_ts: str | None = None
    may_be_repeat: bool = False
    """What is sent next may stand in Slack already, and nobody can look."""


@dataclass(frozen=True, kw_only=True)
class Try:
    """One try at a delivery, and what it came to."""

    workspace_id: str
    delivery_id: str
    number: int
    started_at: datetime
    outcome: Outcome

    def changes(self, *, now: datetime) -> tuple[Any, ...]:
        """Give what is written of the delivery, as `SETTLED` takes it."""
        outcome = self.outcome
        return (
            self.delivery_id,
            outcome.may_be_repeat,
            outcome.state,
            outcome.reason,
            outcome.fix,
            outcome.due_at,
            None if outcome.state in OPEN else now,
            outcome.message_channel,
            outcome.message_ts,
        )

    def attempt(self, *, now: datetime) -> tuple[Any, ...]:
        """Give what is written of the try itself, as `ATTEMPTED` takes it."""
        return (self.workspace_id, self.delivery_id, self.number, self.started_at, now, self.outcome.answer[:120])


@dataclass(frozen=True, kw_only=True)
class Owed:
    """A message to be owed: who asks for it, which fact it tells, and its recipient's kind and target.

    With `skipped`, the ledger says from the start why it is not sent.
    """

    asked_by: str
    fact: tuple[FactKind, str]
    recipient: tuple[str, str]
    method: str = POST
    note: str | None = None
    skipped: SkipReason | None = None
    is_kept_together: bool = False
    replies_to: str | None = None

    def place(self, workspace_id: str) -> tuple[str, str, str]:
        """Say in which lane it waits: its workspace, its method and its target."""
        return workspace_id, self.method, workspace_id if self.method == UPDATE else self.recipient[1]

    def row(self, workspace_id: str, lane_id: str, *, now: datetime) -> dict[str, Any]:
        """Give the delivery's columns."""
        return {
            "id": new_id("del", now),
            "workspace_id": workspace_id,
            "lane_id": lane_id,
            "asked_by": self.asked_by,
            "fact_kind": self.fact[0],
            "fact_id": self.fact[1],
            "recipient_kind": self.recipient[0],
            "target": self.recipient[1],
            "state": DeliveryState.SKIPPED if self.skipped else DeliveryState.PENDING,
            "reason": self.skipped,
            "note": self.note,
            "replies_to": self.replies_to,
            "attempts": 0,
            "may_be_repeat": False,
            "is_kept_together": self.is_kept_together,
            "is_asked_again": False,
            "due_at": now,
            "created_at": now,
            "settled_at": now if self.skipped else None,
        }


def is_open(table: Any = Delivery) -> ColumnElement[bool]:
    """Say in SQL whether a delivery is open, in words by which both engines know that its index serves."""
    found: ColumnElement[bool] = table.state.in_([literal_column(f"'{state}'") for state in OPEN])
    return found


def is_message(table: Any = Delivery) -> ColumnElement[bool]:
    """Say in SQL whether people take a delivery for a message of its own, and not for a card above one, or an edit."""
    found: ColumnElement[bool] = table.fact_kind.not_in((FactKind.THREAD, FactKind.EDIT))
    return found


_merged = aliased(Delivery)
TELLS: ColumnElement[int] = case((is_message(), 1), else_=0) + (
    select(func.count())
    .where(_merged.workspace_id == Delivery.workspace_id, _merged.coalesced_into == Delivery.id, is_message(_merged))
    .correlate(Delivery)
    .scalar_subquery()
)
"""How many messages go out with a delivery: its own, and those that were merged into it."""


async def was_owed(
    session: AsyncSession, workspace_id: str, kind: FactKind, *, since: datetime, target: str | None = None
) -> bool:
    """Say whether a message of a kind was owed since an instant, to a target or to anybody."""
    query = select(Delivery.id).where(
        Delivery.workspace_id == workspace_id, Delivery.fact_kind == kind, Delivery.created_at > since
    )
    if target is not None:
        query = query.where(Delivery.target == target)
    return await session.scalar(query.limit(1)) is not None


# These statements are put together once: that takes longer than to run them.
SENT = (
    update(Delivery)
    .where(among(Delivery.id, IDS), is_open())
    .values(state=DeliveryState.SENDING, send_started_at=bindparam("now"), attempts=Delivery.attempts + 1)
)
LOOKED_FOR = (
    update(Delivery)
    .where(among(Delivery.id, IDS), is_open())
    .values(state=DeliveryState.AMBIGUOUS, attempts=Delivery.attempts + 1)
)
CHANGES = ("state", "reason", "fix", "due_at", "settled_at", "message_channel", "message_ts")
_changed = given(id=Id, is_doubtful=Boolean(), **{name: getattr(Delivery, name).type for name in CHANGES})
SETTLED = (
    update(Delivery)
    .where(Delivery.id == _changed.c.id, is_open())
    .values(
        may_be_repeat=or_(Delivery.may_be_repeat, _changed.c.is_doubtful),
        **{name: _changed.c[name] for name in CHANGES},
    )
)
ATTEMPT = ("workspace_id", "delivery_id", "number", "started_at", "finished_at", "answer")
_tried = given(**{name: getattr(Attempt, name).type for name in ATTEMPT})
ATTEMPTED = insert(Attempt).from_select(
    ATTEMPT, select(*_tried.c).where(exists().where(Delivery.id == _tried.c.delivery_id, is_open()))
)
"""Only of what is not settled yet."""


async def start(session: AsyncSession, delivery_ids: Sequence[str], *, now: datetime) -> None:
    """Note, before messages leave, that they are about to; whoever finds this later knows that they may have."""
    if delivery_ids:
        await (await session.connection()).execute(SENT, {"ids": delivery_ids, "now": now})


async def look(session: AsyncSession, delivery_ids: Sequence[str]) -> None:
    """Note that messages which may have left are looked for in Slack; that is an attempt too."""
    if delivery_ids:
        await (await session.connection()).execute(LOOKED_FOR, {"ids": delivery_ids})


async def settle(session: AsyncSession, tries: Sequence[Try], *, now: datetime) -> None:
    """Write down what tries came to, many at once. The caller holds their lanes, or must not call."""
    if tries:
        connection = await session.connection()
        await connection.execute(ATTEMPTED, {"rows": [one.attempt(now=now) for one in tries]})
        await connection.execute(SETTLED, {"rows": [one.changes(now=now) for one in tries]})


def skip(delivery: Delivery, because: SkipReason, *, now: datetime) -> None:
    """Settle a delivery that is not wanted any more."""
    delivery.state, delivery.reason, delivery.fix, delivery.settled_at = DeliveryState.SKIPPED, because, None, now


async def skip_unwanted(
    session: AsyncSession,
    asked_by: str,
    *,
    kept: Sequence[str],
    because: SkipReason = SkipReason.DELETED,
    now: datetime,
) -> int:
    """Skip what a destination owes, unsent, to targets that it no longer has; say how many that were."""
    statement = (
        update(Delivery)
        .where(Delivery.asked_by == asked_by, Delivery.state.in_(UNSENT), Delivery.target.not_in(kept))
        .values(state=DeliveryState.SKIPPED, reason=because, fix=None, settled_at=now)
        .returning(Delivery.id)
    )
    return len(list(await session.scalars(statement)))


async def get(session: AsyncSession, workspace_id: str, delivery_id: str) -> Delivery:
    """Find a delivery of this workspace."""
    found = await session.get(Delivery, delivery_id)
    if found is None or found.workspace_id != workspace_id:
        raise DeliveryUnknownError
    return found


async def many(session: AsyncSession, ids: Collection[str]) -> dict[str, Delivery]:
    """Give deliveries by their id."""
    if not ids:
        return {}
    return {found.id: found for found in await session.scalars(select(Delivery).where(among(Delivery.id, ids)))}


async def attempts_of(session: AsyncSession, delivery_id: str) -> list[Attempt]:
    """List a delivery's attempts, the first one first."""
    return list(await session.scalars(select(Attempt).where(Attempt.delivery_id == delivery_id).order_by(Attempt.id)))


async def of_workspace(
    session: AsyncSession,
    workspace_id: str,
    *,
    state: DeliveryState | None = None,
    reason: str | None = None,
    limit: int = 100,
) -> list[Delivery]:
    """List a workspace's newest deliveries, newest first: all, or those in a state, or with these words as reason."""
    query = select(Delivery).where(Delivery.workspace_id == workspace_id)
    if state is not None:
        query = query.where(Delivery.state == state)
    if reason is not None:
        query = query.where(Delivery.reason.icontains(reason, autoescape=True))
    return list(await session.scalars(query.order_by(Delivery.id.desc()).limit(limit)))


CARRIER = aliased(Delivery)
"""The message that a delivery was merged into."""

COUNTS_AS = func.coalesce(CARRIER.state, Delivery.state)
"""The state under which a delivery counts: that of its carrier, where it has one."""


def counted(*columns: ColumnElement[Any]) -> Select[Any]:
    """Ask about deliveries, each beside its carrier, where it has one."""
    return select(*columns).select_from(Delivery).outerjoin(CARRIER, CARRIER.id == Delivery.coalesced_into)


async def count_by_state(session: AsyncSession, workspace_id: str) -> dict[DeliveryState, int]:
    """Count a workspace's deliveries by state; what was merged into another message, under that one's."""
    query = counted(COUNTS_AS, func.count()).where(Delivery.workspace_id == workspace_id)
    rows = (await session.execute(query.group_by(COUNTS_AS))).all()
    return dict.fromkeys(DeliveryState, 0) | {DeliveryState(state): number for state, number in rows}


async def retry(session: AsyncSession, workspace_id: str, delivery_id: str, *, by: str, now: datetime) -> Delivery:
    """Owe a failed delivery again, or take the wait from one that is to be tried again. Its lane is hurried apart."""
    statement = (
        update(Delivery)
        .where(
            Delivery.workspace_id == workspace_id,
            Delivery.id == delivery_id,
            Delivery.state.in_((DeliveryState.FAILED, DeliveryState.RETRYING)),
        )
        .values(state=DeliveryState.PENDING, due_at=now, settled_at=None, reason=None, fix=None)
        .returning(Delivery)
    )
    retried: Delivery | None = await session.scalar(statement, execution_options={"populate_existing": True})
    if retried is None:
        other = await get(session, workspace_id, delivery_id)
        if other.coalesced_into is not None:
            raise UserError(f"It was told in another message, which can be retried: {other.coalesced_into}.")
        raise UserError(
            f"Only a delivery that failed, or waits to be tried again, can be retried; it is {other.state}."
        )
    audit.record(session, workspace_id, actor=by, action="delivery.retried", subject_id=delivery_id, now=now)
    return retried


def as_json(delivery: Delivery) -> dict[str, Any]:
    """Give the delivery as `runrate deliveries list --json` prints it."""
    return {
        "id": delivery.id,
        "state": delivery.state,
        "reason": delivery.reason,
        "fix": delivery.fix,
        "note": delivery.note,
        "asked_by": delivery.asked_by,
        "fact": {"kind": delivery.fact_kind, "id": delivery.fact_id},
        "recipient": {"kind": delivery.recipient_kind, "target": delivery.target},
        "attempts": delivery.attempts,
        "may_be_repeat": delivery.may_be_repeat,
        "message": {"channel": delivery.message_channel, "ts": delivery.message_ts} if delivery.message_ts else None,
        "replies_to": delivery.replies_to,
        "edits": delivery.edits,
        "coalesced_into": delivery.coalesced_into,
        "created_at": delivery.created_at.isoformat(),
        "due_at": delivery.due_at.isoformat(),
        "settled_at": delivery.settled_at.isoformat() if delivery.settled_at else None,
    }
