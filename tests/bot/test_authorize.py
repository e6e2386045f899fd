"""Who is answered with which token: known from our own table, remembered for a minute, forgotten when it changes."""

from datetime import datetime, timedelta

import pytest
from slack_bolt.async_app import AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult

from bot.app import Runrate
from bot.authorize import Authorizer
from bot.sandbox.people import ACME, ADA, GLOBEX
from models import installation
from models.database import Database
from models.installation import Grant
from models.secret import Keyring
from models.wakeup import Topic
from tests.stage import Stage, free_port

OPENED = {"type": "app_home_opened", "user": ADA, "channel": "D1", "tab": "home"}
KEYRING = Keyring([Keyring.new_key()])


class Time:
    """A clock that stands until it is turned."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


async def install(database: Database, token: str, *, now: datetime, workspace: str = ACME) -> None:
    grant = Grant(
        workspace_id=workspace,
        workspace_name="Acme",
        enterprise_id=None,
        app_id="A1",
        bot_id="B1",
        bot_user_id="U1",
        token=token,
        scopes=["chat:write"],
        installed_by=ADA,
    )
    async with database.write() as session:
        await installation.save(session, grant, keyring=KEYRING, now=now)


async def ask(authorizer: Authorizer, workspace: str | None = ACME) -> AuthorizeResult | None:
    return await authorizer(context=AsyncBoltContext(), enterprise_id=None, team_id=workspace, user_id=ADA)


async def token(authorizer: Authorizer) -> str | None:
    result = await ask(authorizer)
    return result.bot_token if result is not None else None


async def test_a_workspace_is_answered_with_its_own_token_and_an_unknown_one_with_nothing(
    database: Database, now: datetime
) -> None:
    authorizer = Authorizer(database=database, keyring=KEYRING, now=lambda: now)
    await install(database, "xoxb-acme", now=now)
    result = await ask(authorizer)
    assert result is not None
    assert (result.bot_token, result.bot_user_id, result.bot_id, result.team_id) == ("xoxb-acme", "U1", "B1", ACME)
    assert result.bot_scopes == ["chat:write"]
    assert await ask(authorizer, GLOBEX) is None
    assert await ask(authorizer, None) is None


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_an_answer_is_remembered_for_a_minute_and_that_slack_called_is_noted(
    database: Database, now: datetime
) -> None:
    time = Time(now)
    authorizer = Authorizer(database=database, keyring=KEYRING, now=time)
    await install(database, "xoxb-1", now=now)
    assert await token(authorizer) == "xoxb-1"
    async with database.write() as session:  # A change of which no wake-up tells.
        grant = await installation.get(session, ACME)
        assert grant is not None
        grant.token_sealed = KEYRING.seal("xoxb-2")
    time.now += timedelta(seconds=59)
    assert await token(authorizer) == "xoxb-1"
    time.now += timedelta(seconds=1)
    assert await token(authorizer) == "xoxb-2"
    async with database.read() as session:
        grant = await installation.get(session, ACME)
    assert grant is not None
    assert grant.last_request_at == now + timedelta(minutes=1)


async def test_what_is_remembered_is_forgotten_at_a_reinstall(database: Database, now: datetime) -> None:
    authorizer = Authorizer(database=database, keyring=KEYRING, now=lambda: now)
    await install(database, "xoxb-1", now=now)
    assert await token(authorizer) == "xoxb-1"
    for number in (2, 3):
        await install(database, f"xoxb-{number}", now=now)
        assert await token(authorizer) == f"xoxb-{number}"


async def test_an_answer_that_a_reinstall_overtook_is_not_remembered(database: Database, now: datetime) -> None:
    """The token is read, and before it is remembered, the workspace is installed again."""

    class Overtaken(Keyring):
        def open(self, sealed: str) -> str:
            database.wakeups._marks[Topic.INSTALLATIONS] += 1
            return KEYRING.open(sealed)

    authorizer = Authorizer(database=database, keyring=Overtaken([Keyring.new_key()]), now=lambda: now)
    await install(database, "xoxb-1", now=now)
    assert await token(authorizer) == "xoxb-1"
    async with database.write() as session:
        grant = await installation.get(session, ACME)
        assert grant is not None
        grant.token_sealed = KEYRING.seal("xoxb-2")
    assert await token(authorizer) == "xoxb-2"


async def test_slack_is_not_asked_who_we_are_at_each_request(acme: Stage) -> None:
    before = await acme.called("auth.test")
    for _ in range(5):
        assert (await acme.event(OPENED)).status == 200
    # The worker's own check at its start may fall in between.
    assert await acme.called("auth.test") - before <= 1
    assert await acme.called("views.publish") == 5


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_token_that_none_of_the_keys_opens_is_said_with_what_to_do(acme: Stage) -> None:
    async with acme.database.write() as session:
        grant = await installation.get(session, ACME)
        assert grant is not None
        grant.token_sealed = KEYRING.seal("xoxb-sealed-with-another-key")
    answer = await acme.command("list")
    assert answer.json["text"].startswith("A stored secret can't be read. Add the key that it was written with")
    assert (await acme.event(OPENED)).status == 500


@pytest.mark.parametrize("engine_name", ["postgresql"])
async def test_a_reinstall_is_known_at_once_in_another_process(acme: Stage) -> None:
    """The second server knows of it by PostgreSQL's NOTIFY alone."""
    port = free_port()
    other = Runrate(acme.settings.model_copy(update={"port": port}), now=acme.clock.now, works=False)
    await other.start()
    try:
        body = b'{"type":"event_callback","team_id":"T0ACME","event_id":"Ev%d","event_time":1,"event":'
        body += b'{"type":"app_home_opened","user":"U0ADA","channel":"D1","tab":"home"}}'
        url = f"http://127.0.0.1:{port}/slack/events"
        assert (await acme.slack_sends(body % 1, kind="application/json", url=url)).status == 200
        await acme.browser.control("uninstall", workspace=ACME)
        await acme.sandbox.outbound.settled()
        await acme.install()

        async def is_answered() -> bool:
            return (await acme.slack_sends(body % 2, kind="application/json", url=url)).status == 200

        await acme.until(is_answered)
    finally:
        await other.stop()
