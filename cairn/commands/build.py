"""`cairn build`: cut a release. Every key of the recipe is a flag of the same name."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

import dataset_builder
from cairn.console import PARTIAL, JsonOption, WorkspaceOption, err, finish, out, print_json, progress, table
from dataset_builder import BuildReport, read_table, recipe_from, recipe_keys, with_flags
from label_store import Workspace


def with_recipe_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for every key of a recipe; it gets those given as `flags`, by dotted name."""
    keys = {key.name.replace(".", "_"): key for key in recipe_keys()}

    @functools.wraps(command)
    def run(**given: Any) -> None:
        flags = {key.name: given.pop(name) for name, key in keys.items()}
        command(**given, flags={name: value for name, value in flags.items() if value not in (None, [])})

    signature = inspect.signature(command)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "flags"]
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]  # a function has it where inspect finds it
        parameters=[*own, *(_option(name, key.name, key.kind, key.default, key.about) for name, key in keys.items())]
    )
    return run


def _option(parameter: str, name: str, kind: type, default: Any, about: str) -> inspect.Parameter:
    stated = "" if default in (None, ()) else f" Default {default}."
    several = " Repeat for several." if kind is list else ""
    dashed = name.replace("_", "-")
    flags = [f"--{name}"] if kind is not bool else [f"--{name}/--no-{name}"]
    if dashed != name:
        flags.append(f"--{dashed}" if kind is not bool else f"--{dashed}/--no-{dashed}")
    option = typer.Option(*flags, help=about + several + stated, rich_help_panel="Recipe", show_default=False)
    hint: Any = list[str] | None if kind is list else kind | None
    return inspect.Parameter(
        parameter, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[hint, option]
    )


@with_recipe_flags
def build(
    *,
    release: Annotated[
        str | None,
        typer.Argument(metavar="[NAME[/N]]", help="Name of the release (else `name` of cairn.toml); N is the next."),
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="A TOML recipe; flags win over it.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would hold; write nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse to leave out a damaged picture.")] = False,
    engine: Annotated[str, typer.Option(help="Where pictures are made: local (processes here) or ray.")] = "local",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the recipe's JSON Schema, for editors; no more.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes that decode and encode pictures.")] = 2,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
    flags: dict[str, Any],
) -> None:
    """Cut a release from what the campaigns have settled; stopped, the same command continues.

    Example: cairn build vehicles --categories car --categories bus --pixels.size 224
    """
    if schema:
        print_json(dataset_builder.recipe_schema())
        return
    here = Workspace.open(workspace)
    release = release or here.settings.name
    given = with_flags(read_table(recipe) if recipe else {}, flags)
    with progress(f"build {release}") as tell:
        report = dataset_builder.build(
            here,
            release,
            recipe_from(given, str(recipe) if recipe else "the flags"),
            workers=workers,
            progress=tell,
            files=recipe.parent if recipe else Path(),
            strict=strict,
            dry_run=dry_run,
            engine=engine,
        )
    if json:
        print_json(asdict(report) | {"samples": report.samples})
    else:
        _show(report)
    if report.damaged:
        raise typer.Exit(PARTIAL)


def _show(report: BuildReport) -> None:
    named = f"{report.name}/{report.version}"
    table("splits", ("split", "samples"), list(report.splits.items()))
    table("categories", ("category", "samples"), list(report.categories.items())[:40])
    if report.left_out:
        table("left out", ("reason", "pictures"), list(report.left_out.items()))
    for note in report.notes:
        out.print(f"note: {note}", markup=False)
    for one in report.damaged[:20]:
        err.print(f"left out: {one.sha256}: {one.detail}", markup=False)
    if report.dry_run:
        finish(f"{named} would hold {report.samples:,} samples", then="the same command without --dry-run")
        return
    earlier = " (written by a build that was interrupted; recorded now)" if report.finished_earlier else ""
    finish(
        f"{named}: {report.samples:,} samples in {report.path}{earlier}, id {(report.release_id or '')[:16]}",
        then=f"cairn verify {named}; open {report.path / 'card.html'}",
    )
