"""A workspace with pictures, people and the running app; a real Chromium for the browser tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from label_store import Workspace
from tests.annotate_app.material import add_categories, add_people
from tests.annotate_app.server import RunningApp, serving


@pytest.fixture
def stocked(workspace: Workspace) -> Workspace:
    """SQLite, with categories and people but no pictures yet."""
    add_categories(workspace)
    add_people(workspace, ["ann", "bea", "carl"])
    add_people(workspace, ["cora"], "curator")
    return workspace


@pytest.fixture
def any_stocked(any_workspace: Workspace) -> Workspace:
    """The same, once on SQLite and once on PostgreSQL."""
    add_categories(any_workspace)
    add_people(any_workspace, ["ann", "bea", "carl"])
    add_people(any_workspace, ["cora"], "curator")
    return any_workspace


@pytest.fixture
def app(stocked: Workspace) -> Iterator[RunningApp]:
    """The real app on a loopback port."""
    with serving(stocked) as running:
        yield running


def find_chromium() -> str | None:
    """CAIRN_CHROMIUM, else playwright's own (""), else the system's; None when there is none."""
    named = os.environ.get("CAIRN_CHROMIUM")
    if named:
        return named
    own = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    if any(own.glob("chromium*")):
        return ""
    return next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A real Chromium; where CI is set its absence is a failure, not a skip."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None and not os.environ.get("CI"):
        pytest.skip("there is no Chromium; set CAIRN_CHROMIUM or run `playwright install chromium`")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path or None, args=["--no-sandbox"])
        yield opened
        opened.close()
