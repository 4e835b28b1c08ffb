"""`cairn user`: who may sign in, as what."""

import sys
from typing import Annotated

import typer
from sqlalchemy import func, select

from cairn.console import JsonOption, WorkspaceOption, finish, out, print_json, table
from label_store import UsageError, Workspace, find_campaign
from label_store.models import Judgment, Person

app = typer.Typer(help="People who may sign in: add, invite, role, disable.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="The name the person signs in with.")]
RoleOption = Annotated[str, typer.Option(help="owner, curator, reviewer, annotator, contributor or viewer.")]


@app.command()
def add(
    name: NameArgument,
    role: RoleOption = "annotator",
    password_file: Annotated[
        typer.FileText | None, typer.Option(help="Read the password from this file (- for standard input).")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Add somebody with a password, asked for on the terminal.

    Example: cairn user add maria --role curator
    """
    from annotate_app import add_person

    store = Workspace.open(workspace)
    with store.write() as session:
        person = add_person(session, name, _password(password_file), role)
        shown = person.name
    finish(f"{shown} can sign in as {role}", then="cairn serve")


@app.command()
def invite(
    role: RoleOption = "annotator",
    campaign: Annotated[str | None, typer.Option(help="Let them into this campaign.")] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Address of the app as others reach it (else of `cairn serve`).")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Print a link that makes one account; it is good for 14 days and once.

    Example: cairn user invite --role annotator --base-url https://labels.example.org
    """
    from annotate_app import invite as make_invitation

    store = Workspace.open(workspace)
    with store.write() as session:
        campaign_id = find_campaign(session, campaign).id if campaign else None
        secret = make_invitation(session, role, campaign_id=campaign_id)
    base = base_url or f"http://{store.settings.serve_host}:{store.settings.serve_port}"
    out.print(f"{base.rstrip('/')}/invitations/{secret}", soft_wrap=True)
    finish(f"whoever opens this link first becomes {role}", then="cairn serve")


@app.command()
def role(
    name: NameArgument,
    new_role: Annotated[str, typer.Argument(metavar="ROLE", help="The new role.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Give somebody another role.

    Example: cairn user role maria reviewer
    """
    from annotate_app import find_person, set_role

    store = Workspace.open(workspace)
    with store.write() as session:
        set_role(session, find_person(session, name), new_role)
    finish(f"{name} is {new_role} now", then="cairn user list")


@app.command()
def disable(name: NameArgument, workspace: WorkspaceOption = None) -> None:
    """Let somebody in no more; what they judged stays.

    Example: cairn user disable maria
    """
    from annotate_app import disable as shut_out
    from annotate_app import find_person

    store = Workspace.open(workspace)
    with store.write() as session:
        shut_out(session, find_person(session, name))
    finish(f"{name} cannot sign in any more", then="cairn user list")


@app.command()
def password(
    name: NameArgument,
    password_file: Annotated[
        typer.FileText | None, typer.Option(help="Read the password from this file (- for standard input).")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Give somebody a new password; all their sessions end.

    Example: cairn user password maria
    """
    from annotate_app import find_person, set_password

    store = Workspace.open(workspace)
    with store.write() as session:
        set_password(session, find_person(session, name), _password(password_file))
    finish(f"{name} has a new password and has to sign in again", then="cairn user list")


@app.command("list")
def list_people(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show who there is, as what, and how much they judged.

    Example: cairn user list
    """
    store = Workspace.open(workspace)
    with store.read() as session:
        rows = session.execute(
            select(Person.name, Person.role, Person.disabled_at, func.count(Judgment.id))
            .outerjoin(Judgment, (Judgment.person_id == Person.id) & Judgment.active)
            .group_by(Person.id, Person.name, Person.role, Person.disabled_at)
            .order_by(Person.name)
        ).all()
    if as_json:
        print_json(
            [
                {"name": name, "role": role, "disabled": disabled is not None, "judgments": judged}
                for name, role, disabled, judged in rows
            ]
        )
        return
    table("", ("name", "role", "state", "judgments"), [(n, r, "disabled" if d else "", j) for n, r, d, j in rows])
    finish("1 person" if len(rows) == 1 else f"{len(rows)} people", then="cairn user invite")


def _password(file: typer.FileText | None) -> str:
    if file is not None:
        return file.read().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for the password on", hint="--password-file FILE, or - for standard input"
        )
    password: str = typer.prompt("password", hide_input=True, confirmation_prompt=True)
    if not password:
        raise UsageError("a password cannot be empty")
    return password
