"""`runrate manifest`: the Slack app's manifest, as Slack's page for a new app takes it."""

from typing import Any
from urllib.parse import urlsplit

import click

from bot import manifest as app_manifest
from bot.cli.options import example
from bot.cli.output import print_json


class WebAddress(click.ParamType[str]):
    """An address of a web server."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is none."""
        url = urlsplit(str(value))
        if url.scheme not in {"http", "https"} or not url.netloc:
            self.fail(f"{value!r} is no address of a web server. Write it like {app_manifest.EXAMPLE_URL}.", param, ctx)
        return str(value)


@click.command(epilog=example(f"runrate manifest --public-url {app_manifest.EXAMPLE_URL}"))
@click.option(
    "--public-url", type=WebAddress(), metavar="URL", required=True, help="Where Slack reaches Runrate, with https."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON instead of YAML.")
def manifest(public_url: str, *, as_json: bool) -> None:
    """Print the Slack app's manifest with your address in it.

    Paste it at https://api.slack.com/apps under “Create New App”, “From a manifest”.
    """
    if as_json:
        print_json(app_manifest.load(public_url))
    else:
        click.echo(app_manifest.text(public_url), nl=False)
