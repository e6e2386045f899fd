"""Reconciling: what Slack failed to tell us is asked for."""

import pytest

from bot.sandbox import people
from bot.sandbox.people import ADA, DANA, GUS
from models import channel, installation, organisation, person, personal, slack_event, workspace
from models.channel import Channel
from models.installation import Installation
from scheduler.reconcile import Reconciler
from tests import seeds
from tests.seeds import ACME, GLOBEX, KEYRING
from tests.sending import ALL_SCOPES, DEALS, OLD_NEWS, REVENUE, SALES, WINS, Sending

JOIN, INFO = "conversations.join", "conversations.info"


def reconciler(line: Sending) -> Reconciler:
    return Reconciler(database=line.database, slack=line.slack(), keyring=KEYRING, now=line.clock.now)


async def known(line: Sending, workspace: str = ACME) -> dict[str, Channel]:
    async with line.database.read() as session:
        return await channel.known(session, workspace)


async def grant(line: Sending, workspace: str = ACME) -> Installation:
    async with line.database.read() as session:
        found = await installation.get(session, workspace)
    assert found is not None
    return found


async def test_a_token_that_was_revoked_while_nobody_listened_stops_the_sending(line: Sending) -> None:
    await line.install()
    await line.install(GLOBEX)
    await line.sandbox.state.revoke(line.app, ACME)
    await reconciler(line).reconcile()
    assert (await grant(line)).revoked_because == "token_revoked"
    assert (await grant(line, GLOBEX)).revoked_at is None


@pytest.mark.parametrize("fault", ["http_500", "drop_request", "limit"])
async def test_a_question_without_an_answer_revokes_nothing(line: Sending, fault: str) -> None:
    await line.ready()
    line.fault(fault, method="auth.test")
    await reconciler(line).reconcile()
    assert (await grant(line)).revoked_at is None
    assert line.calls(INFO) == []


async def test_a_new_token_is_not_revoked_for_what_was_said_of_the_old_one(line: Sending) -> None:
    await line.install()
    earlier = line.slack()

    class Late(type(earlier)):  # type: ignore[misc]
        """Answers after the workspace has installed us anew."""

        async def check(self, token: str) -> None:
            await line.sandbox.state.revoke(line.app, ACME)
            await line.install()
            await super().check(token)

    late = Late(line.http, base_url=f"{line.sandbox.url}/api/")
    await Reconciler(database=line.database, slack=late, keyring=KEYRING, now=line.clock.now).reconcile()
    assert (await grant(line)).revoked_at is None


async def test_channels_are_known_again_as_they_are_now(line: Sending) -> None:
    await line.ready(REVENUE, OLD_NEWS, DEALS)
    line.sandbox.state.channels[OLD_NEWS].is_archived = False
    line.sandbox.state.channels[REVENUE].name = "renamed"
    bot = line.sandbox.state.bot(line.app.id, ACME)
    assert bot is not None
    line.sandbox.state.channels[DEALS].members.remove(bot.id)
    await reconciler(line).reconcile()
    found = await known(line)
    assert (found[REVENUE].name, found[OLD_NEWS].is_archived, found[DEALS].is_member) == ("renamed", False, False)


async def test_what_waits_goes_out_once_a_lost_event_is_made_up_for(line: Sending) -> None:
    await line.ready()
    line.sandbox.state.channels[REVENUE].is_archived = True
    await line.move()
    for _ in range(5):
        await line.run(seconds=600)
    await reconciler(line).reconcile()
    line.sandbox.state.channels[REVENUE].is_archived = False
    await reconciler(line).reconcile()
    await line.run(seconds=2)
    assert [one.state for one in await line.ledger()] == ["delivered"]


async def of_organisation(line: Sending) -> None:
    """Install for the organisation of Acme and Globex, which lets us into Acme."""
    people.found_organisation(line.sandbox.state)
    granted = line.sandbox.state.install_organisation(line.app, people.UMBRELLA, people.WES, list(ALL_SCOPES))
    await line.sandbox.state.grant_access(line.app, people.UMBRELLA, [ACME])
    await seeds.install_organisation(line.database, ACME, token=granted.token)


async def test_workspaces_that_an_organisation_added_and_took_away_unheard_are_known_an_hour_later(
    line: Sending,
) -> None:
    await of_organisation(line)
    slack = line.sandbox.state
    await slack.revoke_access(line.app, people.UMBRELLA, [ACME])
    await slack.grant_access(line.app, people.UMBRELLA, [GLOBEX])
    await reconciler(line).reconcile()
    assert (await grant(line)).revoked_because == "team_access_revoked"
    assert ((await grant(line, GLOBEX)).revoked_at, (await grant(line, GLOBEX)).is_org_wide) == (None, True)
    assert (await guests(line, GLOBEX), len(line.calls("users.list"))) == (set(), 1)
    async with line.database.read() as session:
        assert [one.name for one in await workspace.every(session)] == ["T0Acme", "Globex"]

    await slack.uninstall_organisation(line.app, people.UMBRELLA)
    await reconciler(line).reconcile()
    assert (await grant(line, GLOBEX)).revoked_because == "account_inactive"
    async with line.database.read() as session:
        assert await organisation.active(session) == []


async def test_a_silent_slack_ends_no_organisation(line: Sending) -> None:
    await of_organisation(line)
    line.fault("http_500", method="auth.teams.list")
    await reconciler(line).reconcile()
    assert (await grant(line)).revoked_at is None
    async with line.database.read() as session:
        assert len(await organisation.active(session)) == 1


async def test_one_channel_that_can_t_be_asked_about_stops_no_other(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    line.sandbox.state.channels[WINS].name = "renamed"
    line.fault("http_500", method=INFO, channel=REVENUE)
    await reconciler(line).reconcile()
    assert (await known(line))[WINS].name == "renamed"


async def test_chosen_public_channels_are_joined_and_each_workspace_keeps_to_its_own(line: Sending) -> None:
    await line.install()
    await line.install(GLOBEX)
    await line.destination(REVENUE, WINS)
    await line.destination(SALES, workspace=GLOBEX)
    for here, places in ((ACME, (REVENUE, WINS)), (GLOBEX, (SALES,))):
        for place in places:
            async with line.database.write() as session:
                await channel.remember(session, here, {"id": place, "name": place}, now=line.clock.now())
    line.fault("error", method=JOIN, channel=REVENUE, code="is_archived", times=1)
    await reconciler(line).join_chosen()
    joined = {(one.workspace_id, one.args["channel"]) for one in line.calls(JOIN)}
    assert joined == {(ACME, REVENUE), (ACME, WINS), (GLOBEX, SALES)}
    assert ((await known(line))[REVENUE].is_member, (await known(line))[WINS].is_member) == (False, True)


async def test_old_events_are_forgotten(line: Sending) -> None:
    async with line.database.write() as session:
        await slack_event.is_first(session, ACME, "Ev1", now=line.clock.now())
    line.clock.turn(3 * 24 * 3600)
    await reconciler(line).reconcile()
    async with line.database.read() as session:
        assert not await slack_event.is_known(session, ACME, "Ev1")


async def guests(line: Sending, workspace_id: str = ACME) -> set[str]:
    async with line.database.read() as session:
        return await person.guests(session, workspace_id)


async def test_guests_are_listed_after_an_installation_once_and_then_with_every_reconciling(line: Sending) -> None:
    await line.install()
    await line.install(GLOBEX)
    for _ in range(2):
        await reconciler(line).list_new_guests()
    assert len(line.calls("users.list")) == 2
    assert (await guests(line), await guests(line, GLOBEX)) == ({GUS}, set())

    line.sandbox.state.people[GUS].is_restricted = False
    await reconciler(line).reconcile()
    assert await guests(line) == set()


async def test_guests_that_could_not_be_listed_are_listed_later(line: Sending) -> None:
    await line.install()
    line.fault("http_500", method="users.list", times=1)
    await reconciler(line).list_new_guests()
    assert await guests(line) == set()
    await reconciler(line).list_new_guests()
    assert await guests(line) == {GUS}


async def test_managers_are_known_with_the_address_to_write_to(line: Sending) -> None:
    await line.install()
    async with line.database.write() as session:
        await person.name_managers(session, ACME, [DANA], by=ADA, now=line.clock.now())
    await reconciler(line).reconcile()
    async with line.database.read() as session:
        found = await person.get(session, ACME, DANA)
    assert found is not None
    assert found.email == "dana@acme.com"


async def test_a_recap_of_ones_own_ends_though_nobody_told_that_its_person_left(line: Sending) -> None:
    await line.install()
    async with line.database.write() as session:
        dana = await person.remember(session, ACME, {"id": DANA, "name": "dana"}, now=line.clock.now())
        await personal.choose(session, dana, now=line.clock.now())
    line.sandbox.state.people[DANA].deleted = True
    await reconciler(line).reconcile()
    async with line.database.read() as session:
        assert await personal.of_person(session, ACME, DANA) is None
