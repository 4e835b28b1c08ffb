"""A workspace: one folder with `cairn.toml`, the database, blobs, releases and runs."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from label_store import schema
from label_store.blobs import BlobStore, open_blobs
from label_store.engine import for_reading, for_writing, make_engine, parse_url
from label_store.errors import CairnError, NotAWorkspace, StoreFull, UsageError
from label_store.failures import as_sentence
from label_store.settings import Settings, load_settings

SETTINGS_FILE = "cairn.toml"
_TEMPLATE = """\
# Settings of this Cairn workspace. Environment variables CAIRN_* win over this file;
# docs/settings.md lists all settings.
name = "{name}"
# contact = "you@example.org"      # named in the collector's User-Agent
# database_url = "postgresql://user@host/name"
# blobs_url = "s3://bucket/prefix"
"""


class Workspace:
    """The settings, database and blobs of one folder. Make one with `init` or `open`."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings

    @classmethod
    def init(cls, folder: Path, **overrides: Any) -> "Workspace":
        """Make the folder a workspace, or bring an existing one to the newest schema. Repeating is safe."""
        folder = folder.resolve()
        toml = folder / SETTINGS_FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not toml.exists():
                name = "".join(c if c.isalnum() or c in "-_" else "-" for c in folder.name) or "dataset"
                _write_whole(toml, _TEMPLATE.format(name=name))
        except OSError as error:
            raise _not_made(folder, error) from error
        workspace = cls(folder, load_settings(toml, **overrides))
        with _sentences(workspace):
            schema.upgrade(workspace.engine)
        workspace.blobs.prepare()
        try:
            for name in ("releases", "runs"):
                (folder / name).mkdir(exist_ok=True)
        except OSError as error:
            raise _not_made(folder, error) from error
        return workspace

    @classmethod
    def open(cls, folder: Path | None = None, **overrides: Any) -> "Workspace":
        """The workspace at `folder`, else `CAIRN_WORKSPACE`, else the nearest one upwards from here."""
        found = cls.find(folder)
        workspace = cls(found, load_settings(found / SETTINGS_FILE, **overrides))
        with _sentences(workspace):
            if workspace.sqlite_file and not workspace.sqlite_file.exists():
                raise CairnError(f"{workspace.sqlite_file} is missing", hint=f"make it with `cairn init {found}`")
            schema.require_current(workspace.engine)
        return workspace

    @staticmethod
    def find(folder: Path | None = None) -> Path:
        """The folder that holds `cairn.toml`; raises NotAWorkspace."""
        given = folder or (Path(os.environ["CAIRN_WORKSPACE"]) if os.environ.get("CAIRN_WORKSPACE") else None)
        if given is not None:
            if not (given / SETTINGS_FILE).is_file():
                raise NotAWorkspace(
                    f"{given} is not a workspace (it has no {SETTINGS_FILE})",
                    hint=f"make one with `cairn init {given}`",
                )
            return given.resolve()
        here = Path.cwd()
        for place in (here, *here.parents):
            if (place / SETTINGS_FILE).is_file():
                return place
        raise NotAWorkspace(
            f"neither {here} nor a folder above it is a workspace",
            hint="make one with `cairn init DIR`, or name one with --workspace DIR",
        )

    @property
    def sqlite_file(self) -> Path | None:
        """The database's file; None when it is not SQLite."""
        url = parse_url(self.settings.database_url)
        if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            return None
        return self.folder / url.database

    @cached_property
    def engine(self) -> Engine:
        """The database's engine; its SQLite transactions begin as readers."""
        file = self.sqlite_file
        return make_engine(URL.create("sqlite", database=str(file)) if file else parse_url(self.settings.database_url))

    @cached_property
    def _reading(self) -> Engine:
        return for_reading(self.engine)

    @cached_property
    def _writing(self) -> Engine:
        return for_writing(self.engine)

    @cached_property
    def blobs(self) -> BlobStore:
        """Where the bytes of pictures are."""
        return open_blobs(self.settings.blobs_url, self.folder)

    @property
    def releases(self) -> Path:
        """Folder of `NAME/VERSION/`."""
        return self.folder / "releases"

    @property
    def runs(self) -> Path:
        """Folder of training runs."""
        return self.folder / "runs"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one consistent view of the database; nothing it changes is kept."""
        with Session(self._reading) as session, _sentences(self):
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose changes are committed (and on disk) when the block ends, or not at all."""
        with (
            Session(self._writing, expire_on_commit=False) as session,
            _sentences(self),
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Release the database connections."""
        if "engine" in self.__dict__:
            self.engine.dispose()


@contextmanager
def _sentences(workspace: Workspace) -> Iterator[None]:
    """Turn what the database says when it cannot be reached or written into a sentence."""
    try:
        yield
    except DBAPIError as error:
        shown = workspace.engine.url.render_as_string(hide_password=True)
        sentence = as_sentence(error, shown, workspace.sqlite_file)
        if sentence is None:
            raise
        raise sentence from error


def _not_made(folder: Path, error: OSError) -> CairnError:
    sentence = f"cannot make a workspace at {folder}: {error.strerror}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(sentence, hint="free some space there, then run the same command again")
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return UsageError(sentence, hint="name a folder; a file of that name is in the way")
    return CairnError(sentence, hint="check who owns it, or choose another folder")


def _write_whole(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
