"""An installation: a workspace's grant to us. Its token is encrypted at rest; its loss is a date, not a deletion."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String, Text, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from models import audit, channel, report, workspace
from models.base import IDS, Base, Id, JsonValue, among, insert
from models.database import wake
from models.secret import Keyring, fingerprint
from models.wakeup import Topic

STATE_LIFE = timedelta(minutes=10)
"""As long as Slack's own code lives."""

LOST = {
    "app_uninstalled": "it was uninstalled",
    "team_access_revoked": "the organisation took it out of this workspace",
}
"""Why a grant is gone, by the event that told us."""


class Granted:
    """The columns of a grant: who we are there, our token, and what it may do."""

    app_id: Mapped[str] = mapped_column(Id)
    bot_id: Mapped[str] = mapped_column(Id)
    bot_user_id: Mapped[str] = mapped_column(Id)
    token_sealed: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(JsonValue)
    installed_by: Mapped[str] = mapped_column(Id)
    installed_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_because: Mapped[str | None] = mapped_column(String(80))

    @property
    def why_lost(self) -> str | None:
        """Say in our own words why the grant is gone; None while it stands."""
        if self.revoked_at is None:
            return None
        return LOST.get(self.revoked_because or "", "Slack no longer accepts its token")


class Installation(Granted, Base):
    """What one workspace granted. `revoked_at` stops all sending and keeps the settings for a reinstall."""

    __tablename__ = "installations"

    workspace_id: Mapped[str] = mapped_column(Id, ForeignKey("workspaces.id"), primary_key=True)
    is_org_wide: Mapped[bool] = mapped_column(default=False)
    """Whether it is the grant of the workspace's whole organisation, whose token it has."""
    last_request_at: Mapped[datetime | None]
    """When Slack last called us for this workspace; the set-up page's proof that events arrive."""


class OauthState(Base):
    """A state handed to a browser before it goes to Slack. It belongs to no workspace yet."""

    __tablename__ = "oauth_states"

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


@dataclass(frozen=True, kw_only=True)
class Bot:
    """Who we are where we were let in, and what we may do there."""

    app_id: str
    bot_id: str
    bot_user_id: str
    token: str
    scopes: Sequence[str]
    installed_by: str


@dataclass(frozen=True, kw_only=True)
class Grant(Bot):
    """What a workspace granted, as Slack answers to the exchange of a code."""

    workspace_id: str
    workspace_name: str
    enterprise_id: str | None
    is_org_wide: bool = False


def granted(bot: Bot, *, keyring: Keyring, now: datetime) -> dict[str, Any]:
    """Give the columns of a new grant, or of one that is renewed."""
    return {
        "app_id": bot.app_id,
        "bot_id": bot.bot_id,
        "bot_user_id": bot.bot_user_id,
        "token_sealed": keyring.seal(bot.token),
        "scopes": sorted(bot.scopes),
        "installed_by": bot.installed_by,
        "installed_at": now,
        "updated_at": now,
        "revoked_at": None,
        "revoked_because": None,
    }


async def save(session: AsyncSession, grant: Grant, *, keyring: Keyring, now: datetime) -> None:
    """Install, or install again: the row is updated, never doubled, and sending resumes.

    Slack takes the bot out of every channel when the app is uninstalled, so that none counts as joined.
    """
    await workspace.remember(
        session, workspace_id=grant.workspace_id, name=grant.workspace_name, enterprise_id=grant.enterprise_id, now=now
    )
    await report.ensure(session, grant.workspace_id, now=now)
    values = {"is_org_wide": grant.is_org_wide, **granted(grant, keyring=keyring, now=now)}
    statement = insert(session, Installation).values(workspace_id=grant.workspace_id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["workspace_id"], set_=values))
    await channel.forget_memberships(session, grant.workspace_id)
    audit.record(session, grant.workspace_id, actor=grant.installed_by, action="workspace.installed", now=now)
    wake(session, Topic.INSTALLATIONS, Topic.DELIVERIES, Topic.CHANNELS)


async def revoke(
    session: AsyncSession, workspace_id: str, *, because: str, now: datetime, token_sealed: str | None = None
) -> bool:
    """Stop all sending for the workspace; say whether this was news.

    With `token_sealed`, only while that token is still the one in force: an answer to a call with an earlier token
    may arrive after a reinstall.
    """
    where = [Installation.workspace_id == workspace_id, Installation.revoked_at.is_(None)]
    if token_sealed is not None:
        where.append(Installation.token_sealed == token_sealed)
    statement = (
        update(Installation)
        .where(*where)
        .values(revoked_at=now, revoked_because=because, updated_at=now)
        .returning(Installation.workspace_id)
    )
    if await session.scalar(statement) is None:
        await _explain(session, workspace_id, because)
        return False
    audit.record(session, workspace_id, actor="slack", action="workspace.revoked", detail={"because": because}, now=now)
    wake(session, Topic.INSTALLATIONS)
    return True


async def _explain(session: AsyncSession, workspace_id: str, because: str) -> None:
    """Note why a grant is gone already: of an uninstallation Slack may tell after the loss of the token."""
    is_unexplained = (Installation.revoked_at.is_not(None), Installation.revoked_because.not_in(LOST))
    if because in LOST:
        statement = update(Installation).where(Installation.workspace_id == workspace_id, *is_unexplained)
        await session.execute(statement.values(revoked_because=because))


async def get(session: AsyncSession, workspace_id: str) -> Installation | None:
    """Find a workspace's installation, revoked or not."""
    return await session.get(Installation, workspace_id)


MANY = select(Installation).where(among(Installation.workspace_id, IDS))


async def many(session: AsyncSession, workspace_ids: Collection[str]) -> dict[str, Installation]:
    """Give the installations of workspaces, revoked or not, by the workspace's id."""
    return {found.workspace_id: found for found in await session.scalars(MANY, {"ids": workspace_ids})}


async def active(session: AsyncSession) -> list[Installation]:
    """List the installations that may send."""
    query = select(Installation).where(Installation.revoked_at.is_(None)).order_by(Installation.workspace_id)
    return list(await session.scalars(query))


async def every(session: AsyncSession) -> list[Installation]:
    """List all installations, revoked ones too."""
    return list(await session.scalars(select(Installation).order_by(Installation.workspace_id)))


async def heard_from(session: AsyncSession, workspace_id: str, *, now: datetime) -> None:
    """Note that Slack called us for this workspace."""
    await session.execute(
        update(Installation).where(Installation.workspace_id == workspace_id).values(last_request_at=now)
    )


async def rotate_keys(session: AsyncSession, keyring: Keyring) -> int:
    """Encrypt every token anew with the newest key; say how many there were."""
    installations = await every(session)
    for installation in installations:
        installation.token_sealed = keyring.rotate(installation.token_sealed)
    return len(installations)


async def remember_state(session: AsyncSession, *, state: str, browser: str, now: datetime) -> None:
    """Keep a state until it comes back, and forget those of yesterday."""
    await session.execute(delete(OauthState).where(OauthState.expires_at < now - timedelta(days=1)))
    session.add(
        OauthState(state_hash=fingerprint(state), browser_hash=fingerprint(browser), expires_at=now + STATE_LIFE)
    )


async def use_state(session: AsyncSession, *, state: str, browser: str, now: datetime) -> str:
    """Use a state up. Answer `ok`, `unknown`, `expired`, `reused` or `other browser`.

    One UPDATE decides, so that of any number of concurrent uses exactly one is `ok`.
    """
    statement = (
        update(OauthState)
        .where(
            OauthState.state_hash == fingerprint(state),
            OauthState.browser_hash == fingerprint(browser),
            OauthState.used_at.is_(None),
            OauthState.expires_at > now,
        )
        .values(used_at=now)
        .returning(OauthState.state_hash)
    )
    if await session.scalar(statement) is not None:
        return "ok"
    found = await session.get(OauthState, fingerprint(state))
    if found is None:
        return "unknown"
    if found.browser_hash != fingerprint(browser):
        return "other browser"
    return "reused" if found.used_at is not None else "expired"
