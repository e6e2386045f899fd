"""A planted secret appears in no log, page, answer, message or database dump, whatever happens.

Nor does what is said of people stand in any log, in what is measured, in an answer to a source or on an error page.
"""

import json
from typing import Any

import pytest
from sqlalchemy import select

from bot import logs
from bot.sandbox.people import ACME, REVENUE, WINS
from bot.vendors.chartmogul import API_KEY, ChartMogulServer, chartmogul_server
from models import event, poll, source, tables
from models.database import Database
from models.event import EventState, NewEvent
from models.source import SourceKind
from tests.stage import Stage, staged

OPENED = {"type": "app_home_opened", "user": "U0ADA", "channel": "D1", "tab": "home"}
CLIENT_SECRET, SIGNING_SECRET = "planted-client-secret-5c1f", "planted-signing-secret-9e2d"
SMTP_PASSWORD = "planted-smtp-password-77aa"
FAILING = ["views.publish", "views.open", "conversations.info", "chat.postMessage", "oauth.v2.access", "users.info"]


ADA, DANA = "Adaplanted Lovelace", "Danaplanted Reyes"
PEOPLE = [ADA, DANA, "Lovelace", "ada@planted.example", "dana@planted.example", "+49 30 5550", "planted-user-id"]


async def speak_of_people(stage: Stage, server: ChartMogulServer) -> list[str]:
    """Say all sorts of things about people, well and badly; answer what sources and whoever scrapes got to read."""
    _, webhook = await stage.add_source(name="People")
    _, segment = await stage.add_source(kind=SourceKind.SEGMENT, name="Product")
    polled, _ = await stage.add_source(kind=SourceKind.CHARTMOGUL, name="ChartMogul")
    ada = {"user_id": "planted-user-id", "email": "ada@planted.example", "name": ADA, "phone": "+49 30 5550"}
    at = {"account": {"external_id": "planted", "name": "Planted"}}
    hired = {"type": "signal", "kind": "new_hire", "person": ADA, "occurred_at": stage.clock.now().isoformat(), **at}
    owner = {"type": "role", "role": "owner", "email": "dana@planted.example", "name": DANA, **at}
    told = [{"type": "contact", **ada}, owner, hired, {"type": "contact", **ada, "title": 7}, hired | {"person": [ADA]}]
    identify = {
        "type": "identify",
        "userId": "planted-user-id",
        "traits": {"email": "ada@planted.example", "name": ADA},
    }
    sent = [
        (webhook, told[0]), (webhook, told), (segment, [identify, identify | {"userId": None}]),
        (segment, [identify | {"traits": {"name": ADA * 400}}]),
    ]  # fmt: skip
    answers = [await stage.post(url, json.dumps(body).encode(), kind="application/json") for url, body in sent]
    await poll_of_people(stage, server, polled)
    await fail_to_apply(stage, polled)
    answers += [await stage.get(path) for path in ("/metrics", f"/reports/{ADA}", f"/previews/{ADA}.png", f"/in/{ADA}")]
    return [one.text for one in answers]


async def poll_of_people(stage: Stage, server: ChartMogulServer, source_id: str) -> None:
    server.add_customer(name=ADA, email="ada@planted.example", owner="dana@planted.example")
    server.add_activity("act_1", date="2024-11-16T08:59:00+00:00", type="merge", customer_name=ADA)
    async with stage.database.write() as session:
        found = await source.get(session, ACME, source_id)
        await poll.connect(
            session, found, credentials=API_KEY, keyring=stage.keyring, by="U0ADA", now=stage.clock.now()
        )


async def fail_to_apply(stage: Stage, source_id: str) -> None:
    """Store what no sender would let in, and wait until it can't be applied."""
    fact = {"type": "contact", "user_id": "planted-user-id", "name": [ADA], ADA: "ada@planted.example"}
    now = stage.clock.now()
    broken = NewEvent(
        workspace_id=ACME, source_id=source_id, kind="contact", dedupe_key="broken", occurred_at=now, received_at=now,
        facts=[fact],
    )  # fmt: skip
    async with stage.database.write() as session:
        await event.store(session, [broken])
    await stage.until(lambda: is_refused(stage, "broken"))
    await stage.until(lambda: is_refused(stage, None))


async def is_refused(stage: Stage, key: str | None) -> bool:
    """Say whether an event was refused: the one with this key, or without one, what was polled."""
    async with stage.database.read() as session:
        refused = await event.of_workspace(session, ACME, state=EventState.REFUSED)
    return any(one.dedupe_key == key if key else one.refused_field == "type" for one in refused)


async def live(stage: Stage) -> list[str]:
    """Do everything, well and badly; answer what pages, sources and Slack got to read."""
    seen: list[str] = []
    refused = await stage.dana.install(stage.url)
    installed = await stage.ada.install(stage.url)
    seen += [refused.html, installed.html, str(await stage.home())]
    _, webhook = await stage.add_source()
    _, segment = await stage.add_source(kind=SourceKind.SEGMENT, name="Segment")
    await stage.add_destination(channels=[REVENUE, WINS])
    await stage.move(webhook)
    await stage.ada.message(REVENUE, containing="Northwind")
    for fault in ("error", "http_500", "drop_request"):
        for method in FAILING:
            await stage.browser.fault(fault, method=method)
        await stage.event(OPENED)
        seen += [(await stage.ada.run("/mrr new", channel=REVENUE)).words, (await stage.ada.install(stage.url)).html]
        await stage.command(f"list {webhook} {stage.token()}")
        await stage.move(webhook, f"Account {fault}")
        await stage.browser.clear_faults()
    await stage.post(f"{stage.url}/slack/events", f"text={stage.token()}".encode(), kind="text/plain")

    key, other_key = (url.rpartition("/")[2] for url in (webhook, segment))
    planted = {"type": "movement", "token": stage.token(), "note": f"{stage.token()} {key}", "id": "planted"}
    for changes in ({"amount_minor": stage.token()}, {"kind": key}, planted | {"currency": "none"}):
        seen.append((await stage.try_to_move(webhook, "Planted", **changes)).text)
    basic = {"Authorization": f"Bearer {key}"}
    for body in (b"{", b"[]", f'{{"writeKey":"{other_key}x"}}'.encode()):
        sent = await stage.post(f"{stage.url}/v1/track", body, kind="application/json", headers=basic)
        seen += [sent.text, (await stage.post(webhook, body, kind="application/json")).text]
        seen.append((await stage.post(f"{webhook}x", body, kind="application/json")).text)
    for path in ("/", "/setup/checklist.json", "/healthz", "/readyz", f"/in/{key}", "/nowhere", "/static/pages.css"):
        seen.append((await stage.get(path)).text)
        seen.append((await stage.get(path, headers={"Accept": "application/json"})).text)
    seen.append(str(await stage.dana.sees()))
    await stage.browser.control("uninstall", workspace=ACME)
    await stage.sandbox.outbound.settled()
    seen += [str(await stage.browser.stored(ACME, channel)) for channel in (REVENUE, WINS)]
    return seen


def planted_in(stage: Stage, webhooks: list[str]) -> dict[str, str]:
    keys = {f"a source's key {number}": key for number, key in enumerate(webhooks)}
    tokens = {f"a bot token {number}": token for number, token in enumerate(stage.slack.tokens)}
    codes = {f"an OAuth code {number}": code for number, code in enumerate(stage.slack.codes)}
    secret_keys = {"the secret key": stage.settings.secret_keys[0].get_secret_value()}
    settings = {
        "the client secret": CLIENT_SECRET,
        "the signing secret": SIGNING_SECRET,
        "the mail server's password": SMTP_PASSWORD,
        "ChartMogul's API key": API_KEY,
    }
    return keys | tokens | codes | secret_keys | settings


async def dumped(database: Database) -> str:
    async with database.read() as session:
        rows = [(await session.execute(select(table))).all() for table in tables.metadata.sorted_tables]
    return str(rows)


async def keys(stage: Stage) -> list[str]:
    async with stage.database.read() as session:
        sealed: Any = await session.scalars(select(tables.metadata.tables["sources"].c.key_sealed))
        return [stage.keyring.open(one) for one in sealed]


@pytest.mark.usefixtures("own_logging")
async def test_no_planted_secret_leaves_the_place_where_it_belongs(
    database: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(level="debug", log_format="json" if database.is_sqlite else "text")
    async with (
        chartmogul_server() as server,
        staged(
            database_url,
            chartmogul_api_url=server.url,
            keeps_logs=False,
            slack_client_secret=CLIENT_SECRET,
            slack_signing_secret=SIGNING_SECRET,
            smtp_url=f"smtp://runrate:{SMTP_PASSWORD}@127.0.0.1:9?starttls=no",
        ) as stage,
    ):
        await stage.install()
        public = await speak_of_people(stage, server)
        seen = [*public, *await live(stage)]
        secrets = planted_in(stage, await keys(stage))
        dump = await dumped(stage.database)
    output = capsys.readouterr()
    assert output.err.count("event_not_applied") == 1
    assert output.err.count("\n") > 10
    assert len(secrets) >= 9
    for name, secret in secrets.items():
        assert secret not in output.err, f"{name} is in the logs"
        assert secret not in output.out, f"{name} was printed"
        assert secret not in dump, f"{name} is in the database"
        assert not [text for text in seen if secret in text], f"{name} was shown"
    assert "planted" in dump  # The refused record is kept, without what was secret in it.
    for word in PEOPLE:
        assert word not in output.err, f"{word} is in the logs"
        assert word not in output.out, f"{word} was printed"
        assert not [text for text in public if word in text], f"{word} was shown to a source"
    assert ADA in dump
