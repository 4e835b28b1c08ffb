"""Running the app: the address it listens on is checked before anything is promised."""

import ipaddress
import socket
import sys
from contextlib import closing, suppress
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from sqlalchemy import select

from label_store import CairnError, UsageError, Workspace
from label_store.models import Person


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_exposure(host: str, *, tls: bool, plain_http: bool) -> None:
    """Refuse to send passwords over a network in the clear, unless that was asked for by name."""
    if is_loopback(host) or tls or plain_http:
        return
    raise UsageError(
        f"{host} can be reached from other machines, and without TLS passwords would travel readable",
        hint="give --tls-cert and --tls-key; or --plain-http where a proxy in front of it ends TLS",
    )


def check_certificate(cert: Path | None, key: Path | None) -> None:
    """Both files or neither, and both there."""
    if (cert is None) != (key is None):
        raise UsageError("TLS needs both a certificate and its key", hint="give --tls-cert and --tls-key")
    for path in (cert, key):
        if path is not None and not path.is_file():
            raise UsageError(f"there is no file {path}", hint="give a PEM file")


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket (`port` 0: any free one); CairnError when the port is in use or not ours to take."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise CairnError(
            f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}",
            hint="choose another port with --port (0 takes any free one)",
        ) from error
    return listener


def run(app: FastAPI, listener: socket.socket, *, tls_cert: Path | None = None, tls_key: Path | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that are being answered are finished first."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # it would hold the secrets of invitation links
        server_header=False,
        proxy_headers=True,  # only from loopback, uvicorn's default
        timeout_graceful_shutdown=10,
        timeout_keep_alive=75,  # a browser that judges slowly need not connect anew, or meet a connection just closed
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
    )
    # Python's 5 ms before a thread must let another go on are too long where one thread answers everybody.
    sys.setswitchinterval(0.0005)
    # uvicorn raises the signal again once it has shut down; a Ctrl-C has done its work by then.
    with closing(listener), suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def has_people(workspace: Workspace) -> bool:
    """Whether anybody could sign in at all."""
    with workspace.read() as session:
        return (
            session.scalar(
                select(Person.id).where(Person.disabled_at.is_(None), Person.password_hash.is_not(None)).limit(1)
            )
            is not None
        )
