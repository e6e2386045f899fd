"""`runrate doctor`: what is set up, what isn't, and what to do about it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import click
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.cli import console
from bot.cli.console import DatabaseUnreachableError
from bot.cli.options import example, json_option
from bot.cli.output import counted, plain, print_json
from bot.settings import Settings
from handlers import checklist
from handlers.checklist import WORDS, Item, State
from models import balance, installation, migrations, scope, workspace
from models.balance import DeliverySums, EventSums
from models.base import UserError
from models.database import Database
from models.delivery import OPEN, DeliveryState
from models.event import EventState
from models.installation import Installation
from models.migrations import Standing
from models.secret import SecretUnreadableError
from models.workspace import Workspace
from scheduler.decisions import Class, answer_of, decide

TIMEOUT = 10
"""Seconds for one call to Slack."""


class ProblemsError(UserError):
    """Something needs you."""


@dataclass(frozen=True)
class Check:
    """One thing that was checked, in the installation as a whole or in one workspace."""

    item: Item
    workspace: Workspace | None = None

    def as_json(self) -> dict[str, Any]:
        """Give it as `runrate doctor --json` prints it."""
        item = self.item
        return {
            "check": item.key,
            "title": item.title,
            "workspace": self.workspace.id if self.workspace else None,
            "state": item.state,
            "sentence": item.sentence,
            "fix": item.fix or None,
        }


@dataclass(frozen=True)
class Tenant:
    """A workspace, its grant, and its token where it can be read."""

    workspace: Workspace
    grant: Installation | None
    token: str | None


@click.command(epilog=example("runrate doctor", "runrate doctor --json"))
@json_option
def doctor(*, as_json: bool) -> None:
    """Check the settings, the database, and each workspace's token and permissions at Slack.

    It changes nothing. The exit code is 1 where something needs you.
    """
    settings = console.read_settings()
    checks = asyncio.run(_check(settings))
    problems = sum(check.item.state is State.PROBLEM for check in checks)
    if as_json:
        print_json({"ok": not problems, "checks": [check.as_json() for check in checks]})
    else:
        _print(checks)
    if problems:
        raise ProblemsError(f"{counted(problems, 'thing')} {'needs' if problems == 1 else 'need'} you.")


async def _check(settings: Settings) -> list[Check]:
    checks = [Check(_settings(settings)), *([Check(_keys(settings))] if settings.secret_keys else [])]
    database = console.make_database(settings)
    try:
        standing = await _standing(database)
        checks.append(Check(standing))
        tenants = await _tenants(database, settings) if standing.state is State.OK else []
        checks += [Check(item) for item in (await _ledger(database) if standing.state is State.OK else [])]
    finally:
        await database.close()
    if standing.state is State.OK and not tenants:
        checks.append(Check(_none_installed(settings)))
    checks += [check async for check in _ask_slack(settings, tenants)]
    return checks


def _settings(settings: Settings) -> Item:
    if not settings.missing:
        return _item("settings", State.OK, f"Everything is set. Slack reaches Runrate at {settings.address}.")
    names = ", ".join(settings.missing)
    fix = "Set them in the environment or in .env; the set-up page of runrate serve says where Slack shows them."
    return _item("settings", State.PROBLEM, f"Nobody can install before these are set: {names}.", fix)


def _keys(settings: Settings) -> Item:
    try:
        console.make_keyring(settings)
    except UserError as error:
        sentence, _, fix = str(error).partition(". ")
        return _item("keys", State.PROBLEM, f"{sentence}.", fix)
    return _item("keys", State.OK, f"Secrets are encrypted; {counted(len(settings.secret_keys), 'key')} can read them.")


async def _standing(database: Database) -> Item:
    where = console.place(database.url)
    try:
        async with console.reaching(database):
            standing = await migrations.standing(database)
    except DatabaseUnreachableError as error:
        return _item("database", State.PROBLEM, str(error))
    match standing:
        case Standing.NEWEST:
            return _item("database", State.OK, f"The database at {where} answers, and is up to date.")
        case Standing.NEWER:
            sentence, fix = (
                f"The database at {where} was made by a newer Runrate.",
                "Install that version, or a later one.",
            )
            return _item("database", State.PROBLEM, sentence, fix)
        case Standing.EMPTY:
            sentence = f"There is nothing in the database at {where} yet."
            return _item("database", State.WAITING, sentence, "Start Runrate with: runrate serve")
        case Standing.OLDER:
            sentence = f"The database at {where} is older than this Runrate."
            return _item("database", State.PROBLEM, sentence, "Bring it up to date with: runrate db upgrade")


def _none_installed(settings: Settings) -> Item:
    fix = f"Start Runrate, open {settings.address} and press “Add to Slack”."
    return _item("workspace", State.WAITING, "No workspace has installed Runrate yet.", fix)


async def _tenants(database: Database, settings: Settings) -> list[Tenant]:
    async with database.read() as session:
        grants = {grant.workspace_id: grant for grant in await installation.every(session)}
        workspaces = await workspace.every(session)
    return [Tenant(one, grants.get(one.id), _token(grants.get(one.id), settings)) for one in workspaces]


async def _ledger(database: Database) -> list[Item]:
    """Ask whether every event and every delivery is accounted for."""
    async with database.read() as session:
        return [_events(await balance.events(session)), _deliveries(await balance.deliveries(session))]


def _events(sums: EventSums) -> Item:
    applied, refused, waiting = (
        sums.by_state.get(state, 0) for state in (EventState.APPLIED, EventState.REFUSED, EventState.WAITING)
    )
    sentence = (
        f"{counted(sums.received, 'event')} received = {applied:,} applied + "
        f"{sums.duplicate:,} duplicate + {refused:,} refused + "
        f"{waiting:,} waiting."
    )
    return _balanced("events", sentence, is_balanced=sums.is_balanced)


def _deliveries(sums: DeliverySums) -> Item:
    sentence = (
        f"{counted(sums.owed, 'delivery', 'deliveries')} owed = {sums.of(DeliveryState.DELIVERED):,} delivered + "
        f"{sums.of(DeliveryState.SKIPPED):,} skipped + {sums.of(DeliveryState.FAILED):,} failed + "
        f"{sums.of(*OPEN):,} open."
    )
    return _balanced("deliveries", sentence, is_balanced=sums.is_balanced)


def _balanced(key: str, sentence: str, *, is_balanced: bool) -> Item:
    if is_balanced:
        return _item(key, State.OK, sentence)
    return _item(
        key,
        State.PROBLEM,
        f"The ledger doesn't add up: {sentence}",
        "This is a fault in Runrate. Please report it with these figures.",
    )


def _token(grant: Installation | None, settings: Settings) -> str | None:
    if grant is None or not settings.secret_keys:
        return None
    try:
        return console.make_keyring(settings).open(grant.token_sealed)
    except UserError:
        return None


async def _ask_slack(settings: Settings, tenants: list[Tenant]) -> AsyncIterator[Check]:
    """Ask Slack about itself, and then about each workspace."""
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(base_url=settings.slack_api_url, session=session, timeout=TIMEOUT, retry_handlers=[])
        try:
            answer = await client.api_test()
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
            yield Check(_slack_unreachable(settings, error))
            return
        yield Check(_item("slack", State.OK, f"Slack answers at {settings.slack_api_url}."))
        yield Check(checklist.clock(checklist.skew_from_date(_header(answer, "Date"), now=datetime.now(UTC))))
        for tenant in tenants:
            for item in await _tenant(client, tenant):
                yield Check(item, tenant.workspace)


def _slack_unreachable(settings: Settings, error: Exception) -> Item:
    sentence = f"Slack doesn't answer at {settings.slack_api_url} ({answer_of(error)})."
    return _item("slack", State.PROBLEM, sentence, "Let this machine reach that address over HTTPS.")


async def _tenant(client: AsyncWebClient, tenant: Tenant) -> list[Item]:
    name, grant = tenant.workspace.name, tenant.grant
    if grant is None or grant.revoked_at is not None:
        since = f" on {grant.revoked_at:%-d %B %Y}" if grant and grant.revoked_at else ""
        sentence = f"{name} removed Runrate{since}; nothing is sent there."
        return [_item("token", State.WAITING, sentence, "Install it again from the set-up page, if that is wanted.")]
    if tenant.token is None:
        return [_item("token", State.PROBLEM, f"The token of {name} can't be read.", str(SecretUnreadableError()))]
    try:
        answer = await client.auth_test(token=tenant.token)
    except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
        return [_token_refused(name, error)]
    granted = scope.parse(_header(answer, "x-oauth-scopes")) or set(grant.scopes)
    return [_item("token", State.OK, f"Slack accepts the token of {name}."), checklist.scopes(granted)]


def _token_refused(name: str, error: Exception) -> Item:
    decision = decide(error, now=datetime.now(UTC))
    refused = isinstance(error, SlackApiError) and decision.what is Class.HOLD
    sentence = f"Slack {'refuses' if refused else 'could not check'} the token of {name} ({answer_of(error)})."
    return _item(
        "token", State.PROBLEM, sentence, decision.fix if refused and decision.fix else "Try again in a minute."
    )


def _header(answer: AsyncSlackResponse, name: str) -> str:
    """Read a header of Slack's answer, whatever the case of its name."""
    return next((value for key, value in answer.headers.items() if key.lower() == name.lower()), "")


def _item(key: str, state: State, sentence: str, fix: str = "") -> Item:
    return Item(key, key.capitalize(), state, sentence, fix)


def _print(checks: list[Check]) -> None:
    """Print the checks in columns, those of each workspace under its name."""
    word, title = max(map(len, WORDS.values())), max(len(check.item.title) for check in checks)
    for tenant, of_tenant in itertools.groupby(checks, key=lambda check: check.workspace):
        if tenant is not None:
            click.echo(click.style(f"\n{plain(tenant.name)} ({tenant.id})", bold=True))
        for check in of_tenant:
            item = check.item
            click.echo(f"{item.word:<{word}}  {item.title:<{title}}  {plain(item.sentence, widest=None)}")
            if item.fix:
                click.echo(f"{'':<{word}}  {'':<{title}}  → {item.fix}")
