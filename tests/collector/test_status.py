"""What `cairn collect status` tells: what came, what did not and why, when to try again, and the time left."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cairn.cli import run
from collector import Columns, UrlList, collect, collect_status
from collector.progress import KeptProgress, run_states
from label_store import CategorySpec, Failure, Origin, Workspace, ingest, put_category, record_failure
from label_store.models import now
from tests.collector.conftest import FAST
from tests.collector.site import Site, jpeg


def fail(
    workspace: Workspace, url: str, reason: str, category: str | None = None, retry_at: datetime | None = None
) -> None:
    with workspace.write() as session:
        record_failure(session, Origin("apis", url, category=category), Failure(reason, "why", retry_at))


@pytest.fixture
def filled(store: Workspace) -> Workspace:
    """Two categories that brought pictures, one that brought none, and addresses of no category."""
    for n, category in enumerate(["car", "car", "car", "dog", "dog"]):
        ingest(store, jpeg(n), Origin("apis", f"http://h/{n}.jpg", category=category))
    with store.write() as session:
        put_category(session, CategorySpec("unicorn"))
    fail(store, "http://h/10.jpg", "http_4xx", "car")
    fail(store, "http://h/11.jpg", "not_image", "car")
    fail(store, "http://h/11.jpg", "not_image", "dog")
    fail(store, "http://h/12.jpg", "http_4xx", "unicorn")
    fail(store, "http://h/13.jpg", "timeout", retry_at=now() - timedelta(minutes=1))
    fail(store, "http://h/14.jpg", "http_5xx", retry_at=now() + timedelta(hours=5))
    return store


def test_an_address_that_brought_no_picture_counts_for_the_category_that_asked_for_it_first(filled: Workspace) -> None:
    status = collect_status(filled)
    found = {row.category: (row.candidates, row.images, dict(row.left_out)) for row in status.categories}
    assert found == {
        "car": (3, 3, {"http_4xx": 1, "not_image": 1}), "dog": (2, 2, {}), "unicorn": (0, 0, {"http_4xx": 1}),
    }  # fmt: skip
    (source,) = status.sources
    assert (source.ok, source.reasons) == (5, {"http_4xx": 2, "http_5xx": 1, "not_image": 1, "timeout": 1})


def test_what_is_to_be_tried_again_says_when(filled: Workspace) -> None:
    (source,) = collect_status(filled).sources
    assert (source.to_try_again, source.to_try_now) == (2, 1)
    assert source.next_try_at is not None
    assert source.next_try_at > now() + timedelta(hours=4)


def test_one_image_by_two_addresses_is_two_candidates(store: Workspace) -> None:
    for n in range(2):
        ingest(store, jpeg(1), Origin("apis", f"http://h/{n}.jpg", category="car"))
    (row,) = collect_status(store).categories
    assert (row.candidates, row.images, row.last_ten_minutes) == (2, 1, 2)


def test_both_databases_count_alike(any_workspace: Workspace) -> None:
    with any_workspace.write() as session:
        put_category(session, CategorySpec("car"))
    ingest(any_workspace, jpeg(1), Origin("apis", "http://h/1.jpg", category="car"))
    fail(any_workspace, "http://h/2.jpg", "dns", "car", retry_at=now())
    status = collect_status(any_workspace)
    assert [(row.candidates, dict(row.left_out)) for row in status.categories] == [(1, {"dns": 1})]
    assert status.sources[0].to_try_now == 1


def test_a_run_that_goes_on_tells_the_time_left(store: Workspace) -> None:
    kept = KeptProgress(store.folder / "collect", "urls", lambda *_: None)
    kept._marks[0] = (kept._marks[0][0] - 10, 0)
    kept(100, 1000, "")
    (state,) = run_states(store.folder, now())
    assert (state.state, state.left) == ("running", 900)
    assert state.rate == pytest.approx(10, rel=0.2)
    assert state.seconds_left == pytest.approx(90, rel=0.2)
    (killed,) = run_states(store.folder, now() + timedelta(minutes=5))
    assert killed.state == "stopped"


def test_a_state_that_cannot_be_read_is_passed_over(store: Workspace) -> None:
    (store.folder / "collect").mkdir(exist_ok=True)
    (store.folder / "collect" / "progress-urls.json").write_text('{"state": ')
    assert run_states(store.folder, now()) == []


def test_the_words_say_what_a_run_left(
    store: Workspace, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAIRN_WORKSPACE", str(store.folder))
    monkeypatch.setenv("CAIRN_ALLOW_HOSTS", json.dumps([site.netloc]))
    file = tmp_path / "list.csv"
    file.write_text(f"url,q\n{site.put('/a.jpg', jpeg(1))},red car\n{site.url('/gone.jpg')},red car\n")
    collect(store, UrlList(file, Columns(query="q")), category="car", options=FAST)
    KeptProgress(store.folder / "collect", "urls", lambda *_: None)(1, 4, "")
    assert run(["collect", "status"]) == 0
    words = capsys.readouterr().out
    assert "urls: 1 fetched; http_4xx 1" in words
    assert "running: 1 of 4" in words
    assert "cairn collect preview" in words


def test_an_empty_workspace_says_what_to_do(
    store: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAIRN_WORKSPACE", str(store.folder))
    assert run(["collect", "status"]) == 0
    assert "cairn collect urls FILE" in capsys.readouterr().out
