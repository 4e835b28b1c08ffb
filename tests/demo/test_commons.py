"""The live demo's source: Commons' API, its shapes and errors, from a loopback server that speaks it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from cairn.demo.commons import NoInternet, plain, search
from label_store import CairnError

FOUND = {
    "batchcomplete": True,
    "query": {
        "pages": [
            {
                "pageid": 2,
                "title": "File:Second.jpg",
                "index": 2,
                "imageinfo": [
                    {
                        "mime": "image/jpeg",
                        "thumburl": "https://upload.example/640px-Second.jpg",
                        "descriptionurl": "https://commons.example/wiki/File:Second.jpg",
                        "extmetadata": {
                            "LicenseShortName": {"value": "CC BY-SA 4.0"},
                            "Artist": {"value": '<a href="//x">Ann <b>Lee</b></a>'},
                        },
                    }
                ],
            },
            {"pageid": 3, "title": "File:Sound.ogg", "index": 3, "imageinfo": [{"mime": "audio/ogg"}]},
            {
                "pageid": 1,
                "title": "File:First.jpg",
                "index": 1,
                "imageinfo": [{"mime": "image/jpeg", "thumburl": "https://upload.example/640px-First.jpg"}],
            },
            {"pageid": 4, "title": "File:Gone.jpg", "index": 4},
        ]
    },
}


@pytest.fixture
def commons() -> Iterator[tuple[str, list[dict], list]]:
    answers: list = []
    asked: list[dict] = []

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append({**parse_qs(urlsplit(self.path).query), "agent": self.headers["User-Agent"]})
            status, body = answers.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/w/api.php", asked, answers
    server.shutdown()
    server.server_close()


def test_pictures_come_in_the_order_of_the_search_with_licence_and_author(commons):
    api, asked, answers = commons
    answers.append((200, json.dumps(FOUND).encode()))
    first, second = search("tram", 40, api)
    assert first.url.endswith("First.jpg")
    assert (second.license, second.author, second.category) == ("CC BY-SA 4.0", "Ann Lee", "tram")
    assert asked[0]["maxlag"] == ["5"]
    assert asked[0]["gsrlimit"] == ["40"]
    assert "Cairn" in asked[0]["agent"]


def test_nothing_found_is_no_error(commons):
    api, _, answers = commons
    answers.append((200, b'{"batchcomplete": true}'))
    assert search("tram", 40, api) == []


def test_a_lagging_server_is_a_sentence(commons):
    api, _, answers = commons
    answers.append(
        (200, json.dumps({"error": {"code": "maxlag", "info": "Waiting for a server: 7 s lagged"}}).encode())
    )
    with pytest.raises(CairnError, match="lagged"):
        search("tram", 40, api)


@pytest.mark.parametrize("answer", [(503, b"busy"), (200, b"<html>a captive portal</html>")])
def test_what_is_not_the_api_counts_as_no_internet(commons, answer):
    api, _, answers = commons
    answers.append(answer)
    with pytest.raises(NoInternet, match="cannot be reached"):
        search("tram", 40, api)


def test_no_server_at_all_is_one_sentence():
    with pytest.raises(NoInternet) as nothing:
        search("tram", 40, "http://127.0.0.1:9/w/api.php")
    assert "without --live" in nothing.value.hint


def test_markup_becomes_words():
    assert plain("<p>A&amp;B <i>c</i></p>\n d") == "A&B c d"
