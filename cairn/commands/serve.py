"""`cairn serve`: the annotation app."""

from pathlib import Path
from typing import Annotated

import typer

from cairn.console import WorkspaceOption, finish, out
from label_store import Workspace


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (else serve_host of cairn.toml).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes any free one (else serve_port).")
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM file of the certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
    plain_http: Annotated[
        bool, typer.Option("--plain-http", help="Listen beyond this machine without TLS (a proxy ends it).")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve the annotation app until Ctrl-C.

    Example: cairn serve --port 8600
    """
    from annotate_app.app import create_app
    from annotate_app.serving import bound_socket, check_certificate, check_exposure, has_people, run

    store = Workspace.open(workspace)
    address, number = host or store.settings.serve_host, store.settings.serve_port if port is None else port
    check_certificate(tls_cert, tls_key)
    check_exposure(address, tls=tls_cert is not None, plain_http=plain_http)
    listener = bound_socket(address, number)
    number = listener.getsockname()[1]
    scheme = "https" if tls_cert else "http"
    shown = f"[{address}]" if ":" in address else address
    out.print(f"annotation app on {scheme}://{shown}:{number}/ (Ctrl-C ends it)")
    if not has_people(store):
        out.print("nobody can sign in yet; in another terminal: cairn user add NAME --role owner")
    run(create_app(store), listener, tls_cert=tls_cert, tls_key=tls_key)
    store.close()
    finish("stopped; every answer that was confirmed is on disk", then="cairn serve")
