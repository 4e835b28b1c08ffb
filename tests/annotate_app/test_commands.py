"""The commands around the app, as a curator types them."""

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from annotate_app.serving import bound_socket, check_exposure
from cairn.cli import run
from label_store import CairnError, UsageError, Workspace, find_campaign
from label_store.models import Item
from tests.annotate_app.material import add_pictures
from tests.annotate_app.server import PASSWORD, serving
from tests.annotate_app.work import judge_all


def test_a_port_in_use_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CairnError, match=f"cannot listen on 127.0.0.1:{port}") as error:
            bound_socket("127.0.0.1", port)
        assert "--port" in error.value.hint


def test_passwords_do_not_travel_readable_beyond_this_machine():
    for host in ("0.0.0.0", "192.168.1.5", "::"):
        with pytest.raises(UsageError, match="TLS"):
            check_exposure(host, tls=False, plain_http=False)
        check_exposure(host, tls=True, plain_http=False)
        check_exposure(host, tls=False, plain_http=True)
    for host in ("127.0.0.1", "localhost", "::1"):
        check_exposure(host, tls=False, plain_http=False)


def test_serve_answers_and_stops_when_asked(stocked: Workspace):
    command = [sys.executable, "-m", "cairn", "serve", "--port", "0", "--workspace", str(stocked.folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env=None)
    assert process.stdout is not None
    said = process.stdout.readline()
    url = re.search(r"http://[\d.:]+", said)
    assert url, said
    assert httpx.get(f"{url[0]}/healthz", timeout=30).json() == {"status": "ok"}
    process.send_signal(signal.SIGINT)
    assert "on disk" in process.communicate(timeout=60)[0]


def test_a_campaign_from_making_to_export(stocked: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    add_pictures(stocked, "boat", 3)
    at = ["--workspace", str(stocked.folder)]
    assert run(["campaign", "create", "boats", "--kind", "verify", "-c", "boat", "-n", "1", *at]) == 0
    assert run(["campaign", "create", "boats", "--kind", "verify", "-c", "boat", *at]) == 2
    risk = ["--max-risk", "0.02", "--review-price", "4"]
    money = ["--price", "0.05", "--budget", "20", "--item-order", "near_last", "--draft"]
    make = ["campaign", "create", "dear", "--kind", "verify", "-c", "boat"]
    assert run([*make, "--review-price", "4", *at]) == 2
    assert run([*make, "--budget", "20", *at]) == 2
    assert run([*make, *risk, *money, *at]) == 0
    assert "cairn campaign open dear" in capsys.readouterr().out
    with stocked.read() as session:
        dear = find_campaign(session, "dear")
        assert dear.stopping == {"rule": "risk", "max_risk": 0.02, "max_n": 10, "review_price": 4.0}
        assert (dear.budget, dear.item_order, dear.state) == (20.0, "near_last", "draft")
    with serving(stocked) as app:
        assert judge_all(app.client("ann"), "boats") == 3
    capsys.readouterr()
    assert run(["campaign", "status", "boats", "--json", *at]) == 0
    assert json.loads(capsys.readouterr().out)["judged_enough"] == 3
    known = tmp_path / "known.csv"
    with stocked.read() as session:
        pictures = session.scalars(select(Item.image_sha256)).all()
    known.write_text("image,answer\n" + "".join(f"{sha256},yes\n" for sha256 in pictures))
    assert run(["campaign", "create", "gold", "--kind", "verify", "-c", "boat", *at]) == 0
    assert run(["campaign", "gold", "gold", str(known), *at]) == 0
    known.write_text(f"image,answer\n{pictures[0]},perhaps\n{pictures[1]},no\n")
    capsys.readouterr()
    assert run(["campaign", "gold", "gold", str(known), *at]) == 3
    assert "line 2" in capsys.readouterr().out
    out = tmp_path / "boats.csv"
    assert run(["campaign", "export", "boats", "-o", str(out), *at]) == 0
    assert out.read_text().count(",ann,yes,") == 3
    assert run(["campaign", "create", "again", "--kind", "verify", "-c", "boat", *at]) == 0
    assert run(["campaign", "import", "again", str(out), *at]) == 3  # the item numbers are those of the other campaign
    assert run(["campaign", "close", "boats", *at]) == 0


def test_people_are_added_invited_and_disabled(stocked: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    at = ["--workspace", str(stocked.folder)]
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    assert run(["user", "add", "dora", "--role", "reviewer", "--password-file", str(secret), *at]) == 0
    assert run(["user", "add", "dora", "--password-file", str(secret), *at]) == 2
    assert run(["user", "role", "dora", "curator", *at]) == 0
    assert run(["user", "role", "dora", "emperor", *at]) == 2
    capsys.readouterr()
    assert run(["user", "invite", *at]) == 0
    link = re.search(r"/invitations/\S+", capsys.readouterr().out)
    with serving(stocked) as app:
        assert app.client("dora").get("/api/v1/sessions/current").json()["role"] == "curator"
        assert link
        assert httpx.get(f"{app.url}{link[0]}").status_code == 200
        assert run(["user", "disable", "dora", *at]) == 0
        gone = httpx.post(f"{app.url}/api/v1/sessions", json={"name": "dora", "password": PASSWORD})
        assert gone.status_code == 401


def test_consensus_says_what_to_do_next(stocked: Workspace, capsys: pytest.CaptureFixture[str]):
    add_pictures(stocked, "boat", 2)
    at = ["--workspace", str(stocked.folder)]
    assert run(["campaign", "create", "boats", "--kind", "verify", "-c", "boat", "-n", "2", *at]) == 0
    for people, words in (((), "cairn user invite"), (("ann",), "until the stopping rule"), (("bea",), "cairn build")):
        with serving(stocked) as app:
            for name in people:
                judge_all(app.client(name), "boats")
        capsys.readouterr()
        assert run(["consensus", "boats", *at]) == 0
        assert words in capsys.readouterr().out.splitlines()[-1]


def test_without_a_terminal_a_password_comes_from_a_file(stocked: Workspace):
    command = [sys.executable, "-m", "cairn", "user", "add", "zoe", "--workspace", str(stocked.folder)]
    asked = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 2
    assert "--password-file" in asked.stderr
    given = subprocess.run(
        [*command, "--password-file", "-"], input="a good long one\n", capture_output=True, text=True, check=False
    )
    assert given.returncode == 0, given.stderr
