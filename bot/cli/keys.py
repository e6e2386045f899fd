"""`runrate keys`: the keys that tokens and sources' keys are encrypted with."""

import click

from bot.cli import console
from bot.cli.console import BY, Console
from bot.cli.options import example, json_option
from bot.cli.output import counted, print_json
from models import audit, installation, organisation, poll, source, workspace
from models.secret import Keyring


@click.group(epilog=example("runrate keys new"))
def keys() -> None:
    """Make and rotate the keys that secrets are encrypted with."""


@keys.command(epilog=example('RUNRATE_SECRET_KEYS="$(runrate keys new)"'))
@json_option
def new(*, as_json: bool) -> None:
    """Print a new key for RUNRATE_SECRET_KEYS. It is stored nowhere; keep it as safe as the database."""
    key = Keyring.new_key()
    if as_json:
        print_json({"key": key})
    else:
        click.echo(key)


@keys.command(epilog=example("RUNRATE_SECRET_KEYS=NEW,OLD runrate keys rotate"))
@json_option
def rotate(*, as_json: bool) -> None:
    """Encrypt every stored secret anew with the newest key.

    First put a new key before the old one in RUNRATE_SECRET_KEYS and restart Runrate; then rotate; then take the old
    key out and restart again. Either everything is encrypted anew or, where a secret can't be read, nothing.
    """
    done = console.run(_rotate, demo=False)
    if as_json:
        print_json(done)
        return
    counts = (
        counted(done["installations"], "token"),
        counted(done["sources"], "source's key", "sources' keys"),
        counted(done["api_keys"], "API key"),
    )
    click.echo(f"Encrypted anew: {', '.join(counts)}.")
    click.echo("The older keys in RUNRATE_SECRET_KEYS are not needed any more.")


async def _rotate(opened: Console) -> dict[str, int]:
    keyring = opened.keyring
    async with opened.database.write() as session:
        done = {
            "installations": await installation.rotate_keys(session, keyring)
            + await organisation.rotate_keys(session, keyring),
            "sources": await source.rotate_keys(session, keyring),
            "api_keys": await poll.rotate_keys(session, keyring),
        }
        for tenant in await workspace.every(session):
            audit.record(session, tenant.id, actor=BY, action="keys.rotated", now=opened.now)
    return done
