"""Every command, and the import of none but the one that is asked for: most need a second's worth of libraries."""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

COMMANDS = {
    "init": "Make a workspace, or raise an existing one to the newest schema.",
    "demo": "Run the whole chain on this machine: a picture site, collecting, judging, consensus, release, training,"
    " report.",
    "doctor": "Say what is installed, reachable, slow or unsafe here, each with its remedy.",
    "taxonomy": "Categories and their attribute schemas.",
    "collect": "Collect pictures with their origin. The same command again continues where it stopped.",
    "campaign": "Labelling jobs: create, gold, plan, status, pause, open, close, export, import, suggest, bias.",
    "user": "People who may sign in: add, invite, role, disable.",
    "serve": "Serve the annotation app until Ctrl-C.",
    "consensus": "Compute posteriors, annotator quality and agreement of a campaign, and settle its items.",
    "audit": "Say how many labels of a campaign or release are wrong, from a sample that reviewers judge,"
    " and what to judge.",
    "build": "Cut a release from what the campaigns have settled; stopped, the same command continues.",
    "diff": "Tell what changed between two releases: pictures, labels, splits, counts, the recipe.",
    "verify": "Check every checksum, count, split leak and label of a release against its manifest and the workspace.",
    "publish": "Copy a release to TO_URL/NAME/N, checking every file there; the manifest goes last, repeating"
    " continues.",
    "train": "Train and evaluate a ResNet on a release; takes the options of `python -m train`.",
    "feedback": "Take a model's out-of-fold predictions as one more judge, and give what it disputes back to people.",
    "explain": "Tell the whole life of one image: fetched, judged by whom, settled how, grouped, split, released.",
    "takedown": "Take pictures out of every later release; they are refused when met again and their bytes are not"
    " kept.",
    "duplicates": "Find pictures that repeat another: re-encoded, resized, mirrored, turned, slightly cropped or"
    " marked.",
    "shards": "Turn an ImageFolder into a verified release, or a release into an ImageFolder, bytes unchanged.",
}
"""In the order of the work: the module of each command in `cairn.commands`, and what it says first of itself."""


def load(name: str) -> Any:
    """The command of this name from its module: the module's `app` where it has several, else its function."""
    module = import_module(f"cairn.commands.{name}")
    alone = typer.Typer()
    if hasattr(module, "app"):
        alone.add_typer(module.app, name=name)
    else:
        alone.command(name, context_settings=getattr(module, "CONTEXT", None))(getattr(module, name))
    return get_group(alone).commands[name]


class FrontGroup(TyperGroup):
    """Lists the commands by their sentences; the one that is run is loaded in place of its sentence."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The name, the loaded command, and the words after it; click's usage error for a name that is unknown."""
        name, sentence, rest = super().resolve_command(ctx, args)
        return name, load(name) if name else sentence, rest


def register(app: typer.Typer) -> None:
    """Put every command's name and sentence on a command line whose class is FrontGroup."""
    for name, sentence in COMMANDS.items():
        app.command(name, help=sentence)(_sentence_alone)


def _sentence_alone() -> None:
    raise AssertionError("a command runs as its module defines it")
