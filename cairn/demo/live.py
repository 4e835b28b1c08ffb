"""`cairn demo --live`: the same chain with Wikimedia Commons as the source and a person in the browser."""

import secrets
import socket
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import exists, func, select

import dataset_builder
from annotate_app import add_person, create_campaign
from cairn.demo.app_process import AppProcess
from collector import CollectOptions, CollectReport, Commons, Query, collect
from collector.sources.apis import ApiUnreachable
from collector.sources.commons import API, NAME
from label_store import CairnError, CategorySpec, UsageError, Workspace, put_category, settle
from label_store.models import Campaign, Item, Judgment, Person, Release, Takedown
from train import RunConfig
from train import run as run_training

CATEGORIES = ("lighthouse", "windmill", "tram", "teapot")
EACH = 40
WIDTH = 500
"""Of the renditions, pixels: no more bytes than a person and a small network need."""
CAMPAIGN, PERSON, RELEASE = "live-verify", "you", "live"
LOOK_SECONDS = 2.0


class NoInternet(CairnError):
    """Commons cannot be reached from here."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, hint="run `cairn demo` without --live; it needs no internet")


def run_live(
    folder: Path,
    tell: Callable[[str], None],
    *,
    contact: str = "",
    api: str = API,
    allow_hosts: tuple[str, ...] = (),
    minutes: float = 1.0,
) -> Path:
    """Run the chain; returns the release's card. One sentence (NoInternet) when Commons cannot be reached.

    A stopped run goes on where it was: pictures and judgments stay, the same command asks for the rest, and
    the release and a finished training run are made once. There is no story report: nobody knows the truth about
    these pictures. `contact` is named to Commons; the network trains for about `minutes`.
    `api` and `allow_hosts` let a test serve the API on loopback.
    """
    workspace, report = gather(folder, contact=contact, api=api, allow_hosts=allow_hosts)
    tell(f"{report.new_images} pictures came from {NAME}")
    with workspace.read() as session:
        known = session.scalar(select(Campaign.id).where(Campaign.slug == CAMPAIGN))
    if known is None:
        create_campaign(workspace, CAMPAIGN, "verify", CATEGORIES, stopping={"rule": "fixed", "n": 1})
    if _progress(workspace)[1]:
        _ask(folder, workspace, tell)
    card = _release(workspace)
    tell(f"the network's report is {_train(workspace, card.parent, minutes)}")
    tell(f"the release's card is {card}")
    workspace.close()
    return card


def _ask(folder: Path, workspace: Workspace, tell: Callable[[str], None]) -> None:
    """The app, until the person has judged everything."""
    password = _account(workspace)
    with AppProcess(folder.resolve()) as app:
        address = f"{app.base_url}/label/{CAMPAIGN}"
        tell(f"judge the pictures at {address}")
        tell(f"sign in as {PERSON!r} with the password {password!r}; this command waits until all are judged")
        webbrowser.open(address)
        _wait(workspace, tell)


def _release(workspace: Workspace) -> Path:
    """The card of live/1: built now, or by the run before this one."""
    with workspace.read() as session:
        made = session.scalar(select(Release.path).where(Release.name == RELEASE, Release.version == 1))
    if made is None:
        settle(workspace, CAMPAIGN)
        recipe = dataset_builder.recipe_from({"campaigns": [CAMPAIGN], "pixels": {"size": 64, "mode": "square"}})
        dataset_builder.build(workspace, RELEASE, recipe, version=1)
    return workspace.releases / RELEASE / "1" / "card.html"


def _train(workspace: Workspace, release: Path, minutes: float) -> Path:
    """The report of the one run, which goes on where it was stopped and is not made again once it is complete."""
    run = workspace.runs / RELEASE
    if (run / "metrics.json").is_file():  # the last thing that a run writes
        return run / "report.html"
    config = RunConfig(
        data=str(release),
        out=str(run),
        model="resnet18",
        width=0.5,
        small_input=False,
        size=64,
        minutes=minutes,
    )
    return run_training(config).report


def gather(
    folder: Path, *, contact: str, api: str = API, allow_hosts: tuple[str, ...] = ()
) -> tuple[Workspace, CollectReport]:
    """A workspace with pictures of the four categories; NoInternet, where that shows at once, before it is made."""
    _look_up(api)
    if not contact.strip():
        raise UsageError(
            f"{NAME} asks every program for the address of whoever runs it",
            hint="cairn demo --live --contact you@example.org",
        )
    workspace = Workspace.init(folder, allow_hosts=list(allow_hosts), contact=contact)
    try:
        with workspace.write() as session:
            for name in CATEGORIES:
                put_category(session, CategorySpec(name=name))
        queries = tuple(Query(name, name, "name") for name in CATEGORIES)
        source = Commons(queries, EACH, contact, WIDTH, api=api)
        report = collect(workspace, source, options=CollectOptions(host_delay=0.2, per_host=2))
        if not report.fetched + report.already:
            why = f" ({report.bad_row_examples[0]})" if report.bad_row_examples else ""
            raise CairnError(f"no pictures came from {NAME}{why}", hint="try again later")
    except ApiUnreachable as error:
        workspace.close()
        raise NoInternet(str(error)) from error
    except BaseException:
        workspace.close()
        raise
    return workspace, report


def _look_up(api: str) -> None:
    host = urlsplit(api).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        raise NoInternet(f"{NAME} cannot be reached from here ({host}: {error.strerror})") from error


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


def _progress(workspace: Workspace) -> tuple[int, int]:
    """How many items there are, and how many wait: nobody answered or flagged them, nor took them down."""
    answered = exists().where(Judgment.item_id == Item.id, Judgment.active)
    gone = exists().where(Takedown.sha256 == Item.image_sha256)
    items = select(func.count(Item.id)).join(Campaign, Campaign.id == Item.campaign_id)
    with workspace.read() as session:
        total = session.scalar(items.where(Campaign.slug == CAMPAIGN)) or 0
        return total, session.scalar(items.where(Campaign.slug == CAMPAIGN, ~answered, ~gone)) or 0


def _wait(workspace: Workspace, tell: Callable[[str], None]) -> None:
    """Until nothing waits."""
    told = -1
    while True:
        total, left = _progress(workspace)
        if left == 0:
            return
        if left != told:
            tell(f"{total - left} of {total} judged")
            told = left
        time.sleep(LOOK_SECONDS)
