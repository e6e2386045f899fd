"""A source: where events come from. Its key, the secret part of its URL, is hashed for look-up, sealed for managers."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String, Text, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit
from models.base import IDS, UNSEEN, Base, Id, JsonValue, UserError, among, new_id
from models.database import wake
from models.secret import Keyring, fingerprint, random_secret, same
from models.wakeup import Topic

KEY_PREFIX = "rrk"
LONGEST_NAME = 80
KEY_GRACE = timedelta(hours=24)
"""How long the key before works on after a rotation, so that the other side can be changed in peace."""


HISTORY_BEFORE = timedelta(days=1)
"""A source that is connected in the morning tells what happened last night; what is older, nobody waits for."""


class SourceKind(StrEnum):
    """What sends. `csv` names what `runrate import` brings; neither it nor what is only polled has a webhook."""

    API = "api"
    CHARTMOGUL = "chartmogul"
    SEGMENT = "segment"
    STRIPE = "stripe"
    CSV = "csv"
    SALESFORCE = "salesforce"
    HUBSPOT = "hubspot"


POLLED = (SourceKind.SALESFORCE, SourceKind.HUBSPOT)
"""What sends nothing by itself: it is asked."""


class AccountCreation(StrEnum):
    """When a Segment source creates an account: once a user joins a company, or with the first e-mail or user id."""

    COMPANY = "company"
    CONTACT = "contact"


_RANKS = {SourceKind.SEGMENT: 1, SourceKind.CHARTMOGUL: 2, SourceKind.STRIPE: 2}
_BEST_RANK = 3


def rank(kind: str) -> int:
    """Say how much a kind of source counts where several tell of one field: your own systems most, Segment least."""
    return _RANKS.get(SourceKind(kind), _BEST_RANK)


class SourceNameTakenError(UserError):
    """Another source has this name already. Choose another one."""


class SourceUnknownError(UserError):
    """There is no such source; runrate sources list shows which there are."""


class KeyStillWorksError(UserError):
    """The key before this one works still, for at most 24 hours. Rotate again after that, or let it stop at once."""


class NoWebhookError(UserError):
    """Nothing is sent to this source: it has neither a URL nor a key."""


class Source(Base):
    """Where events come from."""

    __tablename__ = "sources"
    __table_args__ = (
        Index(
            "uq_sources_name",
            "workspace_id",
            "name_key",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index("ix_sources_old_key", "old_key_hash", unique=True),
        Index(
            "ix_sources_holding",
            "holding_since",
            sqlite_where=text("holding_since IS NOT NULL"),
            postgresql_where=text("holding_since IS NOT NULL"),
        ),
        Index(
            "ix_sources_forgotten",
            "forgotten_at",
            sqlite_where=text("forgotten_at IS NOT NULL"),
            postgresql_where=text("forgotten_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id, index=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    name_key: Mapped[str] = mapped_column(String(3 * LONGEST_NAME))
    """The name as it is compared: folding the case makes three characters of one at most."""
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    key_sealed: Mapped[str] = mapped_column(Text)
    old_key_hash: Mapped[str | None] = mapped_column(String(64))
    """The key before the last rotation, which opens the source until `old_key_until`."""
    old_key_until: Mapped[datetime | None]
    account_creation: Mapped[str] = mapped_column(String(20), default=AccountCreation.COMPANY)
    mappings: Mapped[dict[str, dict[str, str]]] = mapped_column(JsonValue, default=dict)
    """Of an account and of a contact: which field or attribute a trait goes to (`models.mapping`)."""
    audiences: Mapped[dict[str, list[str]]] = mapped_column(JsonValue, default=dict)
    """Segment's audiences that are being synced for the first time, or were (`models.audience`)."""
    shared_secret_sealed: Mapped[str | None] = mapped_column(Text)
    """What Segment's Webhook destination signs with."""
    signing_secrets: Mapped[list[dict[str, str]]] = mapped_column(JsonValue, default=list)
    """What Stripe signs with, sealed, and who entered it when; several while one takes another's place."""
    settings: Mapped[dict[str, Any]] = mapped_column(JsonValue, default=dict)
    """How a Stripe source's MRR is counted (`models.stripe`)."""
    created_by: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    forgotten_at: Mapped[datetime | None]
    """When it was removed with what it brought; None where that stays, and once all of it is gone."""
    paused_at: Mapped[datetime | None]
    holding_since: Mapped[datetime | None]
    """Some of its events may be held, as they are while it is paused."""
    first_event_at: Mapped[datetime | None]
    last_event_at: Mapped[datetime | None]

    def was_connected_after(self, at: datetime) -> bool:
        """Say whether something is history to this source: it happened more than a day before we were connected."""
        return at < _news_since(self.created_at)

    @property
    def has_webhook(self) -> bool:
        """Say whether anything can be sent to it."""
        return self.kind not in {SourceKind.CSV, *POLLED}

    def is_old_key_open(self, *, now: datetime) -> bool:
        """Say whether the key before the last rotation still opens it."""
        return self.old_key_until is not None and self.old_key_until > now


async def add(
    session: AsyncSession,
    workspace_id: str,
    *,
    kind: SourceKind,
    name: str,
    keyring: Keyring,
    by: str,
    now: datetime,
    account_creation: AccountCreation = AccountCreation.COMPANY,
) -> tuple[Source, str]:
    """Add a source; answer it with its key, which is shown now and later only to managers."""
    clean = read_name(name)
    if await find_by_name(session, workspace_id, clean) is not None:
        raise SourceNameTakenError
    key = random_secret(KEY_PREFIX)
    source = Source(
        id=new_id("src", now),
        workspace_id=workspace_id,
        kind=kind,
        name=clean,
        name_key=clean.casefold(),
        key_hash=fingerprint(key),
        key_sealed=keyring.seal(key),
        account_creation=account_creation,
        shared_secret_sealed=keyring.seal(random_secret(KEY_PREFIX)) if kind == SourceKind.SEGMENT else None,
        created_by=by,
        created_at=now,
    )
    session.add(source)
    await _flush(session)
    audit.record(
        session, workspace_id, actor=by, action="source.added", subject_id=source.id, detail={"kind": kind}, now=now
    )
    return source, key


async def _flush(session: AsyncSession) -> None:
    """Write the row; of two people who choose one name at the same instant, the later one is told."""
    try:
        await session.flush()
    except IntegrityError as error:
        raise SourceNameTakenError from error


def read_name(name: str) -> str:
    """Check a source's name: 1 to 80 characters."""
    clean = " ".join(name.replace("\0", "").split())
    if not clean:
        raise UserError("Give the source a name, such as “Billing”.")
    if len(clean) > LONGEST_NAME:
        raise UserError(f"A source's name has at most {LONGEST_NAME} characters.")
    return clean


async def find_by_name(session: AsyncSession, workspace_id: str, name: str) -> Source | None:
    """Find a source that is not removed, whatever the case of its letters."""
    query = select(Source).where(
        Source.workspace_id == workspace_id, Source.removed_at.is_(None), Source.name_key == name.casefold()
    )
    found: Source | None = await session.scalar(query)
    return found


async def find_by_key(session: AsyncSession, key: str, *, now: datetime) -> Source | None:
    """Find the source that a webhook key opens, its own or for a while the one before.

    None for a wrong key, and for a removed source.
    """
    digest = fingerprint(key)
    opened = or_(Source.key_hash == digest, Source.old_key_hash == digest)
    source = await session.scalar(select(Source).where(opened, Source.removed_at.is_(None)))
    if source is None or same(source.key_hash, digest):
        return source
    is_open = source.is_old_key_open(now=now) and same(source.old_key_hash or "", digest)
    return source if is_open else None


async def get(session: AsyncSession, workspace_id: str, source_id: str) -> Source:
    """Find a source of this workspace that is not removed."""
    source = await session.get(Source, source_id)
    if source is None or source.workspace_id != workspace_id or source.removed_at is not None:
        raise SourceUnknownError
    return source


async def named(session: AsyncSession, workspace_id: str, name_or_id: str) -> Source:
    """Find a source by what a person calls it: its id, or its name."""
    found = await find_by_name(session, workspace_id, " ".join(name_or_id.split()))
    return found if found is not None else await get(session, workspace_id, name_or_id)


async def of_workspace(session: AsyncSession, workspace_id: str) -> list[Source]:
    """List a workspace's sources, oldest first, without removed ones."""
    query = select(Source).where(Source.workspace_id == workspace_id, Source.removed_at.is_(None))
    return list(await session.scalars(query.order_by(Source.created_at, Source.id)))


async def names(session: AsyncSession, workspace_id: str) -> dict[str, str]:
    """Give every source's name by its id, removed ones too: their movements still carry it."""
    rows = await session.execute(select(Source.id, Source.name).where(Source.workspace_id == workspace_id))
    return {row.id: row.name for row in rows}


MANY = select(Source).where(among(Source.id, IDS))


async def many(session: AsyncSession, ids: Collection[str]) -> dict[str, Source]:
    """Give sources by their id, removed ones too."""
    return {found.id: found for found in await session.scalars(MANY, {"ids": ids})}


async def news_since(session: AsyncSession, ids: Collection[str]) -> dict[str, datetime]:
    """Say from when on what sources tell is news, and was not history when they were connected; by their ids."""
    if not ids:
        return {}
    rows = await session.execute(select(Source.id, Source.created_at).where(among(Source.id, ids)))
    return {source_id: _news_since(created_at) for source_id, created_at in rows}


def _news_since(connected_at: datetime) -> datetime:
    return connected_at - HISTORY_BEFORE


NAMES = select(Source.id, Source.name).where(among(Source.id, IDS))


async def names_of(session: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    """Give the names of sources by their id, removed ones too."""
    return {row.id: row.name for row in await session.execute(NAMES, {"ids": ids})}


async def rename(session: AsyncSession, source: Source, name: str, *, by: str, now: datetime) -> None:
    """Give a source another name."""
    clean = read_name(name)
    if clean == source.name:
        return
    other = await find_by_name(session, source.workspace_id, clean)
    if other is not None and other.id != source.id:
        raise SourceNameTakenError
    before, source.name, source.name_key = source.name, clean, clean.casefold()
    await _flush(session)
    _audit(session, source, "source.renamed", by=by, now=now, before=before, after=clean)


async def rotate(
    session: AsyncSession, source: Source, *, keyring: Keyring, is_leaked: bool, by: str, now: datetime
) -> str:
    """Give a source a new key. The one before works for another day, or where it leaked, no more at all."""
    if not source.has_webhook:
        raise NoWebhookError
    if source.is_old_key_open(now=now) and not is_leaked:
        # The other side may still send with that one, of which only one can be kept.
        raise KeyStillWorksError
    key = random_secret(KEY_PREFIX)
    source.old_key_hash, source.old_key_until = (None, None) if is_leaked else (source.key_hash, now + KEY_GRACE)
    source.key_hash, source.key_sealed = fingerprint(key), keyring.seal(key)
    _audit(session, source, "source.key_rotated", by=by, now=now, is_leaked=is_leaked)
    wake(session, Topic.SOURCES)
    return key


async def pause(session: AsyncSession, source: Source, *, by: str, now: datetime) -> None:
    """Apply nothing more of what a source sends; it is taken all the same, and held until the source is resumed."""
    if source.kind == SourceKind.CSV:
        raise NoWebhookError("Files come in with `runrate import`; there is nothing to pause.")
    if source.paused_at is None:
        source.paused_at = now
        _audit(session, source, "source.paused", by=by, now=now)


async def resume(session: AsyncSession, source: Source, *, by: str, now: datetime) -> None:
    """Apply what a source sends again, and what was held."""
    if source.paused_at is not None:
        source.paused_at = None
        _audit(session, source, "source.resumed", by=by, now=now)
        wake(session, Topic.EVENTS)


async def remove(session: AsyncSession, source: Source, *, by: str, now: datetime, is_forgotten: bool = False) -> None:
    """Close the source's webhook. What it brought stays, or where it is forgotten, goes with it.

    What it sent before, and is held or waits, is applied in the first case and refused in the second.
    """
    source.removed_at, source.paused_at, source.forgotten_at = now, None, now if is_forgotten else None
    _audit(session, source, "source.removed", by=by, now=now, is_forgotten=is_forgotten)
    wake(session, Topic.SOURCES, Topic.EVENTS)


def note_try(session: AsyncSession, source: Source, event_id: int, *, by: str, now: datetime) -> None:
    """Note that somebody had a refused event of the source tried again."""
    _audit(session, source, "source.event_tried_again", by=by, now=now, event_id=event_id)


def _audit(session: AsyncSession, source: Source, action: str, *, by: str, now: datetime, **detail: Any) -> None:
    audit.record(session, source.workspace_id, actor=by, action=action, subject_id=source.id, detail=detail, now=now)


async def hold_back(session: AsyncSession, sources: Iterable[Source], *, now: datetime) -> set[str]:
    """Give the ids of those of these sources that are paused, and note that events of theirs are held.

    It writes, so that nobody can resume a source while an event of it is being held, and so forget that one.
    """
    ids = [one.id for one in sources if one.paused_at is not None]
    if not ids:
        return set()
    paused = update(Source).where(among(Source.id, ids), Source.paused_at.is_not(None)).values(holding_since=now)
    return set(await session.scalars(paused.returning(Source.id), execution_options=UNSEEN))


async def holding(session: AsyncSession) -> list[str]:
    """List the ids of sources that are paused no more, and some of whose events may still be held."""
    resumed = (Source.holding_since.is_not(None), Source.paused_at.is_(None))
    return list(await session.scalars(select(Source.id).where(*resumed).order_by(Source.id)))


async def resumed(session: AsyncSession, source_id: str) -> Source | None:
    """Hold the row of such a source, so that none of its events is held meanwhile; None where it is paused again."""
    query = select(Source).where(Source.id == source_id, Source.paused_at.is_(None)).with_for_update(key_share=True)
    found: Source | None = await session.scalar(query)
    return found


async def forgotten(session: AsyncSession) -> list[Source]:
    """List the removed sources of which what they brought is still to be deleted."""
    return list(await session.scalars(select(Source).where(Source.forgotten_at.is_not(None)).order_by(Source.id)))


async def forgot(session: AsyncSession, source_id: str) -> None:
    """Note that nothing of what a removed source brought is left."""
    await session.execute(update(Source).where(Source.id == source_id).values(forgotten_at=None))


async def reveal(session: AsyncSession, source: Source, *, keyring: Keyring, by: str, now: datetime) -> str:
    """Read the source's key for a manager, and audit that it was seen."""
    audit.record(session, source.workspace_id, actor=by, action="source.key_shown", subject_id=source.id, now=now)
    return keyring.open(source.key_sealed)


def shared_secret(source: Source, *, keyring: Keyring) -> str | None:
    """Read what Segment's Webhook destination signs with."""
    return keyring.open(source.shared_secret_sealed) if source.shared_secret_sealed else None


def change(
    session: AsyncSession,
    source: Source,
    *,
    account_creation: AccountCreation,
    mappings: dict[str, dict[str, str]],
    by: str,
    now: datetime,
) -> None:
    """Change when a Segment source creates accounts and where its traits go, for all that is applied from now on."""
    source.account_creation, source.mappings = account_creation, mappings
    audit.record(session, source.workspace_id, actor=by, action="source.changed", subject_id=source.id, now=now)


async def heard_from(session: AsyncSession, source_ids: Collection[str], *, now: datetime) -> None:
    """Note that these sources sent something."""
    if source_ids:
        heard = {"last_event_at": now, "first_event_at": func.coalesce(Source.first_event_at, now)}
        statement = update(Source).where(among(Source.id, source_ids)).values(heard)
        await session.execute(statement, execution_options=UNSEEN)


async def rotate_keys(session: AsyncSession, keyring: Keyring) -> int:
    """Encrypt every webhook key anew with the newest secret key; say how many there were."""
    sources = list(await session.scalars(select(Source)))
    for source in sources:
        source.key_sealed = keyring.rotate(source.key_sealed)
        if source.shared_secret_sealed is not None:
            source.shared_secret_sealed = keyring.rotate(source.shared_secret_sealed)
        source.signing_secrets = [one | {"sealed": keyring.rotate(one["sealed"])} for one in source.signing_secrets]
    return len(sources)


async def the_import(session: AsyncSession, workspace_id: str, *, keyring: Keyring, now: datetime) -> Source:
    """Find or add the source under which files come in; it is called “Import” until somebody renames it."""
    of_files = (Source.workspace_id == workspace_id, Source.kind == SourceKind.CSV, Source.removed_at.is_(None))
    found: Source | None = await session.scalar(select(Source).where(*of_files).order_by(Source.id).limit(1))
    if found is not None:
        return found
    source, _ = await add(
        session, workspace_id, kind=SourceKind.CSV, name="Import", keyring=keyring, by="command line", now=now
    )
    return source
