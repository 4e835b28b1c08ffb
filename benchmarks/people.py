"""People who answer through the annotation app's public HTTP interface, each under an account of their own.

Somebody is told the SHA-256 of a picture and gives the answer that he has to it.
"""

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cairn.demo.labour import AppClient, password_of

LEASED = 100
"""Items a request for work."""
SENT = 500
"""Judgments a request, at most."""
Answer = Callable[[str], Mapping[str, Any]]
"""From the SHA-256 of a picture to an answer of the campaign's kind."""


class Person:
    """Somebody with an answer to every picture."""

    def __init__(self, name: str, answer: Answer) -> None:
        self.name = name
        self.answer = answer
        self.accepted = 0
        self.refused: list[str] = []

    def work(self, base_url: str, invitation: str, campaign: str) -> None:
        """Join by the invitation and judge until the campaign has nothing left."""
        client = AppClient(base_url)
        client.join(invitation, self.name, password_of(self.name))
        pause = threading.Event()
        batch: list[dict[str, Any]] = []
        while True:
            lease = client.ask("POST", f"/api/v1/campaigns/{campaign}/leases", {"n": LEASED})
            batch += [self._judgment(item) for item in lease["items"]]
            if batch and (not lease["items"] or len(batch) + LEASED > SENT):
                for outcome in client.ask("POST", "/api/v1/judgments", batch):
                    if outcome["status"] == "refused":
                        self.refused.append(outcome["reason"])
                    else:
                        self.accepted += 1
                batch = []
            elif not lease["items"]:
                if lease["outlook"] == "done":
                    return
                pause.wait(0.05)

    def _judgment(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": str(uuid.uuid4()),
            "item": item["id"],
            "answer": self.answer(item["sha256"]),
            "answered_at": datetime.now(UTC).isoformat(),
        }


def work_together(
    base_url: str, campaign: str, people: Sequence[Person], invitations: Sequence[str]
) -> tuple[int, list[str]]:
    """All people at once; (judgments accepted, reasons of refusals). What goes wrong for anybody is raised."""
    failures: list[BaseException] = []

    def one(who: Person, invitation: str) -> None:
        try:
            who.work(base_url, invitation, campaign)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=one, args=pair, name=pair[0].name, daemon=True)
        for pair in zip(people, invitations, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(who.accepted for who in people), [reason for who in people for reason in who.refused]
