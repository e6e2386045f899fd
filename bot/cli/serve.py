"""`runrate serve`, `web` and `worker`: the product, running until it is told to stop."""

import asyncio
import signal

import click

from bot import garbage
from bot.app import Runrate
from bot.cli import console
from bot.cli.options import example
from bot.settings import Settings
from models.base import UserError

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@click.command(epilog=example("PORT=8080 PUBLIC_URL=https://runrate.example.com runrate serve"))
def serve() -> None:
    """Run everything in one process: the web server and the worker.

    The database is made or brought up to date first. SIGTERM and Ctrl-C end it once what is in flight is finished.
    """
    settings = console.read_settings()
    if settings.missing:
        names = ", ".join(settings.missing)
        click.echo(f"Nobody can install before these are set: {names}. {settings.address} says how.", err=True)
    asyncio.run(_run(settings, serves_web=True, works=True))


@click.command(epilog=example("DATABASE_URL=postgresql://runrate:…@db/runrate runrate web"))
def web() -> None:
    """Run only the web server, for Slack, sources and browsers.

    Any number may run beside any number of workers on one PostgreSQL.
    """
    asyncio.run(_run(console.read_settings(), serves_web=True, works=False))


@click.command(epilog=example("DATABASE_URL=postgresql://runrate:…@db/runrate runrate worker"))
def worker() -> None:
    """Run only a worker, which applies events and sends what is owed.

    Any number may run beside any number of web servers on one PostgreSQL.
    """
    settings = console.read_settings()
    console.make_keyring(settings)  # Without keys it could open no token, and would do nothing in silence.
    asyncio.run(_run(settings, serves_web=False, works=True))


async def _run(settings: Settings, *, serves_web: bool, works: bool) -> None:
    """Run until a signal; a second one ends the process at once."""
    await _check_database(settings)
    app = Runrate(settings, serves_web=serves_web, works=works)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in SIGNALS:
        loop.add_signal_handler(name, stopped.set)
    try:
        await _start(app, settings)
        garbage.leave_what_stays()
        click.echo(_welcome(settings, serves_web=serves_web), err=True)
        await stopped.wait()
        for name in SIGNALS:
            loop.remove_signal_handler(name)
    finally:
        await app.stop()


async def _check_database(settings: Settings) -> None:
    async with console.open_console(settings, upgrades=True):
        pass


async def _start(app: Runrate, settings: Settings) -> None:
    try:
        await app.start()
    except OSError as error:  # The database was reached a moment ago: this is the address that we listen on.
        raise UserError(
            f"Can't listen on {settings.host}:{settings.port}: {error.strerror or error}. Set HOST and PORT to others."
        ) from error


def _welcome(settings: Settings, *, serves_web: bool) -> str:
    if not serves_web:
        return "The worker runs. Ctrl-C stops it."
    return f"Runrate is at {settings.address}, listening on {settings.host}:{settings.port}. Ctrl-C stops it."
