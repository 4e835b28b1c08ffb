"""Command lines read by argparse, whose complaints become a sentence and a hint with the nearest option."""

import argparse
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from train.errors import TrainError


class Parser(argparse.ArgumentParser):
    """argparse without abbreviations, so that a command line means the same when options are added."""

    def __init__(self, *, prog: str, **more: Any) -> None:
        super().__init__(prog=prog, allow_abbrev=False, **more)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]  # argparse types each form of a call
        """As argparse does it. TrainError (exit code 2) for what the command does not take."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            raise self.unknown(unknown)
        return found

    def unknown(self, words: list[str]) -> TrainError:
        """The sentence for words that are left over: the first option among them, or else one word too many."""
        option = next((word.partition("=")[0] for word in words if word.startswith("--")), None)
        if option is None:
            return TrainError(f"{self.prog} has no place for {words[0]!r}.", f"see {self.prog} --help", 2)
        near = get_close_matches(option, self._option_string_actions, n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else f"{self.prog} --help lists the options"
        return TrainError(f"{self.prog} has no option {option}.", hint, 2)

    def error(self, message: str) -> NoReturn:
        """What argparse has to complain about, such as a value that is no number."""
        wrong = re.fullmatch(r"argument (?P<option>.+?): invalid (?P<kind>\w+) value: (?P<value>.+)", message)
        if wrong:
            kind = {"int": "a whole number", "float": "a number", "batch_size": "a whole number or auto"}
            message = f"{wrong['option']} takes {kind.get(wrong['kind'], wrong['kind'])}, not {wrong['value']}"
        raise TrainError(f"{message[0].upper()}{message[1:]}.", f"see {self.prog} --help", 2)
