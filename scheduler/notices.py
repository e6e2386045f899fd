"""Notices: whoever asked for something hears once when it can't be delivered, and once when it works again.

The stage reads the ledger, and nothing depends on it: it may look at any time, late, twice or in many processes. What
it tells is owed like everything else the product says. That a notice can't be delivered is never told by another one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from slack_sdk.errors import SlackApiError
from sqlalchemy.ext.asyncio import AsyncSession

from models import channel, installation, keeper, lane, notice, person, workspace
from models.base import UserError
from models.database import Database
from models.delivery import MAIL, POST, RUNRATE, Delivery, FactKind, Owed, SkipReason
from models.destination import Destination
from models.installation import Installation
from models.notice import Failing, Streak
from models.person import Person
from models.recipient import IN_PERSON, RecipientKind, To
from models.secret import Keyring
from models.workflow import Workflow
from scheduler.decisions import answer_of, code_of
from scheduler.messages import notice as drawing
from scheduler.messages.message import Message
from scheduler.messages.notice import Asker, FailureNotice, Frame, Mail, RecoveryNotice
from scheduler.slack import Slack

log = structlog.get_logger()

UNKNOWN_TO_SLACK = {"user_not_found", "user_not_visible", "users_not_found"}

Recipient = tuple[RecipientKind, str]


@dataclass(frozen=True)
class Circle:
    """Who may hear of a streak, without those who are gone; `profiles` of those that we know."""

    creators: tuple[str, ...]
    managers: tuple[str, ...]
    profiles: dict[str, Person]

    def addresses(self) -> list[str]:
        """List the e-mail addresses of all of them."""
        everybody = dict.fromkeys((*self.creators, *self.managers))
        known = (self.profiles[one].email for one in everybody if one in self.profiles)
        return list(dict.fromkeys(filter(None, known)))


class Notices:
    """Opens and ends streaks, and owes what is told about them."""

    def __init__(
        self, *, database: Database, slack: Slack, keyring: Keyring, now: Callable[[], datetime], mails: bool
    ) -> None:
        """Take what is needed; `mails` says that e-mail can be sent."""
        self._database = database
        self._slack = slack
        self._keyring = keyring
        self._now = now
        self._mails = mails

    async def look(self) -> None:
        """Bring the streaks up to what the ledger says."""
        now = self._now()
        async with self._database.read() as session:
            found = await notice.failing(session, now=now)
            streaks = {streak.key: streak for streak in await notice.going_on(session)}
        for key, failing in found.items():
            if key not in streaks and failing.is_news:
                await self._begin(failing, now=now)
        for key, streak in streaks.items():
            await self._go_on(streak, found.get(key), now=now)

    async def _begin(self, failing: Failing, *, now: datetime) -> None:
        circle = await self._circle(failing)
        told = self._recipients(failing, circle)
        async with self._database.write() as session:
            streak = await notice.begin(session, failing, now=now)
            if streak is None:
                return
            if told:
                streak.told_at = now
            await _owe(session, streak, FactKind.NOTICE, told, now=now)
        log.info("streak_began", streak_id=streak.id, workspace_id=streak.workspace_id, told=len(told))

    async def _go_on(self, streak: Streak, failing: Failing | None, *, now: datetime) -> None:
        """Note another cause, or see whether it works again."""
        if failing is None:
            await self._try_to_end(streak, now=now)
        elif failing.fix and (failing.cause, failing.fix) != (streak.cause, streak.fix):
            async with self._database.write() as session:
                await notice.change(session, streak, failing)

    async def _try_to_end(self, streak: Streak, *, now: datetime) -> None:
        async with self._database.read() as session:
            how = await notice.ending(session, streak, now=now)
        if how is None:
            return
        async with self._database.write() as session:
            if not await notice.end(session, streak, how, now=now):
                return
            told = await notice.recipients(session, streak) if how.is_recovery else []
            again = [(RecipientKind(kind), target) for kind, target in told]
            await _owe(session, streak, FactKind.RECOVERY, again, now=now)
        log.info("streak_ended", streak_id=streak.id, workspace_id=streak.workspace_id, delivered=how.delivered)

    # --- who hears of it -------------------------------------------------------------------------------------------

    def _recipients(self, failing: Failing, circle: Circle) -> list[Recipient]:
        """Say who is told how: the creator in Slack, or else the managers; and all of them by e-mail.

        What concerns the whole workspace is told to all; nothing can be told in Slack while it doesn't let us.
        """
        is_everywhere = failing.key[1:] == (RUNRATE, failing.key[0])
        in_slack = (*circle.creators, *circle.managers) if is_everywhere else circle.creators or circle.managers
        people = [] if failing.is_lost else [(RecipientKind.PERSON, user_id) for user_id in dict.fromkeys(in_slack)]
        mail = [(RecipientKind.EMAIL, address) for address in circle.addresses()] if self._mails else []
        return [*people, *mail]

    async def _circle(self, failing: Failing) -> Circle:
        workspace_id = failing.key[0]
        async with self._database.read() as session:
            grant = await installation.get(session, workspace_id)
            creators = [one for asked_by in sorted(failing.asked_by) if (one := await _creator(session, asked_by))]
            managers = await keeper.to_tell(session, workspace_id)
        profiles, gone = await self._profiles(grant, dict.fromkeys((*creators, *managers)))
        return Circle(
            creators=tuple(one for one in dict.fromkeys(creators) if one not in gone),
            managers=tuple(one for one in dict.fromkeys(managers) if one not in gone),
            profiles={user_id: one for user_id, one in profiles.items() if user_id not in gone},
        )

    async def _profiles(
        self, grant: Installation | None, user_ids: Iterable[str]
    ) -> tuple[dict[str, Person], set[str]]:
        """Give what is known of people, asking Slack where that is old; and who of them is gone."""
        profiles, gone = {}, set()
        for user_id in user_ids:
            try:
                found = await self._profile(grant, user_id)
            except UserError:
                gone.add(user_id)
                continue
            if found is not None:
                profiles[user_id] = found
                if found.is_deactivated or found.is_guest:
                    gone.add(user_id)
        return profiles, gone

    async def _profile(self, grant: Installation | None, user_id: str) -> Person | None:
        """Give a profile; None where nobody can say now. Raises `UserError` for somebody whom Slack doesn't know."""
        if grant is None:
            return None
        async with self._database.read() as session:
            known = await person.get(session, grant.workspace_id, user_id)
        if grant.revoked_at is not None or person.is_fresh(known, now=self._now()):
            return known
        try:
            user = await self._slack.user(self._keyring.open(grant.token_sealed), user_id)
        except Exception as error:
            if isinstance(error, SlackApiError) and code_of(error) in UNKNOWN_TO_SLACK:
                raise UserError from error
            # What we knew has to do.
            log.info("person_not_asked", workspace_id=grant.workspace_id, answer=answer_of(error))
            return known
        async with self._database.write() as session:
            return await person.remember(session, grant.workspace_id, user, now=self._now())


async def _creator(session: AsyncSession, asked_by: str) -> str | None:
    """Say who answers for a destination, or made a workflow; nobody does for what the product says on its own."""
    destination = await session.get(Destination, asked_by)
    if destination is not None:
        return destination.kept_by if destination.unkept_at is None else None
    workflow = await session.get(Workflow, asked_by)
    return workflow.created_by if workflow is not None else None


async def _owe(
    session: AsyncSession, streak: Streak, kind: FactKind, told: Iterable[Recipient], *, now: datetime
) -> None:
    owed = [
        Owed(
            asked_by=RUNRATE,
            fact=(kind, streak.id),
            recipient=to,
            method=MAIL if to[0] is RecipientKind.EMAIL else POST,
        )
        for to in told
    ]
    await lane.owe(session, streak.workspace_id, owed, now=now)


# --- what is told --------------------------------------------------------------------------------------------------


async def load_notices(
    session: AsyncSession, owed: Sequence[Delivery], _setting: object
) -> dict[str, FailureNotice | SkipReason]:
    """Load what notices tell, while it is still so."""
    return {one.id: await _failure(session, await _streak(session, one)) or SkipReason.STALE for one in owed}


def draw_notice(_owed: Delivery, told: FailureNotice | SkipReason, _setting: object) -> Message | SkipReason:
    """Draw a notice."""
    return told if isinstance(told, SkipReason) else drawing.draw_failure(told)


async def load_recoveries(
    session: AsyncSession, owed: Sequence[Delivery], _setting: object
) -> dict[str, RecoveryNotice | SkipReason]:
    """Load what works again, for those who were told that it did not."""
    return {
        one.id: await _recovery(session, await _streak(session, one), one.target) or SkipReason.STALE for one in owed
    }


def draw_recovery(_owed: Delivery, told: RecoveryNotice | SkipReason, _setting: object) -> Message | SkipReason:
    """Draw that it works again."""
    return told if isinstance(told, SkipReason) else drawing.draw_recovery(told)


async def draw_mail(session: AsyncSession, owed: Delivery, *, public_url: str) -> Mail | SkipReason:
    """Draw the same as an e-mail."""
    streak = await _streak(session, owed)
    if streak is None:
        return SkipReason.STALE
    frame = await _frame(session, streak, public_url=public_url)
    if owed.fact_kind == FactKind.RECOVERY:
        recovered = await _recovery(session, streak, owed.target)
        return drawing.mail_recovery(recovered, frame) if recovered is not None else SkipReason.STALE
    failed = await _failure(session, streak)
    return drawing.mail_failure(failed, frame) if failed is not None else SkipReason.STALE


async def _streak(session: AsyncSession, owed: Delivery) -> Streak | None:
    return await notice.get(session, owed.workspace_id, owed.fact_id)


async def _failure(session: AsyncSession, streak: Streak | None) -> FailureNotice | None:
    if streak is None or streak.ended_at is not None:
        return None
    asker, name = await _asker(session, streak)
    waiting, failed = await notice.count(session, streak)
    return FailureNotice(
        destination_id=streak.asked_by,
        destination_name=name,
        channel_id=streak.target,
        cause=streak.cause,
        fix=streak.fix,
        waiting=waiting,
        failed=failed,
        asker=asker,
        place=await _place(session, streak, asker),
        is_in_person=_is_in_person(streak, asker),
    )


def _is_in_person(streak: Streak, asker: Asker) -> bool:
    return asker is Asker.DESTINATION and streak.recipient_kind in IN_PERSON


async def _recovery(session: AsyncSession, streak: Streak | None, target: str) -> RecoveryNotice | None:
    if streak is None or streak.ended_at is None or not await notice.was_told(session, streak, target):
        return None
    asker, _ = await _asker(session, streak)
    return RecoveryNotice(
        channel_id=streak.target,
        delivered=streak.delivered,
        at=streak.ended_at,
        asker=asker,
        place=await _place(session, streak, asker),
        is_in_person=_is_in_person(streak, asker),
    )


async def _asker(session: AsyncSession, streak: Streak) -> tuple[Asker, str]:
    """Say what asks, and its name."""
    if streak.is_everywhere:
        return Asker.WORKSPACE, ""
    destination = await session.get(Destination, streak.asked_by)
    if destination is not None:
        return Asker.DESTINATION, destination.name
    workflow = await session.get(Workflow, streak.asked_by)
    if workflow is not None:
        return Asker.WORKFLOW, workflow.name
    return (Asker.OWNER if streak.recipient_kind == RecipientKind.PERSON else Asker.SIGNALS), ""


async def _place(session: AsyncSession, streak: Streak, asker: Asker) -> str:
    """Name the target for those who don't read it in Slack."""
    match asker:
        case Asker.WORKSPACE:
            tenant = await workspace.get(session, streak.workspace_id)
            return tenant.name if tenant is not None else streak.workspace_id
        case Asker.OWNER:
            told = await person.get(session, streak.workspace_id, streak.target)
            return told.name if told is not None else "somebody"
        case Asker.DESTINATION if streak.recipient_kind in IN_PERSON:
            to = To(RecipientKind(streak.recipient_kind), streak.target)
            return to.called(await person.names(session, streak.workspace_id))
        case _:
            known = await channel.get(session, streak.workspace_id, streak.target)
            # Managers read this too, who may not be in the channel.
            return (known.public_name or "a private channel") if known is not None else streak.target


async def _frame(session: AsyncSession, streak: Streak, *, public_url: str) -> Frame:
    tenant = await workspace.get(session, streak.workspace_id)
    grant = await installation.get(session, streak.workspace_id)
    asker, name = await _asker(session, streak)
    about = {
        Asker.DESTINATION: f"the destination “{name}”",
        Asker.WORKFLOW: f"the workflow “{name}”",
        Asker.WORKSPACE: "everything that Runrate posts",
    }.get(asker, "signals")
    is_lost = grant is None or grant.revoked_at is not None
    app = f"https://slack.com/app_redirect?app={grant.app_id}&team={grant.workspace_id}" if grant else public_url
    return Frame(
        workspace=tenant.name if tenant is not None else streak.workspace_id,
        asked_by=about,
        link=public_url if is_lost else app,
        link_text="Open Runrate's set-up page" if is_lost else "Open Runrate in Slack",
    )
