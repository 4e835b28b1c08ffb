"""The `cairn` command line: gathers the commands of the rooms and turns every error into a sentence."""

import errno
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from cairn import console
from cairn.commands import FrontGroup, register

EXTRAS = {
    "collect": ("aiohttp", "multidict", "packaging", "protego", "selectolax", "yarl"),
    "serve": (
        "anyio",
        "argon2",
        "defusedxml",
        "fastapi",
        "httptools",
        "ijson",
        "jinja2",
        "markdown_it",
        "markupsafe",
        "multipart",
        "starlette",
        "uvicorn",
        "uvloop",
        "yaml",
    ),
    "build": ("jinja2", "markupsafe", "matplotlib", "mlcroissant", "simplejpeg"),
    "train": ("matplotlib", "torch", "torchvision"),
    "scale": ("ray",),
}
"""The packages, as they are imported, of each extra."""
EXTRA_OF_COMMAND = {"demo": "all", "build": "build", "duplicates": "build", "train": "train"}
"""Which extra to install where several have what a command misses."""

app = typer.Typer(
    name="cairn",
    cls=FrontGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="From category names to a measured, published image dataset and a benchmarked model on it.",
    epilog="Example: cairn demo",
)


@app.callback()
def _front(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    if debug:
        os.environ["CAIRN_DEBUG"] = "1"


register(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits 0 done, 1 failed, 2 bad usage, 3 done in part."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """The exit code of a command line."""
    try:
        result = app(arguments, standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except typer.Exit as stop:
        code = stop.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = console.STOPPED
    except Exception as error:
        if console.is_debug():
            raise
        return _sentence(error, sys.argv[1:] if arguments is None else arguments)
    if code == console.STOPPED:  # typer turns Ctrl-C into this code and says nothing
        console.err.print("stopped; the same command continues where this one stopped")
    return code


def extra_with(package: str, command: str) -> str | None:
    """The extra that brings a package a command has not found; None where none does."""
    having = [extra for extra, packages in EXTRAS.items() if package in packages]
    wanted = EXTRA_OF_COMMAND.get(command)
    return wanted if having and wanted in (*having, "all") else next(iter(having), None)


def _sentence(error: Exception, words: Sequence[str] = ()) -> int:
    if hasattr(error, "format_message"):  # click's usage errors
        if not error.format_message():  # no words were given at all: the help was shown instead
            return console.USAGE
        console.err.print(f"error: {error.format_message()}", markup=False)
        context = getattr(error, "ctx", None)
        if context is not None:
            console.err.print(f"hint: `{context.command_path} --help` shows how it is used", markup=False)
        return console.USAGE
    if hasattr(error, "hint"):
        return console.fail(error)
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").split(".")[0]
        command = next((word for word in words if not word.startswith("-")), "")
        if extra := extra_with(package, command):
            console.err.print(
                f"error: this command needs the package {package!r}, which is not installed", markup=False
            )
            console.err.print(f"hint: pip install 'cairn-dataset[{extra}]'", markup=False)
            return console.FAILED
    if isinstance(error, OSError):
        error = _os_error(error)
        return console.fail(error)
    console.err.print(f"error: {type(error).__name__}: {error}", markup=False)
    console.err.print("hint: this is a defect of Cairn; run again with --debug and report what it shows", markup=False)
    return console.FAILED


class _OsSentence(Exception):
    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.hint = hint


def _os_error(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT) and not error.filename:  # a write names no file
        return _OsSentence(
            f"no space is left on the disk ({shutil.disk_usage('.').free / 2**20:,.1f} MiB free in this folder)",
            "free some space and run the same command again; it continues where it stopped",
        )
    where = error.filename or "the system"
    hints = {
        errno.ENOSPC: "free some space and run the same command again; it continues where it stopped",
        errno.EACCES: "check who owns it, or choose another folder",
        errno.EADDRINUSE: "choose another port with --port",
        errno.ENOENT: "check the path",
    }
    return _OsSentence(f"{where}: {error.strerror or error}", hints.get(error.errno or 0, "run with --debug for more"))
