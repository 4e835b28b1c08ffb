"""A workspace with pictures, people and the running app; a real Chromium for the browser tests."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from cairn.browser import find_chromium
from label_store import Workspace
from tests.annotate_app.material import add_categories, add_people
from tests.annotate_app.people import Keyboard
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium; where CI is set its absence is a failure, not a skip.

    Closed at the end of the file: Playwright keeps an event loop running in this thread, which no test of
    another room should meet.
    """
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None and not os.environ.get("CI"):
        pytest.skip("there is no Chromium; set CAIRN_CHROMIUM or run `playwright install chromium`")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def sit_down(browser: Any) -> Iterator[Any]:
    """Somebody signs in and works; no script of theirs may have failed."""
    opened: list[Keyboard] = []

    def sit(app: RunningApp, name: str = "ann", **context: Any) -> Keyboard:
        opened.append(Keyboard(browser, app, name, **context))
        return opened[-1]

    yield sit
    for one in opened:
        assert one.errors == []
        one.context.close()
