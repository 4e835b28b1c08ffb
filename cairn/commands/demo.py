"""`cairn demo`: the whole chain on one machine, then a report to open."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cairn.console import err, finish, out, progress
from label_store import UsageError


def demo(
    quick: Annotated[bool, typer.Option("--quick", help="Under a minute: fewer pictures, shorter training.")] = False,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Pictures from Wikimedia Commons, and you as the annotator. It ends in the release's card and the"
            " network's report: without a renderer nobody knows the truth that the demo's report measures against.",
        ),
    ] = False,
    contact: Annotated[
        str, typer.Option(help="With --live: your e-mail or a page of yours, which Commons asks every program for.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws another site.")] = 0,
    workspace: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", help="Where the demo lives (else demo-workspace, or live-workspace)."),
    ] = None,
) -> None:
    """Run the whole chain on this machine: a picture site, collecting, judging, consensus, release, training, report.

    Example: cairn demo --quick
    """
    for name in [name for name in os.environ if name.startswith("CAIRN_") and name != "CAIRN_DEBUG"]:
        del os.environ[name]  # they name somebody's real database, bucket and hosts, which are no demo's business
    if workspace is not None and workspace.exists() and not workspace.is_dir():
        raise UsageError(f"{workspace} is not a folder", hint="name a folder for the demo with --workspace")
    if live:
        from cairn.demo.live import run_live

        run_live(workspace or Path("live-workspace"), lambda line: out.print(line, markup=False), contact=contact)
        return
    from cairn.demo.story import run_demo

    workspace = workspace or Path("demo-workspace")
    report = run_demo(
        workspace, quick=quick, seed=seed, tell=lambda line: err.print(line, markup=False), progress=progress
    )
    finish(f"the report is {report}", then=f"open {report}  ·  cairn serve --workspace {workspace}")
