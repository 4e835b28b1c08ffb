"""`cairn demo --live`: the same chain with Wikimedia Commons as the source and a person in the browser."""

import csv
import secrets
import time
import webbrowser
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

from sqlalchemy import exists, func, select

import dataset_builder
import train
from annotate_app import add_person, create_campaign
from cairn.demo.app_process import AppProcess
from cairn.demo.commons import API, Row, search
from collector import CollectOptions, Columns, UrlList, collect
from label_store import CairnError, CategorySpec, Workspace, put_category, settle
from label_store.models import Campaign, Item, Judgment, Person, Takedown

CATEGORIES = ("lighthouse", "windmill", "tram", "teapot")
EACH = 40
CAMPAIGN, PERSON, RELEASE = "live-verify", "you", "live"
COLUMNS = Columns("url", "category", "caption", "license", "author", page="page_url")
LOOK_SECONDS = 2.0


def run_live(folder: Path, tell: Callable[[str], None], *, api: str = API, allow_hosts: tuple[str, ...] = ()) -> Path:
    """Run the chain; returns the release's card. One sentence (NoInternet) when Commons cannot be reached.

    A stopped run goes on where it was: pictures and judgments stay, and the same command asks for the rest.
    `api` and `allow_hosts` let a test serve the API on loopback.
    """
    rows = [row for category in CATEGORIES for row in search(category, EACH, api)]
    workspace = Workspace.init(folder, allow_hosts=list(allow_hosts))
    with workspace.write() as session:
        for name in CATEGORIES:
            put_category(session, CategorySpec(name=name))
    urls = _write_list(folder / "commons.csv", rows)
    report = collect(workspace, UrlList(urls, COLUMNS), options=CollectOptions(host_delay=0.2))
    tell(f"{report.new_images} pictures came from Wikimedia Commons")
    password = _account(workspace)
    with workspace.read() as session:
        known = session.scalar(select(Campaign.id).where(Campaign.slug == CAMPAIGN))
    if known is None:
        create_campaign(workspace, CAMPAIGN, "verify", CATEGORIES, stopping={"rule": "fixed", "n": 1})
    with AppProcess(folder.resolve()) as app:
        address = f"{app.base_url}/label/{CAMPAIGN}"
        tell(f"judge the pictures at {address}")
        tell(f"sign in as {PERSON!r} with the password {password!r}; this command waits until all are judged")
        webbrowser.open(address)
        _wait(workspace, tell)
    settle(workspace, CAMPAIGN)
    recipe = dataset_builder.recipe_from({"campaigns": [CAMPAIGN], "pixels": {"size": 64, "mode": "square"}})
    built = dataset_builder.build(workspace, RELEASE, recipe)
    result = train.run(
        train.RunConfig(
            data=str(built.path),
            out=str(workspace.runs / built.path.name),
            model="resnet18",
            width=0.5,
            small_input=False,
            size=64,
            minutes=1.0,
        )
    )
    tell(f"the network's report is {result.report}")
    tell(f"the release's card is {built.path / 'card.html'}")
    workspace.close()
    return built.path / "card.html"


def _write_list(path: Path, rows: list[Row]) -> Path:
    if not rows:
        raise CairnError("Wikimedia Commons found no pictures", hint="try again later")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    return path


def _account(workspace: Workspace) -> str:
    """The one account, with a new password each time: the old one was shown on a terminal that may be gone."""
    from annotate_app import set_password

    password = secrets.token_urlsafe(9)
    with workspace.write() as session:
        person = session.scalar(select(Person).where(Person.name == PERSON))
        if person is None:
            add_person(session, PERSON, password, "owner")
        else:
            set_password(session, person, password)
    return password


def _wait(workspace: Workspace, tell: Callable[[str], None]) -> None:
    """Until every item was answered or flagged by somebody, or taken down."""
    answered = exists().where(Judgment.item_id == Item.id, Judgment.active)
    gone = exists().where(Takedown.sha256 == Item.image_sha256)
    told = -1
    while True:
        with workspace.read() as session:
            items = select(func.count(Item.id)).join(Campaign, Campaign.id == Item.campaign_id)
            total = session.scalar(items.where(Campaign.slug == CAMPAIGN)) or 0
            left = session.scalar(items.where(Campaign.slug == CAMPAIGN, ~answered, ~gone)) or 0
        if left == 0:
            return
        if left != told:
            tell(f"{total - left} of {total} judged")
            told = left
        time.sleep(LOOK_SECONDS)
