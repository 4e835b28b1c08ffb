"""`cairn train`: the same as `python -m train`."""

import re
import sys
from pathlib import Path

import typer

from cairn.console import STOPPED

CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def train(context: typer.Context) -> None:
    """Train and evaluate a ResNet on a release; takes the options of `python -m train`.

    A release of the workspace may be named as NAME/N.
    Example: cairn train releases/vehicles/1 --model resnet18 --epochs 30
    """
    from train.__main__ import main

    code = main([_release_at(word) for word in context.args]) or 0
    if code == STOPPED:
        sys.exit(code)  # the trainer has said itself how it goes on
    raise typer.Exit(code)


def _release_at(word: str) -> str:
    """The folder of the workspace's release that is named so; any other word as it is."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]+/[0-9]+", word) or Path(word).exists():
        return word
    from dataset_builder.releases import find_release
    from label_store import CairnError, Workspace

    try:
        workspace = Workspace.open(None)
    except CairnError:  # no workspace here: a path, which the trainer will look for
        return word
    try:
        return str(find_release(word, workspace))
    except CairnError:
        return word
    finally:
        workspace.close()
