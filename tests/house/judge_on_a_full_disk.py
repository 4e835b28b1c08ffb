"""Run on a small disk by the tests: one judgment sent to the app when not a byte is free, and again when there is room.

Prints a line of JSON for each: the answer's status and body, and how many judgments the database then holds.
"""

import json
import logging
from pathlib import Path

import httpx
from sqlalchemy import func, select

from annotate_app import create_campaign
from label_store import Workspace
from label_store.models import Judgment
from tests.annotate_app.material import add_categories, add_people, add_pictures
from tests.annotate_app.server import serving
from tests.annotate_app.work import judgment, lease


def main() -> None:
    """Make a workspace here, fill the disk, judge; make room, judge."""
    logging.disable(logging.CRITICAL)
    workspace = Workspace.init(Path())
    add_categories(workspace)
    add_pictures(workspace, "car", 3)
    add_people(workspace, ["ann"])
    create_campaign(workspace, "cars", "verify", ["car"], stopping={"rule": "fixed", "n": 3})
    with serving(workspace) as app:
        ann = app.client("ann")
        item = lease(ann, "cars", 1)["items"][0]["id"]
        answer = judgment(item)
        fill(Path("filler"))
        tell(workspace, ann.post("/api/v1/judgments", json=[answer]))
        Path("filler").unlink()
        tell(workspace, ann.post("/api/v1/judgments", json=[answer]))


def fill(path: Path) -> None:
    """Take what is free, to the last page."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"0" * size)
            except OSError:
                continue


def tell(workspace: Workspace, answer: httpx.Response) -> None:
    """One line."""
    with workspace.read() as session:
        held = session.scalar(select(func.count()).select_from(Judgment))
    line = {
        "status": answer.status_code,
        "type": answer.headers["content-type"],
        "body": answer.json(),
        "judgments": held,
    }
    print(json.dumps(line | {"judgments": held}), flush=True)


if __name__ == "__main__":
    main()
