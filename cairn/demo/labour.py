"""Lets the demo's annotators work: each joins by an invitation, leases, looks at pictures, and sends answers."""

import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cairn.demo.crowd import Annotator, answer
from cairn.demo.site_truth import SiteTruth
from label_store import CairnError

PAGE = 24
"""Pictures on one page of the verify grid."""
PAUSES = (0.2, 0.5, 1.0, 2.0)
"""Seconds before a request without an answer is sent again."""
LOOKED_AT = 0.05
"""Share of thumbnails really fetched: a browser fetches all, but one machine plays ten browsers here."""


class AppClient:
    """One person's connection to the app: JSON over HTTP/1.1, kept open."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self.connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=60)
        self.token = ""

    def join(self, invitation: str, name: str, password: str) -> None:
        """Make the account by the invitation's form (not again where it was made before), then sign in."""
        form = urlencode({"name": name, "password": password})
        self._request(
            "POST",
            f"/invitations/{quote(invitation)}",
            form.encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        self.token = self.ask("POST", "/api/v1/sessions", {"name": name, "password": password})["token"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """A JSON request; CairnError with the app's own sentence when it is refused."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        status, answered = self._request(method, path, data, headers)
        if status >= 400:
            try:
                problem = json.loads(answered)
                sentence = problem.get("detail") or problem.get("title") or answered.decode()
            except ValueError:
                sentence = answered.decode("utf-8", "replace")[:200]
            raise CairnError(f"the app refused {method} {path} ({status}): {sentence}")
        return json.loads(answered) if answered else None

    def picture(self, sha256: str) -> bytes:
        """The thumbnail that the grid would show."""
        status, data = self._request(
            "GET", f"/images/{sha256}?variant=thumb", None, {"Authorization": f"Bearer {self.token}"}
        )
        if status != 200:
            raise CairnError(f"the app did not show picture {sha256} ({status})")
        return data

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send, and send again where no answer came: leases resume, and a judgment sent twice is one."""
        for pause in (*PAUSES, None):
            try:
                self.connection.request(method, path, body, dict(headers))
                response = self.connection.getresponse()
                status, data = response.status, response.read()
                if status < 500 or pause is None:
                    return status, data
            except (OSError, http.client.HTTPException):
                self.connection.close()
                if pause is None:
                    raise
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")


@dataclass
class Count:
    """What all annotators together did so far."""

    judgments: int = 0
    refused: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when somebody failed: the others would wait for that person's leases to end."""


def sign_in(base_url: str, crowd: Sequence[Annotator], invitations: Mapping[str, str]) -> dict[str, AppClient]:
    """Everybody's connection, signed in once for all campaigns: checking a password is slow on purpose."""
    clients = {who.name: AppClient(base_url) for who in crowd}
    for name, client in clients.items():
        client.join(invitations[name], name, password_of(name))
    return clients


def work(
    clients: Mapping[str, AppClient],
    campaign: str,
    crowd: Sequence[Annotator],
    truth: SiteTruth,
    seed: int,
    report: Callable[[int], None],
) -> Count:
    """Everybody judges until the campaign has nothing left for them; one thread a person.

    `clients` are signed in; `report` gets the number of judgments so far. The first thing that goes wrong for
    anybody is raised.
    """
    count = Count()
    failures: list[BaseException] = []

    def one(who: Annotator) -> None:
        try:
            _one(clients[who.name], campaign, who, truth, seed, count, report)
        except BaseException as error:
            failures.append(error)
            count.stop.set()

    threads = [threading.Thread(target=one, args=(who,), name=who.name, daemon=True) for who in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return count


def password_of(name: str) -> str:
    """The demo's accounts exist on loopback and die with its workspace; their passwords are no secret."""
    return f"demo-{name.lower()}-annotates"


def _one(
    client: AppClient,
    campaign: str,
    who: Annotator,
    truth: SiteTruth,
    seed: int,
    count: Count,
    report: Callable[[int], None],
) -> None:
    shown = next(c for c in client.ask("GET", "/api/v1/campaigns") if c["slug"] == campaign)
    schemas = {category["slug"]: category["attributes"] for category in shown["categories"]}
    leases = f"/api/v1/campaigns/{shown['id']}/leases"
    lease = client.ask("GET", leases)  # first what this person holds already: the demo may have been cut off
    while not count.stop.is_set():
        if not lease["items"]:
            lease = client.ask("POST", leases, {"n": PAGE, "one_category": shown["kind"] == "verify"})
        if not lease["items"]:
            # Nothing new: but the answer to an earlier request may have been lost, and its items held since.
            outlook, lease = lease["outlook"], client.ask("GET", leases)
            if lease["items"]:
                continue
            if outlook == "done":
                return
            count.stop.wait(0.05)  # somebody else holds the last items; they come back or are answered
            continue
        page = [_judgment(who, shown["kind"], item, schemas, truth, seed) for item in lease["items"]]
        for item in lease["items"]:
            if Random(f"{who.name}/{item['id']}").random() < LOOKED_AT:
                client.picture(item["sha256"])
        outcomes = client.ask("POST", "/api/v1/judgments", page)
        with count.lock:
            count.judgments += sum(outcome["status"] == "accepted" for outcome in outcomes)
            count.refused += [outcome["reason"] for outcome in outcomes if outcome["status"] == "refused"]
            report(count.judgments)
        lease = {"items": []}


def _judgment(
    who: Annotator,
    kind: str,
    item: Mapping[str, Any],
    schemas: Mapping[str, Sequence[Mapping[str, Any]]],
    truth: SiteTruth,
    seed: int,
) -> dict[str, Any]:
    chance = Random(f"{seed}/{who.name}/pace/{item['id']}")
    active_ms = round(who.pace_ms * chance.lognormvariate(0, 0.35))
    answered_at = datetime.now(UTC)
    said = answer(who, kind, item["sha256"], item["category"], schemas.get(item["category"], ()), truth, seed)
    return {
        "id": str(uuid.uuid4()),
        "item": item["id"],
        "answer": said,
        "shown_at": (answered_at - timedelta(milliseconds=active_ms)).isoformat(),
        "answered_at": answered_at.isoformat(),
        "active_ms": active_ms,
    }
