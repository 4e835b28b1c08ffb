"""`cairn doctor`: what is installed, reachable, slow or unsafe here, each with its remedy."""

from dataclasses import asdict

import typer
from rich.text import Text

from cairn.console import FAILED, JsonOption, WorkspaceOption, finish, out, print_json
from cairn.examination import examine
from label_store import Workspace

_SIGNS = {"ok": ("✓", "green"), "note": ("•", "yellow"), "wrong": ("✗", "red")}


def doctor(json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Say what is installed, reachable, slow or unsafe here, each with its remedy.

    Example: cairn doctor
    """
    if workspace is not None:
        Workspace.find(workspace)  # a folder that was named must be one
    findings = list(examine(workspace))
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            sign, colour = _SIGNS[finding.verdict]
            out.print(Text(f"{sign} ", style=colour) + Text(finding.what))
            if finding.remedy:
                out.print(Text(f"    {finding.remedy}", style="dim"))
        finish("nothing is wrong" if not wrong else f"{wrong} things are wrong")
    if wrong:
        raise typer.Exit(FAILED)
