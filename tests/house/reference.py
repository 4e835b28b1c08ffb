"""The three pages of `docs/` that list what the code says of itself: commands, settings, HTTP routes.

`python -m tests.house.reference` writes them; test_docs.py holds that they are what the code says now.
"""

import argparse
import inspect
import tempfile
import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import typer
from pydantic_core import PydanticUndefined

DOCS = Path(__file__).resolve().parents[2] / "docs"

COMMANDS_INTRO = """\
# Commands

Every command of `cairn`, as `cairn COMMAND --help` tells it. The rooms that need no `cairn` are at the end.

Exit code 0: done. 1: failed. 2: the command itself was wrong. 3: done in part, with a list of what was left out.
130: stopped by Ctrl-C; the same command continues. An error is one sentence `error: …` and mostly a `hint: …` on
standard error; `cairn --debug COMMAND` (or `CAIRN_DEBUG=1`) shows the traceback instead.

A command that needs a workspace takes `--workspace DIR`; else `CAIRN_WORKSPACE` names it; else it is the nearest folder
upwards that holds a `cairn.toml`. Progress goes to standard error, and results and `--json` to standard output.
"""

SETTINGS_INTRO = """\
# Settings

A workspace's settings are in its `cairn.toml`, one `name = value` a line. An environment variable `CAIRN_NAME` wins
over the file, and a command's own option (such as `cairn serve --port`) over both. A setting that is not in this list
is refused by name, so that a typing error does not pass for a setting.

```toml
name = "vehicles"
contact = "maria@example.org"
allow_hosts = ["pictures.lab.internal:8080"]
host_delay = 0.5
```

"""

SETTINGS_OUTRO = """
A list in an environment variable is JSON: `CAIRN_ALLOW_HOSTS='["127.0.0.1:8000"]'`.

## Variables that are no settings

| variable | meaning |
|---|---|
| `CAIRN_WORKSPACE` | the workspace's folder, where no `--workspace` is given |
| `CAIRN_DEBUG` | anything: show tracebacks, as `--debug` does |
| `CAIRN_CHROMIUM` | path of the Chromium that the browser tests use |
| `CAIRN_DATA` | folder of the real data sets that some tests and benchmarks use; they skip without it |
| `AWS_*` | key, region and endpoint of an `s3://` bucket, as other S3 clients read them |
"""

ROUTES_INTRO = """\
# The HTTP interface

Every route of `cairn serve`, and who may call it. A running app serves the same with the shapes of requests and answers
at `/api/docs`, and as OpenAPI at `/api/openapi.json`.

Programs sign in with `POST /api/v1/sessions` and send the token as `Authorization: Bearer TOKEN`. Browsers get a
cookie. Every error is an RFC 9457 problem document (`application/problem+json`): `detail` is a sentence, and `hint`
what to do; a browser that asks for a page gets the same as a page. `{campaign}` is a number or a slug.
"""

UNITS = {
    "host_delay": "seconds",
    "fetch_concurrency": "requests",
    "fetch_timeout": "seconds",
    "max_image_bytes": "bytes",
    "max_image_pixels": "pixels",
    "serve_port": "",
    "lease_minutes": "minutes",
    "session_days": "days",
    "contribution_batch": "pictures",
    "contributions_per_person": "pictures a day",
    "contributions_per_day": "pictures a day",
    "near_takedown_radius": "bits",
}
"""Of each setting that is a number."""


def commands_page() -> str:
    """docs/commands.md."""
    parts = [COMMANDS_INTRO]
    for words, command in leaf_commands():
        parts.append(_train_section(command) if words == ("train",) else _section(words, command))
    parts.append("## The rooms alone\n\nWithout a workspace, and without `cairn` on the path.\n")
    import consensus.__main__
    import train.cli
    import train.commands

    parts += [_argparse_section(train.cli.make_parser(command)) for command in ("", *train.commands.COMMANDS)]
    parts.append(_argparse_section(consensus.__main__.parser()))
    return "\n".join(parts)


def settings_page() -> str:
    """docs/settings.md."""
    from label_store.settings import Settings

    rows = ["| setting | default | unit | environment | meaning |", "|---|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.default if field.default is not PydanticUndefined else field.default_factory()  # type: ignore[misc, call-arg]
        number = isinstance(default, int | float) and not isinstance(default, bool)
        unit = UNITS[name] if number else ""
        shown = f"`{_toml(default)}`"
        rows.append(f"| `{name}` | {shown} | {unit} | `CAIRN_{name.upper()}` | {_cell(field.description or '')} |")
    return SETTINGS_INTRO + "\n".join(rows) + "\n" + SETTINGS_OUTRO


def routes_page() -> str:
    """docs/api.md."""
    api, pages = [], []
    for method, path, who, what in routes():
        row = f"| `{method} {path}` | {who} | {_cell(what)} |"
        (api if path.startswith(("/api", "/images")) or not what or _is_health(path) else pages).append(row)
    head = "| route | who | what |\n|---|---|---|\n"
    return (
        f"{ROUTES_INTRO}\n## For programs\n\n{head}" + "\n".join(api) + f"\n\n## Pages\n\n{head}" + "\n".join(pages)
        + "\n\nStyles, scripts and icons are under `/static/`; the app loads nothing from anywhere else.\n"
    )  # fmt: skip


def _is_health(path: str) -> bool:
    return path in ("/healthz", "/readyz", "/metrics")


# Commands


def root_command() -> Any:
    """The whole command line as one tree, in the order of the registry."""
    import cairn.cli
    from cairn.commands.registry import COMMANDS, load

    root: Any = typer.main.get_command(cairn.cli.app)
    root.commands = {name: load(name) for name in COMMANDS}
    return root


def leaf_commands() -> list[tuple[tuple[str, ...], Any]]:
    """Each command that does something, with its words: ("collect", "urls"), …"""
    return list(_leaves((), root_command()))


def _leaves(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in command.commands.items():
        if hasattr(child, "commands"):
            yield from _leaves((*words, name), child)
        else:
            yield (*words, name), child


def flags_of(parameter: Any) -> list[str]:
    """The option words of a parameter; empty for an argument."""
    return [*parameter.opts, *parameter.secondary_opts] if parameter.opts[0].startswith("-") else []


def _section(words: tuple[str, ...], command: Any) -> str:
    arguments = [parameter for parameter in command.params if not flags_of(parameter)]
    options = [parameter for parameter in command.params if flags_of(parameter) and parameter.name != "help"]
    usage = " ".join(["cairn", *words, *(_argument_word(one) for one in arguments), *(["[OPTIONS]"] * bool(options))])
    lines = [f"## `cairn {' '.join(words)}`", "", *_told(command), "", "```text", usage, "```", ""]
    if arguments or options:
        lines += ["| argument or option | default | meaning |", "|---|---|---|"]
        lines += [f"| `{_argument_word(one)}` | {_default(one)} | {_cell(one.help or '')} |" for one in arguments]
        lines += [f"| {_option_words(one)} | {_default(one)} | {_cell(one.help or '')} |" for one in options]
        lines.append("")
    return "\n".join(lines)


def _told(command: Any) -> list[str]:
    """The docstring, its example as code."""
    text = inspect.cleandoc(command.help or "")
    words, _, example = text.partition("Example:")
    lines = [line.rstrip() for line in words.strip().splitlines()]
    return [*lines, *(["", f"Example: `{example.strip()}`"] if example else [])]


def _train_section(command: Any) -> str:
    return "\n".join(
        ["## `cairn train`", "", *_told(command), "", "Its options are those of `python -m train`, below.", ""]
    )


def _argument_word(parameter: Any) -> str:
    word = parameter.metavar or str(parameter.name).upper().rstrip("_")
    return word if parameter.required or word.startswith("[") else f"[{word}]"


def _option_words(parameter: Any) -> str:
    words = " ".join(f"`{flag}`" for flag in flags_of(parameter))
    return words if parameter.is_flag else f"{words} {_kind(parameter)}"


def _kind(parameter: Any) -> str:
    """What an option's value looks like."""
    annotation = parameter.type_descriptor.annotation
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(f"`{choice.value}`" for choice in annotation)
    return {"int": "N", "float": "X", "Path": "PATH", "FileText": "FILE"}.get(annotation.__name__, "TEXT")


def _default(parameter: Any) -> str:
    default = parameter.default
    if default is None or default == "" or default is False or default == [] or parameter.required or callable(default):
        return ""
    if default is True:
        return "on"
    return f"`{default}`"


def _argparse_section(parser: argparse.ArgumentParser) -> str:
    lines = [f"### `{parser.prog}`", "", parser.description or "", ""]
    if parser.epilog:
        lines += ["```text", *parser.epilog.strip().splitlines(), "```", ""]
    lines += ["| argument or option | meaning |", "|---|---|"]
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        value = "" if action.nargs == 0 or not action.option_strings else f" {_argparse_value(action)}"
        words = " ".join(f"`{flag}`" for flag in action.option_strings)
        words = words or f"`{action.metavar or action.dest.upper()}`"
        text = (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")
        lines.append(f"| {words}{value} | {_cell(text)} |")
    return "\n".join([*lines, ""])


def _argparse_value(action: argparse.Action) -> str:
    if action.choices:
        return " or ".join(f"`{choice}`" for choice in action.choices)
    return {"INT": "N", "FLOAT": "X", "STR": "TEXT"}.get(str(action.metavar), str(action.metavar or "TEXT"))


# Routes


def routes() -> list[tuple[str, str, str, str]]:
    """(method, path, who, what) of every route of the annotation app, sorted by path."""
    from annotate_app.app import create_app
    from label_store import Workspace

    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.init(Path(folder) / "workspace")
        app = create_app(workspace)
        workspace.close()
    found = []
    for route in _flat(app.routes):
        if not hasattr(route, "methods"):
            continue  # the mounted folder of static files
        what = (inspect.getdoc(route.endpoint) or "").splitlines()
        who = _who(route) if hasattr(route, "dependant") else "anybody"
        for method in sorted(set(route.methods) - {"HEAD", "OPTIONS"}):
            found.append((method, route.path, who, what[0] if what else "The same as an OpenAPI document."))
    return sorted(found, key=lambda row: (row[1], row[0]))


def _flat(given: Any) -> Iterator[Any]:
    for route in given:
        nested = getattr(route, "original_router", None)
        if nested is not None:
            yield from _flat(nested.routes)
        else:
            yield route


_ROLES = ("owner", "curator", "reviewer", "annotator", "model", "contributor", "viewer")


def _who(route: Any) -> str:
    """The roles of a route in words; the routes declare them (annotate_app/security/roles.py)."""
    declared = [one.call.roles for one in route.dependant.dependencies if hasattr(one.call, "roles")]
    if len(declared) != 1:
        raise AssertionError(f"{route.path} declares {len(declared)} times who may call it")
    roles = declared[0]
    if roles is None:
        return "anybody"
    if roles >= set(_ROLES):
        return "anybody signed in"
    return ", ".join(sorted(roles, key=_ROLES.index))


# Cells


def _cell(text: str) -> str:
    """Text as one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


PAGES = {"commands.md": commands_page, "settings.md": settings_page, "api.md": routes_page}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
