"""The local Slack as one web application on its own port."""

from aiohttp import web

from bot.sandbox import api, client, files, oauth, openid, page, panel
from bot.sandbox.world import World

LARGEST_BODY = 4 * 1024 * 1024


class Sandbox(World):
    """A Slack on loopback."""

    _runner: web.AppRunner | None = None

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
