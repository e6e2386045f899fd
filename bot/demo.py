"""`runrate demo`: the app and a local Slack in one process, over real HTTP, so that anyone can see the product work."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click
import orjson
from pydantic import SecretStr

from bot import logs, manifest
from bot.app import Runrate
from bot.chaos import Chaos
from bot.clock import Clock
from bot.replay import Replay
from bot.sandbox import Sandbox, SlackApp
from bot.sandbox.person import Browser
from bot.settings import Settings
from bot.town import addresses, set_up_desk
from bot.walk import ACME, SABOTAGED, Walk
from models.secret import Keyring
from models.wakeup import Topic

FOLDER = Path(".runrate") / "demo"
"""Where the demo keeps its things; commands in the same folder find it there."""
PORT, SLACK_PORT, VENDORS_PORT = 3000, 3001, 3002
HOST = "127.0.0.1"
FLOWS = (*SABOTAGED, "uninstall")


@dataclass(frozen=True)
class Ports:
    """Where the app, the local Slack and the other vendors listen."""

    app: int
    slack: int
    vendors: int


@dataclass(frozen=True)
class Running:
    """The local Slack, the app, and the clock that they share."""

    sandbox: Sandbox
    app: Runrate
    clock: Clock


@click.command()
@click.option("--once", is_flag=True, help="Walk through every flow without a browser, say what was seen, and end.")
@click.option("--break", "broken", type=click.Choice(FLOWS), help="With --once: break this flow on purpose.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print one JSON document.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Keep the demo's data in this folder.")
@click.option("--port", type=click.IntRange(0, 65535), help=f"The app's port ({PORT}; with --once a free one).")
@click.option("--slack-port", type=click.IntRange(0, 65535), help=f"The local Slack's port ({SLACK_PORT}).")
def demo(
    *, once: bool, broken: str | None, as_json: bool, data: Path | None, port: int | None, slack_port: int | None
) -> None:
    r"""Start Runrate beside a local Slack, without a Slack account.

    Each start is a fresh workspace unless --data names a folder. DATABASE_URL chooses another database.

    \b
    Example: runrate demo
             runrate demo --once --json
    """
    if (broken or as_json) and not once:
        raise click.UsageError("--break and --json go with --once.")
    logs.configure(level="warning" if not once else "error")
    vendors_port = 0 if once else _free(VENDORS_PORT)
    ports = Ports(_port(port, 0 if once else PORT), _port(slack_port, 0 if once else SLACK_PORT), vendors_port)
    with _folder(data, throw_away=once) as folder:
        ok = asyncio.run(_walk(folder, ports, broken, as_json=as_json) if once else _stay(folder, ports))
    sys.exit(0 if ok else 1)


async def _stay(folder: Path, ports: Ports) -> bool:
    """Run until Ctrl-C."""
    settings = _settings(folder, ports)
    async with _running(folder, settings, ports) as running, _vendors(running, settings, ports):
        _leave_note(folder, settings)
        keyring = Keyring([key.get_secret_value() for key in settings.secret_keys])
        replay = Replay(
            running.app, keyring=keyring, address=settings.address, workspace_id=ACME, now=running.clock.now
        )
        story = asyncio.create_task(replay.run())
        click.echo(_welcome(ports), color=True)
        stopped = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stopped.set)
        await stopped.wait()
        click.echo("Stopping.")
        story.cancel()
    return True


async def _walk(folder: Path, ports: Ports, broken: str | None, *, as_json: bool) -> bool:
    """Walk through the flows and print what was seen."""
    settings = _settings(folder, ports)
    flows = {}
    async with _running(folder, settings, ports) as running, Browser(running.sandbox.url) as browser:
        walk = Walk(sandbox=running.sandbox, app_url=settings.address, browser=browser)
        async for name, flow in walk.run(broken=broken):
            flows[name] = flow
            if not as_json:
                mark, evidence = ("✓" if flow.ok else "✕"), orjson.dumps(flow.evidence).decode()
                click.echo(f"{mark} {name:<12}{flow.seconds:6.2f} s  {evidence[:300]}")
    if as_json:
        click.echo(orjson.dumps({"flows": {name: flow.as_json() for name, flow in flows.items()}}))
    failed = [name for name, flow in flows.items() if not flow.ok]
    if failed:
        click.echo(f"This flow failed: {failed[0]}", err=True)
    return not failed


@asynccontextmanager
async def _running(folder: Path, settings: Settings, ports: Ports) -> AsyncIterator[Running]:
    """Start the local Slack with our app registered, and the app beside it."""
    slack_app = SlackApp(
        client_id=settings.slack_client_id,
        client_secret=settings.slack_client_secret.get_secret_value(),
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        manifest=manifest.load(settings.address),
        base_url=settings.address,
    )
    clock = _clock(folder)
    app = Runrate(settings, now=clock.now)
    chaos = Chaos(app, now=clock.now)

    async def travel(to: datetime) -> None:
        clock.jump(to)
        _clock_file(folder).write_text(str(clock.ahead.total_seconds()))
        await app.database.wakeups.notify(*Topic)

    # Slack takes no address of this machine as a domain whose links may be unfurled; the local one does.
    domains = {HOST: settings.address}
    links = {"Runrate's set-up page": settings.address}
    if ports.vendors:
        links["Other vendors"] = f"http://{HOST}:{ports.vendors}"
    sandbox = Sandbox(
        apps=[slack_app],
        now=clock.seconds,
        travel=travel,
        levers=chaos.levers,
        readings=chaos.readings,
        pretend_domains=domains,
        links=links,
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(sandbox.stop)
        stack.push_async_callback(app.stop)
        stack.push_async_callback(chaos.stop)
        await sandbox.start(host=HOST, port=ports.slack)
        await app.start()
        yield Running(sandbox, app, clock)


@asynccontextmanager
async def _vendors(running: Running, settings: Settings, ports: Ports) -> AsyncIterator[None]:
    """Start the vendors whom each kind of source can be tried with."""
    slack_url = f"http://{HOST}:{ports.slack}"
    desk = set_up_desk(now=running.clock.now, app_url=settings.address, slack_url=slack_url)
    async with desk.open(host=HOST, port=ports.vendors):
        yield


def _settings(folder: Path, ports: Ports) -> Settings:
    """Make the demo's settings; of the environment only DATABASE_URL counts, so that a real `.env` is left alone."""
    slack = f"http://{HOST}:{ports.slack}"
    default = f"sqlite+aiosqlite:///{(folder / 'runrate.db').absolute()}"
    return Settings(
        _env_file=None,
        database_url=os.environ.get("DATABASE_URL") or default,
        public_url=f"http://{HOST}:{ports.app}",
        host=HOST,
        port=ports.app,
        slack_client_id="1000000000.2000000000",
        slack_client_secret=SecretStr(secrets.token_hex(16)),
        slack_signing_secret=SecretStr(secrets.token_hex(16)),
        slack_api_url=f"{slack}/api/",
        slack_authorize_url=f"{slack}/oauth/v2/authorize",
        secret_keys=(SecretStr(_key(folder)),),
        installers="admins",
        log_level="warning",
        log_format="auto",
        **addresses(f"http://{HOST}:{ports.vendors}"),
    )


def _clock(folder: Path) -> Clock:
    """Give the clock as an earlier start with this folder left it: its data must not lie in the future."""
    kept = _clock_file(folder)
    return Clock(timedelta(seconds=float(kept.read_text())) if kept.exists() else timedelta())


def _clock_file(folder: Path) -> Path:
    return folder / "clock"


def _key(folder: Path) -> str:
    """Read the demo's own key from its folder, or make it."""
    path = folder / "secret.key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(Keyring.new_key())
    return path.read_text().strip()


def _leave_note(folder: Path, settings: Settings) -> None:
    """Leave the settings where other commands, started in the same folder, find them."""
    note = folder / "env"
    note.touch(mode=0o600)
    lines = {
        "DATABASE_URL": settings.database_url,
        "PUBLIC_URL": settings.public_url,
        "SLACK_API_URL": settings.slack_api_url,
        "RUNRATE_SECRET_KEYS": settings.secret_keys[0].get_secret_value(),
    }
    note.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))


@contextmanager
def _folder(data: Path | None, *, throw_away: bool) -> Iterator[Path]:
    """Give the folder for the demo's data: the named one as it is, or one that is empty at the start."""
    if data is None and os.environ.get("DATABASE_URL"):
        data = FOLDER  # What that database keeps is sealed with the key in this folder.
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
        yield data
    elif throw_away:
        with tempfile.TemporaryDirectory(prefix="runrate-") as folder:
            yield Path(folder)
    else:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        yield FOLDER


def _port(asked: int | None, default: int) -> int:
    """Find out which port to listen on; 0 means any that is free."""
    wanted = default if asked is None else asked
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            raise click.ClickException(
                f"Port {wanted} is taken. Choose others: runrate demo --port 3100 --slack-port 3101"
            ) from None
        return int(probe.getsockname()[1])


def _free(wanted: int) -> int:
    """Give a port where it is free, and else another one."""
    try:
        return _port(wanted, wanted)
    except click.ClickException:
        return _port(0, 0)


def _welcome(ports: Ports) -> str:
    title = click.style("Runrate is running, beside a Slack of its own.", bold=True)
    app, slack, vendors = (
        click.style(f"http://{HOST}:{port}", fg="cyan") for port in (ports.app, ports.slack, ports.vendors)
    )
    return f"""
{title}

  1. Open   {app}    and press “Add to Slack”. You are Ada, who owns Acme.
  2. Open   {slack}    the local Slack. In Runrate's Home tab press “New destination”, name it and choose #revenue.
  3. Watch  movements arrive, or press “Add source” and send your own with the line that is shown then.
  4. Try    {vendors}    Segment, ChartMogul and others on this machine, to connect a source to.

Press Ctrl-C to stop. Nothing leaves this machine.
"""
