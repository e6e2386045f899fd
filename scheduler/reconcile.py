"""Reconciling: what Slack may have failed to tell us is asked for, at start and every hour."""

from collections.abc import Callable
from datetime import datetime

import structlog
from slack_sdk.errors import SlackApiError

from models import (
    channel,
    draft,
    installation,
    keeper,
    lane,
    lookup,
    organisation,
    person,
    personal,
    reach,
    recipient,
    slack_event,
    workspace,
)
from models.database import Database
from models.installation import Installation
from models.organisation import Organisation
from models.secret import Keyring
from scheduler.decisions import Class, answer_of, code_of, decide
from scheduler.slack import Slack

log = structlog.get_logger()


class Reconciler:
    """Checks organisations, tokens and memberships, lists guests, joins the public channels that destinations chose."""

    def __init__(self, *, database: Database, slack: Slack, keyring: Keyring, now: Callable[[], datetime]) -> None:
        """Take what is needed."""
        self._database = database
        self._slack = slack
        self._keyring = keyring
        self._now = now

    async def reconcile(self) -> None:
        """Check every installation, then every channel that something is sent to."""
        await self._follow_organisations()
        async with self._database.read() as session:
            grants = await installation.active(session)
        for grant in grants:
            if await self._token_works(grant):
                await self._check_channels(grant)
                await self._list_guests(grant)
        async with self._database.write() as session:
            await slack_event.forget_old(session, now=self._now())
            await lookup.forget_old(session, now=self._now())
            await draft.forget_old(session, now=self._now())

    async def list_new_guests(self) -> None:
        """List the guests of workspaces that installed us just now, since nothing unfurls there before."""
        async with self._database.read() as session:
            grants = await installation.active(session)
            tenants = {tenant.id: tenant for tenant in await workspace.every(session)}
        for grant in grants:
            if tenants[grant.workspace_id].guests_listed_at is None:
                await self._list_guests(grant)

    async def _list_guests(self, grant: Installation) -> None:
        """Remember who is a guest and who no more; and those whom we write to: managers, admins, and whom they chose.

        Slack's events tell of changes in between.
        """
        async with self._database.read() as session:
            before = await person.guests(session, grant.workspace_id)
            before.update(await person.named_managers(session, grant.workspace_id))
            before.update(await keeper.keepers(session, grant.workspace_id))
            before.update(await recipient.people(session, grant.workspace_id))
        try:
            token = self._keyring.open(grant.token_sealed)
            async for page in self._slack.everybody(token, grant.workspace_id):
                async with self._database.write() as session:
                    for user in page:
                        is_guest = person.is_guest_in_slack(user, grant.workspace_id)
                        if is_guest or user.get("is_admin") or user["id"] in before:
                            known = await person.remember(session, grant.workspace_id, user, now=self._now())
                            await personal.follow(session, known, now=self._now())
        except Exception as error:  # noqa: BLE001 - asked again in an hour
            log.info("guests_not_listed", workspace_id=grant.workspace_id, answer=answer_of(error))
            return
        async with self._database.write() as session:
            await workspace.guests_listed(session, grant.workspace_id, now=self._now())

    async def join_chosen(self) -> None:
        """Join the public channels that destinations chose and that we are not in yet."""
        async with self._database.read() as session:
            grants = await installation.active(session)
            chosen = {grant.workspace_id: await reach.channels_to_join(session, grant.workspace_id) for grant in grants}
        for grant in grants:
            for channel_id in chosen[grant.workspace_id]:
                await self._join(grant, channel_id)

    async def _follow_organisations(self) -> None:
        """Make up for lost news of the workspaces into which organisations let us, and took us out of."""
        async with self._database.read() as session:
            orgs = await organisation.active(session)
        for org in orgs:
            try:
                named = await self._slack.workspaces(self._keyring.open(org.token_sealed))
            except Exception as error:  # noqa: BLE001 - only a clear refusal counts; anything else is asked again
                await self._end_organisation(org, error)
                continue
            async with self._database.write() as session:
                before = await organisation.workspaces(session, org.enterprise_id)
                new = {id_: name for id_, name in named.items() if id_ not in before}
                await organisation.grant_access(session, org, new, keyring=self._keyring, now=self._now())
                gone = before - named.keys()
                await organisation.revoke_access(
                    session, org.enterprise_id, gone, because="team_access_revoked", now=self._now()
                )

    async def _end_organisation(self, org: Organisation, error: Exception) -> None:
        log.info("organisation_not_checked", enterprise_id=org.enterprise_id, answer=answer_of(error))
        if decide(error, now=self._now()).what is Class.HOLD:
            async with self._database.write() as session:
                await organisation.revoke(
                    session,
                    org.enterprise_id,
                    because=answer_of(error),
                    token_sealed=org.token_sealed,
                    now=self._now(),
                )

    async def _token_works(self, grant: Installation) -> bool:
        try:
            await self._slack.check(self._keyring.open(grant.token_sealed))
        except Exception as error:  # noqa: BLE001 - only a clear refusal counts; anything else is asked again in an hour
            if decide(error, now=self._now()).what is not Class.HOLD:
                log.info("token_not_checked", workspace_id=grant.workspace_id, answer=answer_of(error))
                return False
            async with self._database.write() as session:
                await installation.revoke(
                    session,
                    grant.workspace_id,
                    because=answer_of(error),
                    token_sealed=grant.token_sealed,
                    now=self._now(),
                )
            return False
        return True

    async def _check_channels(self, grant: Installation) -> None:
        async with self._database.read() as session:
            chosen = await reach.channels(session, grant.workspace_id)
        for channel_id in chosen:
            await self._check_channel(grant, channel_id)

    async def _check_channel(self, grant: Installation, channel_id: str) -> None:
        try:
            info = await self._slack.channel(self._keyring.open(grant.token_sealed), channel_id)
        except SlackApiError as error:
            if code_of(error) == "channel_not_found":
                async with self._database.write() as session:
                    await channel.lose_sight(session, grant.workspace_id, channel_id)
            return
        except Exception as error:  # noqa: BLE001 - asked again in an hour
            log.info("channel_not_checked", workspace_id=grant.workspace_id, answer=answer_of(error))
            return
        async with self._database.write() as session:
            before = await channel.get(session, grant.workspace_id, channel_id)
            was_open = before is not None and before.is_open
            found = await channel.remember(session, grant.workspace_id, info, now=self._now())
            if found.is_open and not was_open:
                await lane.hurry(session, grant.workspace_id, channel_id, now=self._now())

    async def _join(self, grant: Installation, channel_id: str) -> None:
        try:
            info = await self._slack.join(self._keyring.open(grant.token_sealed), channel_id)
        except Exception as error:  # noqa: BLE001 - the delivery says what is wrong, when there is one
            log.info("channel_not_joined", workspace_id=grant.workspace_id, answer=answer_of(error))
            return
        async with self._database.write() as session:
            await channel.remember(session, grant.workspace_id, {**info, "is_member": True}, now=self._now())
