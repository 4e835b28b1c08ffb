"""The command line `python -m train`: finds the command, and turns errors into sentences."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from shards import ShardError
from train.commands import COMMANDS, RUN
from train.errors import TrainError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit code: 0 done, 1 failed, 2 bad usage, 3 done in part, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = words.pop(0) if words[:1] and words[0] in COMMANDS else ""
    try:
        return int(importlib.import_module(COMMANDS.get(name, RUN)).main(words))
    except (TrainError, ShardError) as error:
        print(f"error: {error}" + (f"\nhint: {error.hint}" if error.hint else ""), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from the last checkpoint.", file=sys.stderr)
        return 130


def make_parser(command: str = "") -> argparse.ArgumentParser:
    """The parser of a command; of training itself without one."""
    parser = importlib.import_module(COMMANDS.get(command, RUN)).make_parser()
    assert isinstance(parser, argparse.ArgumentParser)
    return parser
