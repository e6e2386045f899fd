"""The command line: one file a noun. A command's module is imported when it is called, so that `--help` is quick."""

import importlib
from typing import Any

import click

from bot.cli.options import example


class Later(click.Command):
    """A command that stands for one whose module is not imported yet."""

    def __init__(self, name: str, *, at: str, says: str) -> None:
        """Take where it is (`module:attribute`), and what the list of commands says of it."""
        super().__init__(name, short_help=says)
        self._at = at

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self._at.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


class RefusedError(click.ClickException):
    """What could not be done, in one sentence."""

    def show(self, file: Any = None) -> None:
        """Print the sentence to stderr as it is."""
        click.echo(self.message, file=file, err=True)


class Commands(click.Group):
    """The commands, in the order in which one needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Keep the order of the table below."""
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command that is called."""
        found = super().get_command(ctx, cmd_name)
        return found.load() if isinstance(found, Later) else found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(90)) for name, command in self.commands.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a refusal meant for people ends it with its sentence, and a bug rises."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from models.base import UserError  # noqa: PLC0415 - whoever asks for help needn't wait for SQLAlchemy

            if isinstance(error, UserError):
                raise RefusedError(str(error)) from error
            raise


COMMANDS = [
    Later("demo", at="bot.demo:demo", says="Start Runrate beside a local Slack, without a Slack account."),
    Later("serve", at="bot.cli.serve:serve", says="Run everything in one process."),
    Later("web", at="bot.cli.serve:web", says="Run only the web server, beside workers."),
    Later("worker", at="bot.cli.serve:worker", says="Run only a worker, which applies events and sends."),
    Later("doctor", at="bot.cli.doctor:doctor", says="Check the settings, the database and each workspace."),
    Later("manifest", at="bot.cli.manifest:manifest", says="Print the Slack app's manifest with your address in it."),
    Later("keys", at="bot.cli.keys:keys", says="Make and rotate the keys that secrets are encrypted with."),
    Later("db", at="bot.cli.db:db", says="Bring the database up to date, and check the migrations."),
    Later("sources", at="bot.cli.sources:sources", says="Add, list and remove sources, where events come from."),
    Later("import", at="bot.cli.imports:import_", says="Bring in history from a file. Nothing of it is posted."),
    Later("accounts", at="bot.cli.accounts:accounts", says="List accounts."),
    Later("people", at="bot.cli.people:people", says="Export or erase what is stored of one person."),
    Later("movements", at="bot.cli.movements:movements", says="List MRR movements, or sum them up."),
    Later("rules", at="bot.cli.rules:rules", says="Show or change by what rules MRR is counted."),
    Later("events", at="bot.cli.events:events", says="List what came in, and why any of it was refused."),
    Later("deliveries", at="bot.cli.deliveries:deliveries", says="List what is owed to whom, and retry what failed."),
    Later("bench", at="bot.cli.bench:bench", says="Measure what Runrate reaches on this machine."),
]


@click.command(
    cls=Commands,
    commands={command.name or "": command for command in COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("runrate demo", "runrate accounts list --json"),
)
@click.version_option(package_name="runrate", message="%(prog)s %(version)s")
def main() -> None:
    """Tell a revenue team in Slack what happened to MRR.

    Settings come from the environment or from .env. Each command has --help.
    """
