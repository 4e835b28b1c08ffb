"""The demo takes nothing that is somebody's: not their database, not their work; and no failure hangs it."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cairn.demo.crowd import CROWD, Annotator, answer
from cairn.demo.labour import AppClient, sign_in, work
from cairn.demo.site_truth import SiteTruth
from cairn.demo.state import State, begin
from label_store import CairnError, CategorySpec, Workspace, put_category
from label_store.models import Campaign


def test_somebodys_database_and_bucket_are_not_the_demos(tmp_path):
    mine = Workspace.init(tmp_path / "mine")
    environment = {
        **os.environ,
        "CAIRN_DATABASE_URL": f"sqlite:///{mine.folder}/labels.db",
        "CAIRN_BLOBS_URL": "s3://my-bucket/pictures",
    }
    script = """
import os, sys
from cairn.commands import demo
import cairn.demo.story as story
story.run_demo = lambda *a, **k: sys.exit(any(n.startswith("CAIRN_") for n in os.environ))
demo.demo(quick=True, live=False, seed=0, workspace=None)
"""
    done = subprocess.run([sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr


def finished(folder):
    workspace = Workspace.init(folder)
    State(folder, 0, True, finished=True).save()
    return workspace


def test_a_finished_demo_starts_anew(tmp_path):
    finished(tmp_path / "demo").close()
    state = begin(tmp_path / "demo", True, 0, lambda line: None)
    assert not state.finished
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["demo.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_demo_in_which_somebody_has_worked_since_is_never_deleted(tmp_path):
    workspace = finished(tmp_path / "demo")
    with workspace.write() as session:
        put_category(session, CategorySpec(name="car"))
        session.add(Campaign(slug="my-own", kind="verify", stopping={"rule": "fixed", "n": 1}))
    workspace.close()
    with pytest.raises(CairnError, match="my-own"):
        begin(tmp_path / "demo", False, 0, lambda line: None)
    assert (tmp_path / "demo" / "labels.db").is_file()


def test_an_interrupted_demo_goes_on(tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    State(folder, 3, True, port=4711).save()
    said = []
    assert begin(folder, True, 3, said.append).port == 4711
    assert "interrupted" in said[0]


class App(BaseHTTPRequestHandler):
    """An app where everybody waits for items that the one who fails holds."""

    protocol_version = "HTTP/1.1"
    broken = "Bo"
    failures = 0

    def do_GET(self) -> None:
        if self.path.endswith("/leases"):
            self.reply(200, {"items": [], "outlook": "wait"})
        else:
            self.reply(200, [{"id": 1, "slug": "c", "kind": "verify", "categories": []}])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/leases"):
            if self.headers["Authorization"] == f"Bearer {self.broken}":
                self.reply(403, {"detail": "you may not"})
            else:
                self.reply(200, {"items": [], "outlook": "wait"})
        elif self.path == "/api/v1/sessions":
            self.reply(201, {"token": json.loads(body)["name"]})
        elif self.path == "/flaky":
            type(self).failures += 1
            self.reply(503 if self.failures < 3 else 200, {"tries": self.failures})
        else:
            self.reply(303, None)

    def reply(self, status, value) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words) -> None: ...


@pytest.fixture
def app():
    server = ThreadingHTTPServer(("127.0.0.1", 0), App)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def no_truth():
    return SiteTruth(0, True, {}, {}, (), "/private/", "/urls.csv", 0, (), (), (), ())


def test_when_one_annotator_fails_the_others_stop_and_the_reason_is_told(app):
    people = [Annotator("Ada", 0.9), Annotator("Bo", 0.9)]
    clients = sign_in(app, people, {"Ada": "x", "Bo": "y"})
    with pytest.raises(CairnError, match="you may not"):
        work(clients, "c", people, no_truth(), 0, lambda n: None)


def test_a_request_without_an_answer_is_sent_again(app):
    App.failures = 0
    assert AppClient(app).ask("POST", "/flaky", {}) == {"tries": 3}


def test_annotators_know_nothing_but_what_is_on_the_picture_and_answer_the_same_each_time():
    truth = no_truth()
    for who in CROWD:
        first = answer(who, "verify", "a" * 64, "car", (), truth, 0)
        assert first == answer(who, "verify", "a" * 64, "car", (), truth, 0)
        assert first["value"] in ("yes", "no", "unsure")
    assert answer(CROWD[-1], "verify", "b" * 64, "car", (), truth, 0) == {"value": "yes"}
