"""The command line `python -m train`: finds the command, and turns errors into sentences."""

import importlib
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from shards import ShardError
from train.commands import COMMANDS, RUN
from train.commands.parsing import Parser
from train.errors import TrainError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit code: 0 done, 1 failed, 2 bad usage, 3 done in part, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words.pop(0) if words[:1] and words[0] in COMMANDS else ""
    try:
        if not name:
            refuse_misspelt_command(words)
        return int(importlib.import_module(COMMANDS.get(name, RUN)).main(words))
    except (TrainError, ShardError) as error:
        print(f"error: {error}" + (f"\nhint: {error.hint}" if error.hint else ""), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from the last checkpoint.", file=sys.stderr)
        return 130


def refuse_misspelt_command(words: list[str]) -> None:
    """TrainError (exit code 2) where the first word is no data that is there, but nearly a command."""
    near = get_close_matches(words[0], COMMANDS, n=1, cutoff=0.75) if words else []
    if near and not Path(words[0]).exists():
        raise TrainError(
            f"{words[0]!r} is neither a command nor data that is there.", f"did you mean {near[0]}?", exit_code=2
        )


def make_parser(command: str = "") -> Parser:
    """The parser of a command; of training itself without one."""
    parser = importlib.import_module(COMMANDS.get(command, RUN)).make_parser()
    assert isinstance(parser, Parser)
    return parser
