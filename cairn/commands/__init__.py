"""One module a command; `register` puts them all on the command line, `FrontGroup` imports the one that is run."""

from cairn.commands.registry import FrontGroup, register

__all__ = ["FrontGroup", "register"]
