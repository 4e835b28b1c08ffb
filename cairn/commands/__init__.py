"""One module a command; `register` puts them all on the command line."""

from cairn.commands.registry import register

__all__ = ["register"]
