"""The local Slack as one web application on its own port."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from bot.sandbox import api, client, files, oauth, openid, page, panel, people
from bot.sandbox.app import SlackApp
from bot.sandbox.faults import Faults
from bot.sandbox.limits import Limiter, Limits
from bot.sandbox.outbound import Outbound
from bot.sandbox.reading import Lever, Reader
from bot.sandbox.state import Slack

LARGEST_BODY = 4 * 1024 * 1024


class Sandbox:
    """A Slack on loopback, with the ready-made workspaces and the given apps registered but not yet installed.

    `retry_scale` shortens the minutes that pass before an event is sent again. The page offers more to a person where
    there is more: `travel` sets the clock that `now` reads to a moment ahead, `levers` are the owner's own buttons on
    the chaos panel (such as “Kill the worker”), `readings` what the owner lets one watch there of itself, each under
    its title, `links` its addresses elsewhere. `pretend_domains` maps a domain to where it is played on this machine:
    links to it are announced to the apps as if they were on a domain of theirs.
    """

    def __init__(
        self,
        *,
        apps: Sequence[SlackApp],
        now: Callable[[], float] = time.time,
        limits: Limits | None = None,
        retry_scale: float = 1.0,
        travel: Callable[[datetime], Awaitable[None]] | None = None,
        levers: Mapping[str, Lever] | None = None,
        readings: Mapping[str, Reader] | None = None,
        links: Mapping[str, str] | None = None,
        pretend_domains: Mapping[str, str] | None = None,
    ) -> None:
        self.now = now
        self.travel = travel
        self.levers = dict(levers or {})
        self.readings = dict(readings or {})
        self.links = dict(links or {})
        self.state = Slack(now=now)
        self.state.apps = {app.id: app for app in apps}
        self.state.pretend_domains = dict(pretend_domains or {})
        people.settle(self.state)
        self.limiter = Limiter(limits or Limits(), now)
        self.faults = Faults()
        self.outbound = Outbound(self.state, time_scale=retry_scale)
        self.state.emit = self.outbound.emit
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return self.state.url

    def add_app(self, app: SlackApp) -> None:
        """Register an app after the start, when only then it is known where it listens."""
        self.state.apps[app.id] = app

    def web_application(self) -> web.Application:
        web_app = web.Application(client_max_size=LARGEST_BODY)
        api.add_routes(web_app, self)
        oauth.add_routes(web_app, self)
        client.add_routes(web_app, self)
        files.add_routes(web_app, self)
        openid.add_routes(web_app, self)
        page.add_routes(web_app, self)
        panel.add_routes(web_app, self)
        return web_app

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        # Long polls of an open page must not hold up the end of the process.
        self._runner = web.AppRunner(self.web_application(), access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        bound = self._runner.addresses[0][1]
        self.state.url = f"http://{host}:{bound}"
        await self.outbound.start()

    async def stop(self) -> None:
        await self.outbound.stop()
        if self._runner:
            await self._runner.cleanup()
            self._runner = None
