"""Authorisation of what Slack sends: by our own table, remembered for a minute, without a call to Slack."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from slack_bolt.async_app import AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize

from models import installation, organisation
from models.database import Database
from models.installation import Granted
from models.secret import Keyring
from models.wakeup import Topic

REMEMBERED = timedelta(minutes=1)


@dataclass(frozen=True)
class _Known:
    """An answer, until when it holds, and after how many changes of installations it was read."""

    result: AuthorizeResult
    until: datetime
    changes: int


class Authorizer(AsyncAuthorize):
    """Says with which token a workspace is answered; Bolt asks for each request.

    What it remembers counts no more once an installation changes, in whichever process.
    """

    def __init__(self, *, database: Database, keyring: Keyring, now: Callable[[], datetime]) -> None:
        """Take what is needed."""
        self._database = database
        self._keyring = keyring
        self._now = now
        self._known: dict[str, _Known] = {}

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,  # noqa: ARG002 - the signature is Bolt's
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,  # noqa: ARG002
        actor_enterprise_id: str | None = None,  # noqa: ARG002
        actor_team_id: str | None = None,  # noqa: ARG002
        actor_user_id: str | None = None,  # noqa: ARG002
    ) -> AuthorizeResult | None:
        """Answer for a workspace, or for what concerns a whole organisation; None where it never installed us."""
        workspace_id = team_id or enterprise_id
        if workspace_id is None:
            return None
        known = self._known.get(workspace_id)
        if known is not None and known.until > self._now() and known.changes == self._changes:
            return known.result
        return await self._look_up(workspace_id, enterprise_id)

    @property
    def _changes(self) -> int:
        return self._database.wakeups.mark(Topic.INSTALLATIONS)

    async def _look_up(self, workspace_id: str, enterprise_id: str | None) -> AuthorizeResult | None:
        """Read the installation, and note at the same time that Slack called for it."""
        now, changes = self._now(), self._changes
        is_of_organisation = workspace_id == enterprise_id
        async with self._database.read() as session:
            find = organisation.get if is_of_organisation else installation.get
            grant: Granted | None = await find(session, workspace_id)
        if grant is None:
            return None
        if not is_of_organisation:
            async with self._database.write() as session:
                await installation.heard_from(session, workspace_id, now=now)
        result = AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=None if is_of_organisation else workspace_id,
            bot_user_id=grant.bot_user_id,
            bot_id=grant.bot_id,
            bot_token=self._keyring.open(grant.token_sealed),
            bot_scopes=grant.scopes,
        )
        self._known[workspace_id] = _Known(result, now + REMEMBERED, changes)
        return result
