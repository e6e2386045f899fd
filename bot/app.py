"""The composition root: every part is made here, once, and handed to those that need it."""

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot import manifest
from bot.authorize import Authorizer
from bot.events import Events
from bot.oauth import Oauth
from bot.settings import Settings
from bot.signin import SIGN_IN_PATH, SignIn
from bot.sources import Sources
from handlers import checklist, health, metrics, pages, reference, slack
from handlers.checklist import Checklist, Item
from handlers.desk import Desk
from handlers.gate import Gate
from handlers.intake import Intake
from handlers.pages import SetupPage
from handlers.pictures import Pictures
from handlers.previews import Previews
from handlers.recaps import Recaps
from handlers.reports import Reports
from handlers.senders import hubspot, polled, records, salesforce, stripe_polled
from handlers.senders.stripe import EVENTS
from models import crm, installation, locale, migrations
from models.database import Database, is_passing
from models.inbox import Inbox
from models.installation import Installation
from models.secret import Keyring
from models.source import SourceKind
from scheduler.pollers.chartmogul import ChartMogulAdapter
from scheduler.pollers.chartmogul_api import ChartMogul
from scheduler.pollers.crm import CrmAdapter
from scheduler.pollers.hubspot_api import HubSpot
from scheduler.pollers.poller import Adapter, Poller
from scheduler.pollers.salesforce_api import Salesforce
from scheduler.pollers.stripe import StripeAdapter
from scheduler.pollers.stripe_api import Stripe
from scheduler.slack import TIMEOUT, Slack
from scheduler.worker import Worker

log = structlog.get_logger()

MOST_BYTES = 8 * 1024 * 1024
"""The largest body that is read at all; what a call may hold is checked where it is read."""

NOT_INSTALLED = "Runrate isn't installed in this workspace any more. An admin can install it again: {address}"
"""What a person reads whose workspace Slack still knows, and we don't."""


def system_clock() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


class Runrate:
    """The product in one process: the web part, the worker, or both."""

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime] = system_clock,
        serves_web: bool = True,
        works: bool = True,
    ) -> None:
        """Take the settings; nothing is opened before `start()`."""
        self._settings = settings
        self._now = now
        self._serves_web = serves_web
        self._works = works
        self.database = Database(settings.database_url)
        keys = [key.get_secret_value() for key in settings.secret_keys]
        self.keyring = Keyring(keys) if keys else None
        self._inbox = Inbox(self.database)
        self._pictures = Pictures()
        self._session: aiohttp.ClientSession | None = None
        self._worker: Worker | None = None
        self.worker_name: str | None = None
        """The name under which this process's worker leases lanes; None while none runs."""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Open the database at its newest revision and start the parts."""
        await migrations.upgrade(self.database)
        await self.database.start()
        # How many calls are under way is the dispatcher's to say: one that waited here would lose of its time limit.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=TIMEOUT)
        )
        if self._serves_web:
            await self._start_web(self._session)
        if self._works:
            await self.start_worker()
        log.info("started", web=self._serves_web, worker=self._worker is not None)

    async def stop(self) -> None:
        """Take no more requests, finish what is in flight, and close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
            await self._inbox.close()
            self._pictures.stop()
        if self._worker is not None:
            await self._worker.stop()
        if self._session is not None:
            await self._session.close()
        await self.database.close()
        log.info("stopped")

    async def start_worker(self) -> None:
        """Start a worker, under a name that no other had; without a keyring there is nothing that it could do."""
        if self.keyring is None or self._session is None:
            return
        slack_api = Slack(self._session, base_url=self._settings.slack_api_url)
        self.worker_name = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(2)}"
        self._worker = Worker(
            database=self.database,
            slack=slack_api,
            keyring=self.keyring,
            public_url=self._settings.address,
            now=self._now,
            owner=self.worker_name,
            mail_server=self._settings.mail_server,
            events_kept=timedelta(days=self._settings.event_retention_days),
            pollers=[self._poller(self._session, self.keyring).poll_due],
        )
        await self._worker.start()

    def _poller(self, session: aiohttp.ClientSession, keyring: Keyring) -> Poller:
        """Make what polls each kind of source that has an API to ask."""
        chartmogul = ChartMogul(session, base_url=self._settings.chartmogul_api_url)
        of_salesforce = Salesforce(session, now=self._now, login_url=self._settings.salesforce_login_url)
        of_hubspot = HubSpot(session, base_url=self._settings.hubspot_api_url)
        stripe = Stripe(session, base_url=self._settings.stripe_api_url)
        adapters: dict[str, Adapter] = {
            SourceKind.CHARTMOGUL: ChartMogulAdapter(database=self.database, api=chartmogul, reader=polled),
            SourceKind.SALESFORCE: CrmAdapter(
                load=crm.load_salesforce, ask=of_salesforce.accounts, read=salesforce.read_account, reader=records
            ),
            SourceKind.HUBSPOT: CrmAdapter(
                load=crm.load_hubspot, ask=of_hubspot.companies, read=hubspot.read_company, reader=records
            ),
            SourceKind.STRIPE: StripeAdapter(database=self.database, api=stripe, reader=stripe_polled, kinds=EVENTS),
        }
        return Poller(database=self.database, adapters=adapters, keyring=keyring, now=self._now)

    async def kill_worker(self) -> None:
        """End the worker as `kill -9` would; what it was doing stays as the database has it."""
        worker, self._worker, self.worker_name = self._worker, None, None
        if worker is not None:
            await worker.kill()
            log.warning("worker_killed")

    async def _start_web(self, session: aiohttp.ClientSession) -> None:
        locale.usual()  # The first form would else be late on a busy machine: a listener has no time to read them all.
        await self._inbox.start()
        # No access log: a source's path holds its key. Bodies are inflated where they are read, up to a limit.
        self._runner = web.AppRunner(self._web(session), access_log=None, auto_decompress=False, shutdown_timeout=5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._settings.host, self._settings.port).start()

    def _web(self, session: aiohttp.ClientSession) -> web.Application:
        """Put the routes together."""
        app = web.Application(middlewares=[pages.answer_errors(is_unavailable=is_passing)], client_max_size=MOST_BYTES)
        events = self._events(session)
        oauth = Oauth(
            settings=self._settings, database=self.database, keyring=self.keyring, session=session, now=self._now
        )
        sources = Sources(database=self.database, keyring=self.keyring, now=self._now)
        intake = Intake(find_source=sources.find, inbox=self._inbox, now=self._now)
        app.add_routes([*oauth.routes(), *intake.routes(), *(events.routes() if events else [])])
        app.add_routes(self._report_routes(session))
        health.register(app, database=self.database.ping)
        metrics.register(app, database=self.database, now=self._now)

        async def show_setup(request: web.Request) -> SetupPage:
            return await self._setup_page(request, events)

        pages.register(app, setup=show_setup)
        reference.register(app, public_url=self._settings.address)
        return app

    def _events(self, session: aiohttp.ClientSession) -> Events | None:
        """Make the Bolt app with all its listeners; None while the settings for it are missing."""
        signing_secret = self._settings.slack_signing_secret.get_secret_value()
        if self.keyring is None or not signing_secret:
            return None
        authorizer = Authorizer(database=self.database, keyring=self.keyring, now=self._now)
        client = AsyncWebClient(base_url=self._settings.slack_api_url, session=session, retry_handlers=[])
        bolt = AsyncApp(
            name="runrate",
            signing_secret=signing_secret,
            authorize=authorizer,  # type: ignore[arg-type] # Bolt takes None for an unknown workspace.
            client=client,
            process_before_response=True,
            request_verification_enabled=False,  # `Events` has checked the signature before Bolt sees the request.
            user_facing_authorize_error_message=NOT_INSTALLED.format(address=self._settings.address),
        )
        slack.register(bolt, self._desk(self.keyring))
        return Events(bolt, signing_secret=signing_secret, now=self._now)

    def _desk(self, keyring: Keyring) -> Desk:
        return Desk(database=self.database, keyring=keyring, public_url=self._settings.address, now=self._now)

    def _report_routes(self, session: aiohttp.ClientSession) -> list[web.RouteDef]:
        """List the routes of reports, of recaps and of signing in; none while the settings for it are missing."""
        if self.keyring is None or self._settings.missing:
            return []
        settings, keyring = self._settings, self.keyring
        sign_in = SignIn(settings=settings, database=self.database, keyring=keyring, session=session, now=self._now)

        def client(token: str) -> AsyncWebClient:
            base_url = settings.slack_api_url
            return AsyncWebClient(token=token, base_url=base_url, session=session, retry_handlers=[])

        desk = self._desk(keyring)
        gate = Gate(desk, client=client, sign_in_path=SIGN_IN_PATH)
        parts = (sign_in, Reports(desk, gate), Recaps(desk, gate), Previews(desk, pictures=self._pictures))
        return [route for part in parts for route in part.routes()]

    @cached_property
    def _create_app_url(self) -> str:
        return manifest.deep_link(manifest.load(self._settings.address))

    async def _setup_page(self, request: web.Request, events: Events | None) -> SetupPage:
        """Gather what the set-up page shows."""
        async with self.database.read() as session:
            installed = await installation.every(session)
        heard = events.heard if events is not None else None
        address = self._settings.address
        is_visited = checklist.is_public_address(address, pages.visited_address(request))
        granted, heard_from = _judged(installed, refused_at=heard.refused_at if heard else None, now=self._now())
        return SetupPage(
            public_url=address,
            create_app_url=self._create_app_url,
            checklist=Checklist(
                address=checklist.address(address, reached=is_visited or bool(heard and heard.anything)),
                scopes=granted,
                events=heard_from,
                clock=checklist.clock(heard.skew if heard is not None else None),
            ),
            missing_settings=self._settings.missing,
            admins_only=self._settings.installers == "admins",
        )


def _judged(installed: Sequence[Installation], *, refused_at: datetime | None, now: datetime) -> tuple[Item, Item]:
    """Judge what was granted and whether Slack is heard: of the workspaces that have us, or else of those that had."""
    grants = [one for one in installed if one.revoked_at is None]
    last_event_at = max((one.last_request_at for one in grants or installed if one.last_request_at), default=None)
    if installed and not grants:
        lost = max(installed, key=lambda one: one.updated_at)
        return (
            checklist.scopes(None, lost_because=lost.revoked_because or ""),
            checklist.events(last_event_at, now=now, is_lost=True),
        )
    newest = max(grants, key=lambda one: one.installed_at, default=None)
    return (
        checklist.scopes(newest.scopes if newest is not None else None),
        checklist.events(last_event_at, now=now, refused_at=refused_at),
    )
