"""Whatever the OpenAPI document allows, and some of what it does not, is answered without a failure of the server."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import Phase, given, settings

from annotate_app import create_campaign
from label_store import Workspace
from tests.annotate_app.material import add_categories, add_people, add_pictures
from tests.annotate_app.server import RunningApp, serving
from tests.annotate_app.work import judgment, lease, send

EXAMPLES = 8
"""Requests of each operation."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """A campaign of each kind, some of it judged."""
    workspace = Workspace.init(tmp_path_factory.mktemp("openapi"))
    add_categories(workspace)
    add_people(workspace, ["ann"])
    add_people(workspace, ["olga"], "owner")
    for category in ("boat", "car"):
        add_pictures(workspace, category, 3)
    for kind in ("verify", "classify", "boxes", "polygons"):
        create_campaign(workspace, f"boats-{kind}", kind, ["boat", "car"])
    with serving(workspace) as app:
        ann = app.client("ann")
        send(ann, [judgment(item["id"]) for item in lease(ann, "boats-verify", 2)["items"]])
        yield app
    workspace.close()


def test_no_request_makes_the_server_fail(running):
    schema = schemathesis.openapi.from_url(f"{running.url}/api/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        every_request(operation, running.client("olga"))  # signed in anew for each, for one of them signs out


def every_request(operation: Any, owner: httpx.Client) -> None:
    @settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, phases=[Phase.generate])
    @given(operation.as_strategy())
    def every(case: schemathesis.Case) -> None:
        answer = case.call(headers={"Authorization": owner.headers["Authorization"]})
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)

    every()
