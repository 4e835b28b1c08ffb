"""The real answers, given again by accounts of the app through its public HTTP interface.

An annotator is told the SHA-256 of a picture and answers what the person of that column answered.
"""

import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks.cifar.pictures import CATEGORIES, Picture
from cairn.demo.labour import AppClient, password_of

LEASED = 100
"""Items a request for work."""
SENT = 500
"""Judgments a request, at most."""


class Replay:
    """One person: column `column` of the answers to `pictures`, under an account of their own."""

    def __init__(self, name: str, column: int, pictures: Mapping[str, Picture]) -> None:
        self.name = name
        self.column = column
        self.pictures = pictures
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
        answer = self.pictures[item["sha256"]].answers[self.column]
        return {
            "id": str(uuid.uuid4()),
            "item": item["id"],
            "answer": {"value": CATEGORIES[answer]},
            "answered_at": datetime.now(UTC).isoformat(),
        }


def work_together(
    base_url: str, campaign: str, people: Sequence[Replay], invitations: Sequence[str]
) -> tuple[int, list[str]]:
    """All people at once; (judgments accepted, reasons of refusals). What goes wrong for anybody is raised."""
    failures: list[BaseException] = []

    def one(who: Replay, invitation: str) -> None:
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
