"""What simulated annotators do over HTTP: lease, judge, undo."""

import uuid
from typing import Any

import httpx

from label_store.models import now


def lease(client: httpx.Client, campaign: str, n: int = 20, **wish: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/campaigns/{campaign}/leases", json={"n": n, **wish})
    assert answer.status_code == 200, answer.text
    return answer.json()


def judgment(item: int, value: str = "yes", **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "item": item,
        "answer": {"value": value},
        "answered_at": now().isoformat(),
        "active_ms": 700,
        **more,
    }


def send(client: httpx.Client, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = client.post("/api/v1/judgments", json=batch)
    assert answer.status_code == 200, answer.text
    return answer.json()


def judge_all(client: httpx.Client, campaign: str, value: str = "yes") -> int:
    """Work until there is nothing more; how many were accepted."""
    accepted = 0
    while items := lease(client, campaign)["items"]:
        outcomes = send(client, [judgment(item["id"], value) for item in items])
        assert {outcome["status"] for outcome in outcomes} == {"accepted"}, outcomes
        accepted += len(items)
    return accepted
