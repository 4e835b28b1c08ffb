"""`cairn train`: the same as `python -m train`."""

import sys

import typer

from cairn.console import STOPPED

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def train(context: typer.Context) -> None:
    """Train and evaluate a ResNet on a release; takes the options of `python -m train`.

    Example: cairn train releases/vehicles/1 --model resnet18 --epochs 30
    """
    from train.__main__ import main

    code = main(context.args) or 0
    if code == STOPPED:
        sys.exit(code)  # the trainer has said itself how it goes on
    raise typer.Exit(code)
