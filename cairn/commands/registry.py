"""Which function stands behind each command name. Modules are imported here, heavy libraries only when run."""

import typer

from cairn.commands import init


def register(app: typer.Typer) -> None:
    """Put every command on the command line."""
    app.command("init")(init.init)
