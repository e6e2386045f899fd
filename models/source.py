"""A source: where events come from. Its key, the secret part of its URL, is hashed for look-up, sealed for managers."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index, String, Text, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit
from models.base import IDS, Base, Id, JsonValue, UserError, among, new_id
from models.database import wake
from models.secret import Keyring, fingerprint, random_secret, same
from models.wakeup import Topic

KEY_PREFIX = "rrk"
LONGEST_NAME = 80


class SourceKind(StrEnum):
    """What sends. `csv` names what `runrate import` brings; it has no webhook."""

    API = "api"
    CHARTMOGUL = "chartmogul"
    SEGMENT = "segment"
    CSV = "csv"


class AccountCreation(StrEnum):
    """When a Segment source creates an account: once a user joins a company, or with the first e-mail or user id."""

    COMPANY = "company"
    CONTACT = "contact"


_RANKS = {SourceKind.SEGMENT: 1, SourceKind.CHARTMOGUL: 2}
_BEST_RANK = 3


def rank(kind: str) -> int:
    """Say how much a kind of source counts where several tell of one field: your own systems most, Segment least."""
    return _RANKS.get(SourceKind(kind), _BEST_RANK)


class SourceNameTakenError(UserError):
    """Another source has this name already. Choose another one."""


class SourceUnknownError(UserError):
    """There is no such source; `runrate sources list` shows which there are."""


class Source(Base):
    """Where events come from. Removing one keeps what it brought."""

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
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    workspace_id: Mapped[str] = mapped_column(Id, index=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(LONGEST_NAME))
    name_key: Mapped[str] = mapped_column(String(3 * LONGEST_NAME))
    """The name as it is compared: folding the case makes three characters of one at most."""
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    key_sealed: Mapped[str] = mapped_column(Text)
    account_creation: Mapped[str] = mapped_column(String(20), default=AccountCreation.COMPANY)
    mappings: Mapped[dict[str, dict[str, str]]] = mapped_column(JsonValue, default=dict)
    """Of an account and of a contact: which field or attribute a trait goes to (`models.mapping`)."""
    audiences: Mapped[dict[str, list[str]]] = mapped_column(JsonValue, default=dict)
    """Segment's audiences that are being synced for the first time, or were (`models.audience`)."""
    shared_secret_sealed: Mapped[str | None] = mapped_column(Text)
    """What Segment's Webhook destination signs with."""
    created_by: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    last_event_at: Mapped[datetime | None]


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


async def find_by_key(session: AsyncSession, key: str) -> Source | None:
    """Find the source that a webhook key opens; None for a wrong key, and for a removed source."""
    digest = fingerprint(key)
    source = await session.scalar(select(Source).where(Source.key_hash == digest, Source.removed_at.is_(None)))
    return source if source is not None and same(source.key_hash, digest) else None


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


async def many(session: AsyncSession, ids: Collection[str]) -> dict[str, Source]:
    """Give sources by their id, removed ones too."""
    if not ids:
        return {}
    return {found.id: found for found in await session.scalars(select(Source).where(among(Source.id, ids)))}


NAMES = select(Source.id, Source.name).where(among(Source.id, IDS))


async def names_of(session: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    """Give the names of sources by their id, removed ones too."""
    return {row.id: row.name for row in await session.execute(NAMES, {"ids": ids})}


async def remove(session: AsyncSession, source: Source, *, by: str, now: datetime) -> None:
    """Close the source's webhook. What it brought stays."""
    source.removed_at = now
    audit.record(session, source.workspace_id, actor=by, action="source.removed", subject_id=source.id, now=now)
    wake(session, Topic.SOURCES)


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
        heard = update(Source).where(among(Source.id, source_ids)).values(last_event_at=now)
        await session.execute(heard, execution_options={"synchronize_session": False})


async def rotate_keys(session: AsyncSession, keyring: Keyring) -> int:
    """Encrypt every webhook key anew with the newest secret key; say how many there were."""
    sources = list(await session.scalars(select(Source)))
    for source in sources:
        source.key_sealed = keyring.rotate(source.key_sealed)
        if source.shared_secret_sealed is not None:
            source.shared_secret_sealed = keyring.rotate(source.shared_secret_sealed)
    return len(sources)


async def the_import(session: AsyncSession, workspace_id: str, *, keyring: Keyring, now: datetime) -> Source:
    """Find or add the source named “Import”, under which files come in."""
    found = await find_by_name(session, workspace_id, "Import")
    if found is not None:
        return found
    source, _ = await add(
        session, workspace_id, kind=SourceKind.CSV, name="Import", keyring=keyring, by="command line", now=now
    )
    return source
