"""Addressing: who hears of a signal. The holder of the role at its account, matched to a Slack person by e-mail.

A manager may have said whose an address is that Slack doesn't know (`models.email_alias`). A guest hears of signals as
anybody does. Where nobody is found, or the person left, the workspace's fallback channel hears of it and why; where
none is chosen, the ledger says `skipped (no recipient)` and managers are told, once a day at most.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import delivery, email_alias, installation, keeper, lane, mute, role, signal, workspace
from models.account import Account
from models.database import Database
from models.delivery import RUNRATE, FactKind, Owed, SkipReason
from models.installation import Installation
from models.lookup import Known
from models.mute import Muted
from models.recipient import RecipientKind
from models.secret import Keyring
from models.signal import TOLD_TO, Signal
from scheduler import whose
from scheduler.decisions import answer_of
from scheduler.slack import Slack

log = structlog.get_logger()

NOBODY = "nobody"
"""The target of a signal that reaches no one; its lane never has anything to send."""

AT_ONCE = 50
"""As many signals are written down together."""

UNHEARD_EVERY = timedelta(days=1)


@dataclass(frozen=True)
class Address:
    """Who hears of a signal, and why, in words that follow “because”; no target says that nobody does."""

    kind: RecipientKind
    target: str | None
    why: str


class Addresser:
    """Decides for each waiting signal who hears of it."""

    def __init__(self, *, database: Database, slack: Slack, keyring: Keyring, now: Callable[[], datetime]) -> None:
        """Take what is needed."""
        self._database = database
        self._slack = slack
        self._keyring = keyring
        self._now = now

    async def address_waiting(self) -> int:
        """Address the oldest that wait; say how many these were.

        Where Slack can't say now who has an e-mail address, the signal goes on waiting.
        """
        addressed = 0
        async with self._database.read() as session:
            waiting = await signal.waiting(session)
            grants = {grant.workspace_id: grant for grant in await installation.active(session)}
        for first in range(0, len(waiting), AT_ONCE):
            found = []
            for told, about in waiting[first : first + AT_ONCE]:
                grant = grants.get(told.workspace_id)
                if grant is None:
                    continue
                try:
                    found.append((told, await self._find(grant, about)))
                except Exception as error:  # noqa: BLE001 - it is tried again with the next wake-up or poll
                    log.warning("signal_not_addressed", signal_id=told.id, answer=answer_of(error))
            if found:
                await self._database.transact(partial(_owe, found=found, now=self._now()))
                addressed += len(found)
        return addressed

    async def _find(self, grant: Installation, about: Account) -> Address:
        """Find the Slack person who holds the role at the account."""
        async with self._database.read() as session:
            roles = {one.role: one for one in await role.of_account(session, about.id)}
        holder = roles.get(TOLD_TO)
        if holder is None:
            return Address(RecipientKind.ROLE, None, f"nobody is named as {TOLD_TO} of {about.display_name}")
        email, place = str(holder.email), f"{TOLD_TO} of {about.display_name}"
        async with self._database.read() as session:
            alias = await email_alias.find(session, grant.workspace_id, email)
        token = self._keyring.open(grant.token_sealed)
        workspace_id, now = grant.workspace_id, self._now()
        found = await whose.find(
            self._database, self._slack, token=token, workspace_id=workspace_id, email=email, now=now
        )
        match found:
            case Known(user_id=None):
                return Address(RecipientKind.ROLE, None, f"{email}, the {place}, is nobody in this Slack workspace")
            case Known(has_left=True):
                return Address(RecipientKind.ROLE, None, f"{email}, the {place}, left this Slack workspace")
            case Known(user_id=user_id):
                you = "" if alias is None else ", which a manager says is you,"
                return Address(RecipientKind.PERSON, user_id, f"{email}{you} is named as {place}")


async def _owe(session: AsyncSession, *, found: Sequence[tuple[Signal, Address]], now: datetime) -> None:
    """Write down who hears of signals, in one transaction with the note that this is decided."""
    for told, address in found:
        if await signal.mark_addressed(session, told.id, now=now):
            await _owe_to(session, told, address, now=now)


async def _owe_to(session: AsyncSession, told: Signal, address: Address, *, now: datetime) -> None:
    fallback = await workspace.fallback(session, told.workspace_id)
    match address:
        case Address(target=str(user_id)):
            what = (Muted.SIGNALS, told.account_id)
            muted = await mute.is_muted(session, told.workspace_id, user_id, what, now=now)
            skipped = SkipReason.MUTED if muted else None
            await _owe_one(session, told, (address.kind, user_id), address.why, now=now, skipped=skipped)
        case _ if fallback is not None:
            await _owe_one(session, told, (RecipientKind.CHANNEL, fallback), address.why, now=now)
        case _:
            skipped = SkipReason.NO_RECIPIENT
            await _owe_one(session, told, (address.kind, NOBODY), address.why, now=now, skipped=skipped)
            await _tell_managers(session, told, address.why, now=now)


async def _owe_one(
    session: AsyncSession,
    told: Signal,
    recipient: tuple[RecipientKind, str],
    why: str,
    *,
    now: datetime,
    skipped: SkipReason | None = None,
    kind: FactKind = FactKind.SIGNAL,
) -> None:
    owed = Owed(asked_by=RUNRATE, fact=(kind, told.id), recipient=recipient, note=why, skipped=skipped)
    await lane.owe(session, told.workspace_id, [owed], now=now)


async def _tell_managers(session: AsyncSession, told: Signal, why: str, *, now: datetime) -> None:
    """Tell those who can choose a fallback channel that none is chosen."""
    since = now - UNHEARD_EVERY
    if await delivery.was_owed(session, told.workspace_id, FactKind.UNHEARD, since=since):
        return
    for user_id in await keeper.to_tell(session, told.workspace_id):
        await _owe_one(session, told, (RecipientKind.PERSON, user_id), why, now=now, kind=FactKind.UNHEARD)
