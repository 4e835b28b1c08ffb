"""A workspace with categories that may fetch from the site on loopback, without delay."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import Candidate, CollectOptions, CollectReport, UrlList, collect
from label_store import CategorySpec, Workspace, put_category
from tests.collector.site import Site
from tests.workspaces import fresh_workspace

FAST = CollectOptions(host_delay=0, processes=0)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path, site: Site) -> Iterator[Workspace]:
    """A workspace that may fetch from the site."""
    yield from open_store(tmp_path, site)


def open_store(tmp_path: Path, site: Site, **settings: object) -> Iterator[Workspace]:
    given = {"allow_hosts": [site.netloc], "fetch_timeout": 30.0, "contact": "curator@example.org"} | settings
    workspace = fresh_workspace(tmp_path / "store", **given)
    with workspace.write() as session:
        for name in ("car", "dog", "boat"):
            put_category(session, CategorySpec(name))
    yield workspace
    workspace.close()


def collect_urls(workspace: Workspace, folder: Path, *urls: str, **given: object) -> CollectReport:
    """Collect a plain list of addresses."""
    file = folder / "list.txt"
    file.write_text("\n".join(urls) + "\n")
    options = given.pop("options", FAST)
    assert isinstance(options, CollectOptions)
    category = given.pop("category", "car")
    assert category is None or isinstance(category, str)
    return collect(workspace, UrlList(file), category=category, options=options)


__all__ = ["FAST", "Candidate", "collect_urls", "open_store"]
