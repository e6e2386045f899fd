"""A destination: what asked to hear of MRR. A name, a frequency, recipients, a filter and the attributes to show.

One that is paused owes what it would have told, at once as `skipped (paused)`; so that the ledger accounts for it.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time, timedelta
from difflib import get_close_matches
from typing import Any

from sqlalchemy import ColumnElement, Index, Select, String, and_, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import amendment, audit, condition, delivery, lane, movement, recipient
from models import edit as edits
from models import filter as filters
from models.base import IDS, Base, Id, JsonValue, Number, UserError, among, new_id
from models.channel import Channel
from models.condition import Condition, Standing
from models.database import wake
from models.delivery import MISSED, Delivery, FactKind, Owed, SkipReason
from models.fact import MovementKind
from models.filter import NOTHING_KNOWN, Filter
from models.holiday import LONGEST_COUNTRY
from models.installation import Installation
from models.movement import TICK, Movement
from models.recipient import Recipient, RecipientKind, To
from models.schedule import MONDAY, Schedule
from models.wakeup import Topic
from models.wish import (
    LONGEST_LOCALE,
    LONGEST_NAME,
    LONGEST_ROLE,
    LONGEST_ZONE,
    FieldError,
    Frequency,
    Wish,
    schedule_of,
)

LOOKED_THROUGH, AT_ONCE = 500, 100
"""In how many of the newest movements one is looked for that would be told, and in how many at once."""

LONGEST_PAUSE = timedelta(days=366)
"""A pause that ends by itself; one that somebody has to end may last longer."""


class DestinationUnknownError(UserError):
    """There is no such destination; /mrr list shows which there are."""


class Destination(Base):
    """What asked to hear of MRR. Deleting one is a date: its deliveries still say what they were for."""

    __tablename__ = "destinations"
    __table_args__ = (
        Index(
            "uq_destinations_name",
            "workspace_id",
            "name_key",
            unique=True,
            sqlite_where=text("deleted_at IS NULL AND personal_to IS NULL"),
            postgresql_where=text("deleted_at IS NULL AND personal_to IS NULL"),
        ),
        Index(
            "uq_destinations_personal_to",
            "workspace_id",
            "personal_to",
            unique=True,
            sqlite_where=text("deleted_at IS NULL AND personal_to IS NOT NULL"),
            postgresql_where=text("deleted_at IS NULL AND personal_to IS NOT NULL"),
        ),
        Index(None, "next_run_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id, index=True)
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    name_key: Mapped[str] = mapped_column(String(3 * LONGEST_NAME))
    """The name as it is compared: folding the case makes three characters of one at most."""
    frequency: Mapped[str] = mapped_column(String(20))
    at: Mapped[time]
    """When a recap is told, on the clocks of `zone`; the days of which it tells begin and end there too."""
    zone: Mapped[str] = mapped_column(String(LONGEST_ZONE))
    weekday: Mapped[int] = mapped_column(default=MONDAY)
    """On which day a weekly recap is told, from Monday as 0."""
    month_day: Mapped[int] = mapped_column(default=1)
    """On which day a monthly one is, or on the last one of a shorter month."""
    is_business: Mapped[bool] = mapped_column(default=False)
    """Recaps come on business days only."""
    country: Mapped[str | None] = mapped_column(String(LONGEST_COUNTRY))
    """Whose holidays are no business days."""
    next_run_at: Mapped[datetime | None]
    """When the next recap is due; None where none will be."""
    attributes: Mapped[list[str]] = mapped_column(JsonValue, default=list)
    kinds: Mapped[list[str]] = mapped_column(JsonValue)
    least_gain: Mapped[int | None] = mapped_column(Number)
    least_loss: Mapped[int | None] = mapped_column(Number)
    least_gain_share: Mapped[int | None]
    least_loss_share: Mapped[int | None]
    conditions: Mapped[list[dict[str, Any]]] = mapped_column(JsonValue, default=list)
    """The filter of one that hears of each movement. A recap sums up all of them, or its sums were not true."""
    locale: Mapped[str | None] = mapped_column(String(LONGEST_LOCALE))
    """How its numbers are written; None for the workspace's way."""
    group_minutes: Mapped[int | None]
    """Movements of one account within so many minutes are told as one; None where each is told by itself."""
    has_threads: Mapped[bool] = mapped_column(default=False)
    """Movements of an account are told in a thread of its own."""
    mentions: Mapped[str | None] = mapped_column(String(LONGEST_ROLE))
    """The role at the account whose holder a movement mentions."""
    tells_empty: Mapped[bool] = mapped_column(default=True)
    """A recap of a period in which nothing moved is told too."""
    has_mutes: Mapped[bool] = mapped_column(default=False)
    """Whether an account was ever muted in it (`models.destination_mute`): only then is it asked which."""
    paused_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    """When a pause ends by itself; None for one that lasts until somebody ends it."""
    personal_to: Mapped[str | None] = mapped_column(Id)
    """The person whose own it is (`models.personal`): it stands in no list, and its name is nobody else's concern."""
    created_by: Mapped[str] = mapped_column(Id)
    kept_by: Mapped[str] = mapped_column(Id)
    """Who answers for it: whoever made it, or took it over since."""
    unkept_at: Mapped[datetime | None]
    """When it was noticed that they are gone, or no manager any more; None while somebody answers for it."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    @property
    def schedule(self) -> Schedule | None:
        """When recaps are due; None where each movement is told as it happens."""
        return schedule_of(self)

    @property
    def filter(self) -> Filter:
        """Say which movements it wants."""
        return Filter(
            kinds=tuple(MovementKind(kind) for kind in self.kinds),
            least_gain=self.least_gain,
            least_loss=self.least_loss,
            least_gain_share=self.least_gain_share,
            least_loss_share=self.least_loss_share,
            conditions=tuple(_condition(one) for one in self.conditions),
        )

    @property
    def asks_more(self) -> bool:
        """Say whether its filter has to know more than a movement tells by itself."""
        return bool(self.conditions or self.least_gain_share or self.least_loss_share)

    def is_paused(self, at: datetime) -> bool:
        """Say whether it is silent at an instant."""
        if self.paused_at is None or at < self.paused_at:
            return False
        return self.paused_until is None or at < self.paused_until

    def hears_of(self, moved: Movement, standing: Standing) -> bool:
        """Say whether it wants movements of this kind, of such accounts; one that it doesn't is not owed."""
        return moved.kind in self.kinds and (not self.conditions or self.filter.concerns(standing))

    def skips(self, moved: Movement, standing: Standing) -> SkipReason | None:
        """Say why a movement that it hears of is not told, as things stood when that was recorded; None where it is."""
        if self._has_minimum and self.filter.is_too_small(
            MovementKind(moved.kind), moved.amount_minor, moved.currency, total_minor=standing.total_minor
        ):
            return SkipReason.BELOW_THRESHOLD
        return SkipReason.PAUSED if self.is_paused(moved.recorded_at) else None

    @property
    def _has_minimum(self) -> bool:
        return bool(self.least_gain or self.least_loss or self.least_gain_share or self.least_loss_share)

    def next_recap_at(self, now: datetime) -> datetime | None:
        """Say when its next recap will be told, after a pause that ends by itself; None where none will be."""
        if not self.is_paused(now) or self.next_run_at is None:
            return self.next_run_at
        if self.paused_until is None or self.schedule is None:
            return None
        return max(self.next_run_at, self.schedule.next_after(self.paused_until - TICK))


def _condition(kept: Mapping[str, Any]) -> Condition:
    found = condition.criterion(kept["criterion"])
    if found is None:
        raise ValueError(f"no criterion: {kept['criterion']!r}")
    return Condition(found, tuple(kept["values"]))


def imagined(workspace_id: str, wish: Wish, *, now: datetime) -> Destination:
    """Describe a destination as it would be, which is never stored."""
    destination = Destination(workspace_id=workspace_id)
    _take_over(destination, wish, now=now)
    return destination


async def newest_told(
    session: AsyncSession, workspace_id: str, wish: Wish, *, account_id: str | None = None, now: datetime
) -> str | None:
    """Find the newest movement, of an account or of any, that a destination like this would tell; give its id."""
    asking = imagined(workspace_id, wish, now=now)
    theirs = select(Movement).where(Movement.workspace_id == workspace_id, Movement.kind.in_(asking.kinds))
    if account_id is not None:
        theirs = theirs.where(Movement.account_id == account_id)
    newest = theirs.order_by(Movement.occurred_at.desc(), Movement.id.desc())
    for offset in range(0, LOOKED_THROUGH, AT_ONCE):
        moved = list(await session.scalars(newest.offset(offset).limit(AT_ONCE)))
        standings = await filters.standings(session, moved, [asking.filter] if asking.asks_more else [])
        for one in moved:
            standing = standings.get(one.id, NOTHING_KNOWN)
            if asking.hears_of(one, standing) and asking.skips(one, standing) is None:
                return one.id
        if len(moved) < AT_ONCE:
            break
    return None


async def create(
    session: AsyncSession, workspace_id: str, wish: Wish, *, by: str, now: datetime, personal_to: str | None = None
) -> Destination:
    """Make a destination, or one that is a person's own; `FieldError` where its name is taken."""
    destination = Destination(
        id=new_id("dst", now),
        workspace_id=workspace_id,
        personal_to=personal_to,
        created_by=by,
        kept_by=by,
        created_at=now,
        updated_at=now,
    )
    await _refuse_taken_name(session, destination, wish.name)
    _take_over(destination, wish, now=now)
    session.add(destination)
    await _flush(session, wish.name)
    await recipient.replace(session, workspace_id, destination.id, wish.recipients)
    _audit(session, destination, "destination.created", by=by, now=now)
    wake(session, Topic.CHANNELS)
    return destination


async def edit(session: AsyncSession, destination: Destination, wish: Wish, *, by: str, now: datetime) -> None:
    """Change a destination from now on. What it owes to a recipient that it no longer has, or filters out, is skipped.

    With another frequency all is skipped that it owes: it told of something else.
    """
    await _refuse_taken_name(session, destination, wish.name)
    tells_the_same, filtered_so_far = destination.frequency == wish.frequency, destination.filter
    before = amendment.fields(destination, await _recipients(session, destination))
    _take_over(destination, wish, now=now)
    destination.updated_at = now
    await _flush(session, wish.name)
    await recipient.replace(session, destination.workspace_id, destination.id, wish.recipients)
    kept = [target for _, target in wish.recipients] if tells_the_same else []
    await _skip_unwanted(session, destination, kept=kept, now=now)
    if wish.filter != filtered_so_far:
        await _filter_unsent(session, destination, now=now)
    changed = amendment.between(before, amendment.fields(destination, list(dict.fromkeys(wish.recipients))))
    if changed:
        _audit(session, destination, "destination.edited", by=by, now=now, changed=changed)
    wake(session, Topic.CHANNELS)


async def _recipients(session: AsyncSession, destination: Destination) -> list[To]:
    found = await recipient.of_destinations(session, [destination.id])
    return [one.to for one in found[destination.id]]


def hand_over(session: AsyncSession, destination: Destination, *, to: str, by: str, now: datetime) -> None:
    """Have somebody answer for a destination from now on, which changes nothing of what it tells."""
    destination.kept_by, destination.unkept_at, destination.updated_at = to, None, now
    _audit(session, destination, "destination.handed_over", by=by, now=now, to=to)


async def remove(session: AsyncSession, destination: Destination, *, by: str, now: datetime) -> int:
    """Delete a destination; say how many unsent deliveries became `skipped (deleted)`."""
    destination.deleted_at, destination.next_run_at = now, None
    await recipient.replace(session, destination.workspace_id, destination.id, [])
    skipped = await _skip_unwanted(session, destination, kept=[], now=now)
    _audit(session, destination, "destination.deleted", by=by, now=now)
    return skipped


async def pause(
    session: AsyncSession, destination: Destination, *, until: datetime | None, by: str, now: datetime
) -> int:
    """Silence a destination until an instant, or until it is resumed; say how many unsent deliveries are skipped.

    Of one that is silent already only the end is changed.
    """
    if until is not None and until <= now:
        raise FieldError("until", "Choose a day from tomorrow on.")
    if until is not None and until > now + LONGEST_PAUSE:
        raise FieldError("until", "Choose a day within a year, or pause it until you resume it.")
    if not destination.is_paused(now):
        destination.paused_at = now
    destination.paused_until, destination.updated_at = until, now
    skipped = await _skip_unwanted(session, destination, kept=[], because=SkipReason.PAUSED, now=now)
    ends = {"until": until.isoformat() if until else None}
    _audit(session, destination, "destination.paused", by=by, now=now, **ends)
    return skipped


async def resume(session: AsyncSession, destination: Destination, *, by: str, now: datetime) -> bool:
    """End a destination's pause, after which what it told is brought up to date; say whether there was one."""
    if not destination.is_paused(now):
        return False
    destination.paused_at = destination.paused_until = None
    destination.updated_at = now
    _audit(session, destination, "destination.resumed", by=by, now=now)
    wake(session, Topic.RECAPS)
    return True


async def missed_edits(session: AsyncSession, *, most: int, now: datetime) -> dict[str, list[str]]:
    """List by workspace the deliveries that weren't brought up to date during a pause that is over, so many at most."""
    skipped = select(Delivery.fact_id).where(MISSED).subquery()
    is_over = or_(Destination.paused_at.is_(None), Destination.paused_until <= now)
    query = (
        select(Delivery.workspace_id, Delivery.id)
        .join(skipped, skipped.c.fact_id == Delivery.id)
        .join(Destination, Destination.id == Delivery.asked_by)
        .where(is_over, Destination.deleted_at.is_(None), edits.may_change())
    )
    found: dict[str, list[str]] = {}
    for workspace_id, delivery_id in await session.execute(query.limit(most)):
        found.setdefault(workspace_id, []).append(delivery_id)
    return found


async def try_out(session: AsyncSession, destination: Destination, *, note: str, by: str, now: datetime) -> list[To]:
    """Owe a test message to each recipient, paused or not; give them. `note` says who asked for it."""
    recipients = await _recipients(session, destination)
    fact = (FactKind.TEST, new_id("tst", now))
    owed = [Owed(asked_by=destination.id, fact=fact, recipient=one, note=note) for one in recipients]
    await lane.owe(session, destination.workspace_id, owed, now=now)
    _audit(session, destination, "destination.tested", by=by, now=now)
    return recipients


async def _skip_unwanted(
    session: AsyncSession,
    destination: Destination,
    *,
    kept: Sequence[str],
    because: SkipReason = SkipReason.DELETED,
    now: datetime,
) -> int:
    """Skip what is not wanted any more, holding its lanes first, as whoever sends from them does."""
    await lane.hold_those_of(session, destination.id)
    return await delivery.skip_unwanted(session, destination.id, kept=kept, because=because, now=now)


async def _filter_unsent(session: AsyncSession, destination: Destination, *, now: datetime) -> None:
    """Skip the movements, owed and unsent, that the filter keeps back now."""
    rows = await movement.unsent(session, Delivery.asked_by == destination.id)
    asking = [destination.filter] if destination.asks_more else []
    standings = await filters.standings(session, [moved for _, moved in rows], asking)
    for owed, moved in rows:
        standing = standings.get(moved.id, NOTHING_KNOWN)
        because = destination.skips(moved, standing) if destination.hears_of(moved, standing) else SkipReason.DELETED
        if because is not None:
            delivery.skip(owed, because, now=now)


async def _flush(session: AsyncSession, name: str) -> None:
    """Write the row; of two people who choose one name at the same instant, the later one is told."""
    try:
        await session.flush()
    except IntegrityError as error:
        raise FieldError("name", f"“{name}” exists already. Choose another name.") from error


def _take_over(destination: Destination, wish: Wish, *, now: datetime) -> None:
    """Make the destination what is wished; a run that is due stays due unless its time was changed."""
    if destination.frequency is None or destination.schedule != wish.schedule:
        destination.next_run_at = wish.schedule.next_after(now) if wish.schedule else None
    destination.at, destination.zone = wish.at, wish.zone
    destination.weekday, destination.month_day = wish.weekday, wish.month_day
    destination.is_business, destination.country = wish.is_business, wish.country or None
    destination.name = wish.name
    destination.name_key = wish.name.casefold()
    destination.frequency = wish.frequency
    destination.attributes = list(wish.attributes)
    destination.kinds = list(wish.filter.kinds)
    destination.least_gain, destination.least_loss = wish.filter.least_gain, wish.filter.least_loss
    destination.least_gain_share = wish.filter.least_gain_share
    destination.least_loss_share = wish.filter.least_loss_share
    destination.locale, destination.mentions = wish.locale or None, wish.mentions or None
    destination.group_minutes, destination.has_threads = wish.group_minutes, wish.has_threads
    destination.tells_empty = wish.tells_empty
    destination.conditions = [one.as_json() for one in wish.filter.conditions]


def _audit(
    session: AsyncSession, destination: Destination, action: str, *, by: str, now: datetime, **detail: Any
) -> None:
    audit.record(
        session,
        destination.workspace_id,
        actor=by,
        action=action,
        subject_id=destination.id,
        detail={"name": destination.name, **detail},
        now=now,
    )


async def _refuse_taken_name(session: AsyncSession, destination: Destination, name: str) -> None:
    other = await find_by_name(session, destination.workspace_id, name)
    if other is not None and other.id != destination.id and destination.personal_to is None:
        raise FieldError("name", f"“{other.name}” exists already. Choose another name.")


def _is_listed(workspace_id: str) -> ColumnElement[bool]:
    """Say in SQL whether a destination is one of a workspace's, not deleted, and nobody's own."""
    there = (Destination.deleted_at.is_(None), Destination.personal_to.is_(None))
    return and_(Destination.workspace_id == workspace_id, *there)


async def find_by_name(session: AsyncSession, workspace_id: str, name: str) -> Destination | None:
    """Find a destination that is not deleted, whatever the case of its letters."""
    key = " ".join(name.split()).casefold()
    query = select(Destination).where(_is_listed(workspace_id), Destination.name_key == key)
    found: Destination | None = await session.scalar(query)
    return found


async def named(session: AsyncSession, workspace_id: str, typed: str) -> Destination:
    """Find the destination that somebody means by what they typed. Raises `DestinationUnknownError`, with advice."""
    found = await find_by_name(session, workspace_id, typed)
    if found is not None:
        return found
    names = {one.name_key: one.name for one in await of_workspace(session, workspace_id)}
    near = get_close_matches(" ".join(typed.split()).casefold()[:LONGEST_NAME], names, n=3, cutoff=0.5)
    meant = " or ".join(f"“{names[one]}”" for one in near)
    advice = f"Did you mean {meant}?" if meant else "See which there are with /mrr list."
    raise DestinationUnknownError(f"There is no destination “{typed[:LONGEST_NAME]}”. {advice}")


async def get(session: AsyncSession, workspace_id: str, destination_id: str, *, hold: bool = False) -> Destination:
    """Find a destination of this workspace that is not deleted; `hold` locks its row until the transaction ends."""
    query = select(Destination).where(_is_listed(workspace_id), Destination.id == destination_id)
    destination = await session.scalar(query.with_for_update(key_share=True) if hold else query)
    if destination is None:
        raise DestinationUnknownError
    return destination


MANY = select(Destination).where(among(Destination.id, IDS))


async def many(session: AsyncSession, ids: Collection[str]) -> dict[str, Destination]:
    """Give destinations by their id, deleted ones too."""
    return {found.id: found for found in await session.scalars(MANY, {"ids": ids})}


async def of_workspace(session: AsyncSession, workspace_id: str) -> list[Destination]:
    """List a workspace's destinations by name."""
    return (await page(session, workspace_id))[0]


async def page(
    session: AsyncSession,
    workspace_id: str,
    *,
    offset: int = 0,
    limit: int | None = None,
    read_by: str | None = None,
) -> tuple[list[Destination], int]:
    """List some of a workspace's destinations by name, and say how many there are.

    What a member reads by right comes to themself, or to a channel that is known to be public.
    """
    theirs = [_is_listed(workspace_id)]
    if read_by is not None:
        told = and_(Channel.workspace_id == Recipient.workspace_id, Channel.channel_id == Recipient.target)
        public = select(Recipient.destination_id).join(Channel, told).where(Channel.is_private.is_(False))
        is_public = Destination.id.in_(public.where(Recipient.workspace_id == workspace_id))
        theirs.append(or_(is_public, Destination.id.in_(_reaching(workspace_id, read_by))))
    total = await session.scalar(select(func.count()).select_from(Destination).where(*theirs))
    rows = select(Destination).where(*theirs).order_by(Destination.name_key).offset(offset).limit(limit)
    return list(await session.scalars(rows)), total or 0


async def reaching(session: AsyncSession, workspace_id: str, user_id: str) -> list[Destination]:
    """List by name the destinations that reach a person by themself: directly, or in a group DM."""
    theirs = (_is_listed(workspace_id), Destination.id.in_(_reaching(workspace_id, user_id)))
    return list(await session.scalars(select(Destination).where(*theirs).order_by(Destination.name_key)))


def _reaching(workspace_id: str, user_id: str) -> Select[str]:
    return select(Recipient.destination_id).where(Recipient.workspace_id == workspace_id, recipient.reaches(user_id))


async def hearing_movements(
    session: AsyncSession, workspace_ids: Collection[str]
) -> dict[str, list[tuple[Destination, To]]]:
    """List of each workspace who hears of movements: the destination, and its recipient."""
    hearing: dict[str, list[tuple[Destination, To]]] = {workspace_id: [] for workspace_id in workspace_ids}
    query = (
        select(Destination, Recipient.kind, Recipient.target)
        .join(Recipient, Recipient.destination_id == Destination.id)
        .where(
            among(Destination.workspace_id, workspace_ids),
            Destination.deleted_at.is_(None),
            Destination.frequency == Frequency.REAL_TIME,
        )
        .order_by(Destination.name_key, Recipient.position)
    )
    for wanting, kind, target in await session.execute(query):
        hearing[wanting.workspace_id].append((wanting, To(RecipientKind(kind), target)))
    return hearing


async def claim_due(session: AsyncSession, *, now: datetime, limit: int) -> Sequence[Destination]:
    """Hold the rows of destinations whose recap is due, of workspaces that installed us; other clocks skip them."""
    installed = select(Installation.workspace_id).where(Installation.revoked_at.is_(None))
    due = select(Destination).where(
        Destination.next_run_at <= now, Destination.deleted_at.is_(None), Destination.workspace_id.in_(installed)
    )
    held = due.order_by(Destination.next_run_at).limit(limit).with_for_update(skip_locked=True, key_share=True)
    return list(await session.scalars(held.execution_options(populate_existing=True)))


async def move_on(session: AsyncSession, next_runs: Mapping[str, datetime | None]) -> None:
    """Say of destinations, by their ids, when their next recap is due."""
    rows = [{"id": destination_id, "next_run_at": at} for destination_id, at in next_runs.items()]
    if rows:
        await session.execute(update(Destination), rows)
