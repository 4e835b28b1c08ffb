"""What `cairn doctor` examines: versions, GPU, browser, database, disk, and what is unsafe here."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from sqlalchemy import exists, func, select
from sqlalchemy.exc import SQLAlchemyError

from cairn.browser import find_chromium
from label_store import CairnError, FolderBlobs, Workspace, schema, tells_likeness
from label_store.models import Image, Takedown

Verdict = Literal["ok", "note", "wrong"]

REQUIRED = ("numpy", "pillow", "sqlalchemy", "alembic", "pandas", "pyarrow", "imagehash")
ROOMS = {
    "collect": ("aiohttp", "packaging", "protego", "selectolax"),
    "serve": (
        "argon2-cffi",
        "defusedxml",
        "fastapi",
        "httptools",
        "ijson",
        "jinja2",
        "markdown-it-py",
        "python-multipart",
        "pyyaml",
        "uvicorn",
        "uvloop",
    ),
    "build": ("jinja2", "matplotlib", "mlcroissant", "simplejpeg"),
    "train": ("matplotlib", "torch", "torchvision"),
}
LOW_DISK = 5 * 2**30
_AGAIN = "mend that, then run `cairn doctor` again"
SAMPLE = 50


@dataclass(frozen=True)
class Finding:
    """One thing examined; `remedy` says what to do unless it is ok."""

    verdict: Verdict
    what: str
    remedy: str = ""


def examine(folder: Path | None) -> Iterator[Finding]:
    """All findings, in the order of the house; nothing here changes anything."""
    yield Finding("ok", f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    yield from _packages()
    yield from _gpu()
    yield from _chromium()
    try:
        place = Workspace.find(folder)
    except CairnError as error:
        yield Finding("note", str(error), error.hint)
        yield from _disk(Path.cwd())
        return
    yield from _workspace(place)


def _packages() -> Iterator[Finding]:
    for room, names in {"": REQUIRED, **ROOMS}.items():
        found, missing = [], []
        for name in names:
            try:
                found.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                missing.append(name)
        if found:
            yield Finding("ok", ", ".join(found))
        if missing:
            remedy = f"pip install 'cairn-dataset[{room}]'" if room else "pip install cairn-dataset"
            yield Finding("note" if room else "wrong", f"not installed: {', '.join(missing)}", remedy)


def _gpu() -> Iterator[Finding]:
    try:
        import torch
    except ImportError:
        return
    if torch.cuda.is_available():
        for n in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(n)
            yield Finding("ok", f"GPU {n}: {properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    else:
        yield Finding(
            "note", "no GPU that torch can use", "training runs on the CPU; check `nvidia-smi` if there is one"
        )


def _chromium() -> Iterator[Finding]:
    browser = find_chromium()
    if browser is None or not browser.exists():
        yield Finding(
            "note",
            "no Chromium (only the browser tests need one)",
            "`apt-get install chromium`, or `playwright install chromium`, or set CAIRN_CHROMIUM",
        )
        return
    try:
        done = subprocess.run([str(browser), "--version"], capture_output=True, text=True, timeout=20, check=True)
        yield Finding("ok", f"{done.stdout.strip()} ({browser})")
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding("wrong", f"{browser} does not start: {error}", "install it again, or set CAIRN_CHROMIUM")


def _workspace(folder: Path) -> Iterator[Finding]:
    yield from _attempt("workspace", lambda: _opened(folder))
    try:
        place = Workspace.open(folder)
    except CairnError:
        return
    yield from _attempt("blobs", lambda: _blobs(place))
    yield from _takedowns(place)
    yield from _disk(folder)
    yield from _unsafe(place)
    place.close()


def _attempt(what: str, look: Callable[[], str]) -> Iterator[Finding]:
    try:
        yield Finding("ok", look())
    except CairnError as error:
        yield Finding("wrong", f"{what}: {error}", error.hint or _AGAIN)
    except (OSError, SQLAlchemyError) as error:
        yield Finding("wrong", f"{what}: {error}", _AGAIN)


def _opened(folder: Path) -> str:
    place = Workspace.open(folder)
    try:
        shown = place.engine.url.render_as_string(hide_password=True)
        return f"workspace {folder}, database {shown} at schema {schema.current_revision(place.engine)}"
    finally:
        place.close()


def _blobs(place: Workspace) -> str:
    """Whether pictures that the store has told of are where it keeps them; looks at a sample, changes nothing."""
    store, where = place.blobs, place.settings.blobs_url
    if isinstance(store, FolderBlobs):
        if not store.root.is_dir():
            raise CairnError(f"{store.root} is not a folder", hint="restore it from a backup, or mend blobs_url")
    else:
        store.prepare()
    gone = exists().where(Takedown.sha256 == Image.sha256)
    with place.read() as session:  # hashes are random, so the first by hash are a fair sample
        sample = list(session.scalars(select(Image.sha256).where(~gone).order_by(Image.sha256).limit(SAMPLE)))
    missing = [sha256 for sha256 in sample if not store.has(sha256)]
    if missing:
        raise CairnError(
            f"{len(missing)} of {len(sample)} pictures looked for are not in {where}, for instance {missing[0]}",
            hint="restore them from a backup, or run the same `cairn collect` again",
        )
    return f"pictures in {where} ({len(sample)} looked for, all there)"


def _takedowns(place: Workspace) -> Iterator[Finding]:
    """Takedowns by likeness whose hash is of an earlier kind: they refuse their own bytes, and nothing alike."""
    with place.read() as session:
        outdated = session.scalar(
            select(func.count()).select_from(Takedown).where(Takedown.phash.is_not(None), ~tells_likeness())
        )
    if outdated:
        yield Finding(
            "note",
            f"{outdated:,} {'takedown has' if outdated == 1 else 'takedowns have'} a hash of an earlier kind,"
            " and what looks alike is no longer refused for it",
            "where you have such a picture, `cairn takedown --near FILE` once more",
        )


def _disk(folder: Path) -> Iterator[Finding]:
    usage = shutil.disk_usage(folder)
    shown = f"{usage.free / 2**30:.1f} GiB free at {folder}"
    if usage.free < LOW_DISK:
        yield Finding("wrong", shown, "free some space: a build writes as much again as its pictures take")
    else:
        yield Finding("ok", shown)


def _unsafe(place: Workspace) -> Iterator[Finding]:
    settings = place.settings
    if settings.serve_host not in ("127.0.0.1", "::1", "localhost"):
        yield Finding(
            "wrong",
            f"serve_host is {settings.serve_host}: other machines reach the app, which has no TLS of its own",
            "put it behind a reverse proxy with TLS and keep serve_host = 127.0.0.1",
        )
    if settings.open_signup:
        yield Finding("note", "open_signup is on: anybody who reaches the app can judge", "set open_signup = false")
    if settings.allow_hosts:
        yield Finding(
            "note",
            f"the collector may fetch from private addresses: {', '.join(settings.allow_hosts)}",
            "remove them from allow_hosts when they are no longer needed",
        )
    if not settings.contact:
        yield Finding(
            "note", "no contact: sites cannot tell who collects", "set contact in cairn.toml to an e-mail or a URL"
        )
    file = place.sqlite_file
    if file is not None and file.exists() and file.stat().st_mode & stat.S_IWOTH:
        yield Finding("wrong", f"{file} can be written by everybody", f"chmod o-w {file}")
