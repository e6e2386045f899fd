"""Mailing: what is owed by e-mail is sent, whatever becomes of Slack meanwhile; and Slack's messages don't wait for it.

The lanes are like those of Slack's methods: leased, one message at a time, with the outcome in the ledger. Nobody can
look whether a lost e-mail arrived, so that it is sent again.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from models import delivery, lane
from models.database import Database, wake
from models.delivery import Delivery, DeliveryState, Outcome, SkipReason, Try
from models.lane import Lease, Release
from models.wakeup import Topic
from scheduler import smtp
from scheduler.decisions import Decision, Effort, judge_send
from scheduler.mailserver import MailServer
from scheduler.messages.notice import Mail
from scheduler.notices import draw_mail

log = structlog.get_logger()

AT_ONCE = 10
PACE = timedelta(seconds=1)
"""Between two e-mails to one address."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A claimed lane with the e-mail at its head."""

    lane_id: str
    lane_token: int
    delivery_id: str
    workspace_id: str
    address: str
    effort: Effort
    started_at: datetime
    mail: Mail

    def tried(self, outcome: Outcome) -> Try:
        """Give it as the ledger takes it, with what it came to."""
        return Try(
            workspace_id=self.workspace_id,
            delivery_id=self.delivery_id,
            number=self.effort.attempts,
            started_at=self.started_at,
            outcome=outcome,
        )


class Mailer:
    """Sends what is owed by e-mail. Any number of them may share a database."""

    def __init__(
        self,
        *,
        database: Database,
        server: MailServer | None,
        public_url: str,
        now: Callable[[], datetime],
        owner: str,
    ) -> None:
        """Take what is needed; without a server, the ledger says so."""
        self._database = database
        self._server = server
        self._public_url = public_url
        self._now = now
        self._owner = owner

    async def send_waiting(self) -> None:
        """Send what waits and may be sent now."""
        while letters := await self._claim():
            await asyncio.gather(*(self._send(letter) for letter in letters if isinstance(letter, Letter)))

    async def _claim(self) -> Sequence[Letter | Release]:
        async with self._database.read() as session:
            if not await lane.has_mail(session, now=self._now()):
                return []
        async with self._database.write() as session:
            now = self._now()
            lanes = await lane.claim_mail(session, owner=self._owner, limit=AT_ONCE, now=now)
            heads = await lane.heads(session, [one.lane_id for one in lanes])
            begun = [await self._begin(session, one, heads.get(one.lane_id), now=now) for one in lanes]
            await session.flush()
            await delivery.start(session, [one.delivery_id for one in begun if isinstance(one, Letter)], now=now)
            await lane.release(session, [one for one in begun if isinstance(one, Release)])
            return begun

    async def _begin(
        self, session: AsyncSession, claimed: Lease, owed: Delivery | None, *, now: datetime
    ) -> Letter | Release:
        """Write the letter at the lane's head; give the lane back where there is none to send now."""
        if owed is None or owed.due_at > now:
            return _give_back(claimed, at=now if owed is None else owed.due_at)
        owed.may_be_repeat = owed.may_be_repeat or owed.state == DeliveryState.SENDING
        mail = await draw_mail(session, owed, public_url=self._public_url)
        if isinstance(mail, SkipReason):
            delivery.skip(owed, mail, now=now)
            return _give_back(claimed, at=now)
        return Letter(
            lane_id=claimed.lane_id,
            lane_token=claimed.token,
            delivery_id=owed.id,
            workspace_id=owed.workspace_id,
            address=owed.target,
            effort=Effort(attempts=owed.attempts + 1, owed_since=owed.created_at),
            started_at=now,
            mail=mail,
        )

    async def _send(self, letter: Letter) -> None:
        try:
            outcome = await self._hand_over(letter)
            await self._settle(letter, outcome)
        except Exception:
            # The row stays in `sending`, and the e-mail is sent again once the lease has run out.
            log.exception("delivery_not_settled", delivery_id=letter.delivery_id, workspace_id=letter.workspace_id)

    async def _hand_over(self, letter: Letter) -> Outcome:
        if self._server is None:
            return self._judge(smtp.UNSET, "no SMTP_URL", letter)
        try:
            to, told = letter.address, self._now()
            await smtp.send(self._server, letter.mail, to=to, delivery_id=letter.delivery_id, now=told)
        except Exception as error:  # noqa: BLE001 - every error is an answer, and the table knows what it means
            return self._judge(smtp.decide(error), smtp.answer_of(error), letter)
        return Outcome(state=DeliveryState.DELIVERED, answer="ok", due_at=self._now())

    def _judge(self, decision: Decision, answer: str, letter: Letter) -> Outcome:
        spread = random.random()  # noqa: S311 - it only spreads load
        return judge_send(decision, answer, letter.effort, now=self._now(), spread=spread)

    async def _settle(self, letter: Letter, outcome: Outcome) -> None:
        now = self._now()
        is_done = outcome.state in {DeliveryState.DELIVERED, DeliveryState.FAILED}
        async with self._database.write() as session:
            tokens = await lane.hold(session, [letter.lane_id])
            if tokens.get(letter.lane_id) != letter.lane_token:
                log.warning("lane_lost", delivery_id=letter.delivery_id, workspace_id=letter.workspace_id)
                return
            await delivery.settle(session, [letter.tried(outcome)], now=now)
            at = now + PACE if is_done else outcome.due_at
            given_back = Release(
                lane_id=letter.lane_id,
                token=letter.lane_token,
                next_send_at=at,
                not_before=at if is_done else None,
            )
            await lane.release(session, [given_back])
            wake(session, Topic.DELIVERIES)
        log.info(
            "delivery_settled",
            delivery_id=letter.delivery_id,
            workspace_id=letter.workspace_id,
            state=outcome.state,
            answer=outcome.answer,
        )


def _give_back(claimed: Lease, *, at: datetime) -> Release:
    return Release(lane_id=claimed.lane_id, token=claimed.token, next_send_at=at, not_before=claimed.not_before)
