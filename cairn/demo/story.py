"""The demo: one picture site through every room of the house, then a report. Nothing is faked behind the scenes.

Every stage goes through the product's own doors and can be repeated: a demo that was interrupted goes on where
it stopped, a finished one starts anew.
"""

import errno
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

import dataset_builder
from annotate_app import add_gold, create_campaign, invite
from cairn.demo import measures
from cairn.demo.app_process import AppProcess
from cairn.demo.crowd import CROWD
from cairn.demo.labour import AppClient, sign_in, work
from cairn.demo.report import write_report
from cairn.demo.site import PictureSite, SiteTruth, build_site
from cairn.demo.state import CARS, FULL, QUICK, RELEASE, VERIFY, Demo, Progress, ProgressFn, begin
from collector import Columns, Crawl, UrlList, collect
from label_store import Assessment, CairnError, Workspace, put_category, read_taxonomy, settle
from label_store.models import Campaign, Candidate, Category, Item, Judgment, Release
from shards.atomic import write_whole
from train import RunConfig
from train import run as run_training

MOST_ROUNDS = 5
COLUMNS = Columns(url="url", category="category", caption="caption", license="license")
TAXONOMY = Path(__file__).parent / "taxonomy.toml"
RECIPE = Path(__file__).parent / "recipe.toml"


def run_demo(folder: Path, *, quick: bool, seed: int, tell: Callable[[str], None], progress: Progress) -> Path:
    """Run the whole chain in `folder` and return the path of its report."""
    folder = folder.resolve()
    state = begin(folder, quick, seed, tell)
    demo = Demo(state, QUICK if quick else FULL, tell, progress)
    truth = _draw(demo)
    with _serve(demo, truth) as site:
        workspace = _workspace(demo)
        _collect(demo, workspace, site, truth)
    assessment = _judge(demo, workspace, truth)
    release = _build(demo, workspace, truth)
    _train(demo, workspace, release)
    report = _report(demo, workspace, truth, release, assessment)
    state.finished = True
    state.save()
    workspace.close()
    return report


def _draw(demo: Demo) -> SiteTruth:
    site = demo.folder / "site"
    with demo.stage("draw", "drawing a picture site"):
        if (site / "truth.json").is_file():
            return SiteTruth.load(site)
        with demo.progress("drawing") as progress:
            return build_site(site, demo.state.seed, demo.state.quick, progress=progress)


@contextmanager
def _serve(demo: Demo, truth: SiteTruth) -> Iterator[PictureSite]:
    """The site on the port that its addresses in the label store name."""
    try:
        with PictureSite(demo.folder / "site", truth, demo.state.port) as site:
            demo.state.port = int(site.base_url.rsplit(":", 1)[1])
            demo.state.save()
            yield site
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise CairnError(
            f"port {demo.state.port} of the interrupted demo is in use now",
            hint=f"remove {demo.folder} and run the demo again",
        ) from error


def _workspace(demo: Demo) -> Workspace:
    toml = demo.folder / "cairn.toml"
    if not toml.exists():
        settings = (
            "# The demo's workspace: its collector may fetch from the demo's own picture site on this machine.\n"
            f'name = "demo"\nallow_hosts = ["127.0.0.1:{demo.state.port}"]\nhost_delay = 0.0\nfetch_timeout = 4.0\n'
            'contact = "https://example.org/cairn-demo"\n'
        )
        write_whole(toml, settings.encode())
    workspace = Workspace.init(demo.folder)
    with workspace.write() as session:
        for spec in read_taxonomy(TAXONOMY):
            put_category(session, spec)
    return workspace


def _collect(demo: Demo, workspace: Workspace, site: PictureSite, truth: SiteTruth) -> None:
    urls = demo.folder / "urls.csv"
    with demo.stage("collect", "collecting it: crawl and URL list"):
        with demo.progress("crawling") as progress:
            crawl = Crawl(
                (f"{site.base_url}/",),
                category_of={gallery.path: gallery.category for gallery in truth.galleries},
                max_pages=2000,
                max_depth=8,
            )
            crawled = collect(workspace, crawl, progress=progress)
        site.write_url_list(urls)
        with demo.progress("url list") as progress:
            listed = collect(workspace, UrlList(urls, COLUMNS), progress=progress)
    facts = demo.state.facts
    facts["robots_requests"] = facts.get("robots_requests", 0) + site.requested(truth.closed_prefix)
    facts["pages_left_out"] = dict(crawled.pages_left_out)
    facts["bad_rows"] = max(facts.get("bad_rows", 0), listed.bad_rows)
    demo.state.save()
    demo.tell(
        f"    {crawled.new_images + listed.new_images:,} pictures,"
        f" {sum(crawled.refused.values()) + sum(listed.refused.values())} refused,"
        f" {sum(crawled.failed.values()) + sum(listed.failed.values())} failed, {listed.bad_rows} broken rows"
    )


def _judge(demo: Demo, workspace: Workspace, truth: SiteTruth) -> Assessment:
    with demo.stage("judge", "ten annotators judge over HTTP"):
        if not _has_campaign(workspace, VERIFY):
            _make_verify(demo, workspace)
        if not _has_gold(workspace):
            _add_gold(demo, workspace, truth)
        invitations = _invitations(workspace)
        with AppProcess(demo.folder) as app:
            clients = sign_in(app.base_url, CROWD, invitations)
            _work(demo, workspace, clients, VERIFY, truth)
            assessment = settle(workspace, VERIFY)
            if not _has_campaign(workspace, CARS):
                create_campaign(
                    workspace, CARS, "attributes", ["car"], stopping=demo.size.stopping, title="What kind of car?"
                )
            _work(demo, workspace, clients, CARS, truth)
    with demo.stage("settle", "computing consensus"):
        assessment = settle(workspace, VERIFY)
        settle(workspace, CARS)
    flagged = ", ".join(f"{who.name} ({', '.join(who.flags)})" for who in assessment.annotators if who.flags)
    demo.tell(f"    {assessment.states['settled']:,} settled; suspicious: {flagged or 'nobody'}")
    return assessment


def _make_verify(demo: Demo, workspace: Workspace) -> None:
    """The campaign over all candidates."""
    with workspace.read() as session:
        slugs = list(session.scalars(select(Category.slug).order_by(Category.id)))
    create_campaign(
        workspace,
        VERIFY,
        "verify",
        slugs,
        stopping=demo.size.stopping,
        gold_rate=0.06,
        title="Does the picture show it?",
        guideline="Say yes when the main thing in the picture is one. A small one in the background does not count.",
    )


def _add_gold(demo: Demo, workspace: Workspace, truth: SiteTruth) -> None:
    """What a curator would have judged by hand: a few pictures whose answer is known, a third of them wrong ones."""
    with workspace.read() as session:
        candidates = session.execute(
            select(Candidate.image_sha256, Category.slug)
            .join(Category, Category.id == Candidate.category_id)
            .distinct()
            .order_by(Candidate.image_sha256, Category.slug)
        )
        pairs = [(sha256, slug) for sha256, slug in candidates]
    wrong = [pair for pair in pairs if _right(truth, pair) == "no"]
    sound = [pair for pair in pairs if _right(truth, pair) == "yes"]
    chance = Random(f"{demo.state.seed}/gold")
    chosen = chance.sample(wrong, min(len(wrong) // 3, demo.size.gold // 3))
    chosen += chance.sample(sound, min(len(sound), demo.size.gold - len(chosen)))
    add_gold(workspace, VERIFY, {pair: {"value": _right(truth, pair)} for pair in chosen})


def _right(truth: SiteTruth, pair: tuple[str, str]) -> str:
    known = truth.lookup(pair[0])
    return "yes" if known is not None and known.category == pair[1] else "no"


def _invitations(workspace: Workspace) -> dict[str, str]:
    """One fresh invitation a person; who joined before an interruption leaves theirs unused."""
    with workspace.write() as session:
        return {who.name: invite(session) for who in CROWD}


def _work(demo: Demo, workspace: Workspace, clients: Mapping[str, AppClient], campaign: str, truth: SiteTruth) -> None:
    """Everybody judges until nothing is open; settling may open an item again, so they are asked again."""
    judgments = 0
    with demo.progress(campaign) as progress:
        watch = _Watch(workspace, campaign, progress)
        for _ in range(MOST_ROUNDS):
            count = work(clients, campaign, CROWD, truth, demo.state.seed, watch)
            judgments += count.judgments
            if count.refused:
                demo.tell(f"    {len(count.refused)} answers were refused, the first because: {count.refused[0]}")
            if settle(workspace, campaign, told=False).states["open"] == 0 or count.judgments == 0:
                break
    demo.tell(f"    {campaign}: {judgments:,} judgments of {watch.total:,} items")


class _Watch:
    """Shows how many items are settled or given up, twice a second at most."""

    def __init__(self, workspace: Workspace, campaign: str, progress: ProgressFn) -> None:
        self.workspace, self.progress = workspace, progress
        self.last = 0.0
        with workspace.read() as session:
            self.campaign_id = session.scalars(select(Campaign.id).where(Campaign.slug == campaign)).one()
            self.total = self._count(session, Item.gold.is_(None))

    def __call__(self, judgments: int) -> None:
        """Called after each page of answers."""
        if time.monotonic() - self.last < 0.5:
            return
        self.last = time.monotonic()
        with self.workspace.read() as session:
            done = self._count(session, Item.gold.is_(None), Item.state != "open")
        self.progress(done, self.total, f"{judgments:,} judgments")

    def _count(self, session: Session, *which: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count(Item.id)).where(Item.campaign_id == self.campaign_id, *which)) or 0


def _build(demo: Demo, workspace: Workspace, truth: SiteTruth) -> Path:
    with demo.stage("build", "building release demo/1 and verifying it"):
        with workspace.read() as session:
            made = session.scalar(select(Release.path).where(Release.name == RELEASE).order_by(Release.version))
        if made is None:
            with demo.progress("building") as progress:
                dataset_builder.build(
                    workspace, RELEASE, dataset_builder.read_recipe(RECIPE), version=1, progress=progress
                )
        folder = workspace.releases / RELEASE / "1"
        problems = dataset_builder.verify(folder, workspace)
    demo.state.facts["problems"] = [f"{problem.file}: {problem.what}" for problem in problems]
    demo.state.save()
    demo.tell(f"    {folder}: " + (f"{len(problems)} problems" if problems else "every checksum and label verified"))
    return folder


def _train(demo: Demo, workspace: Workspace, release: Path) -> None:
    run = workspace.runs / "demo"
    with demo.stage("train", "training a ResNet on it"):
        config = RunConfig(
            data=str(release),
            out=str(run),
            model="resnet18",
            small_input=False,
            size=64,
            seed=demo.state.seed,
            **demo.size.training,
        )
        with demo.progress("training") as progress:
            result = run_training(config, progress=progress)
    demo.tell(f"    test accuracy {result.metrics['test']['top1']:.1%} after {result.config.epochs} epochs")
    made = result.config
    demo.state.facts["train_flags"] = (
        f"--model resnet18 --width {made.width} --no-small-input --size 64 --batch-size {made.batch_size}"
        f" --epochs {made.epochs} --seed {made.seed}"
    )
    demo.state.save()


def _report(demo: Demo, workspace: Workspace, truth: SiteTruth, release: Path, assessment: Assessment) -> Path:
    with demo.stage("report", "writing the report"):
        story = _story(demo, workspace, truth, release, assessment)
        (demo.folder / "story.json").write_text(json.dumps(story, indent=1, default=str), encoding="utf-8")
        return write_report(demo.folder / "report.html", story, workspace, truth)


def _story(demo: Demo, workspace: Workspace, truth: SiteTruth, release: Path, assessment: Assessment) -> dict[str, Any]:
    cars = settle(workspace, CARS)
    with workspace.read() as session:
        gold = session.scalar(select(func.count(Item.id)).where(Item.gold.is_not(None)))
        judgments = session.scalar(select(func.count(Judgment.id)))
    return {
        "release": f"{RELEASE}/1",
        "run": "demo",
        "seed": demo.state.seed,
        "quick": demo.state.quick,
        "seconds": {name: round(seconds, 1) for name, seconds in demo.state.seconds.items()},
        **demo.state.facts,
        "gold": gold,
        "all_judgments": judgments,
        "states": dict(assessment.states),
        "collected": measures.collected(workspace, truth, demo.state.facts["pages_left_out"]),
        "candidates": measures.candidates_per_category(workspace),
        "annotators": measures.annotators(workspace, truth, assessment),
        "labels": measures.labels(workspace, truth, assessment),
        "attributes": measures.attributes(workspace, truth, cars),
        "rejected": measures.rejected(workspace, assessment),
        "duplicates": measures.duplicates(workspace, release, truth),
        "released": measures.released(release, truth),
        "training": json.loads((workspace.runs / "demo" / "metrics.json").read_text(encoding="utf-8")),
        "versions": {name: version(name) for name in ("cairn-dataset", "torch", "pillow", "sqlalchemy")},
    }


def _has_gold(workspace: Workspace) -> bool:
    with workspace.read() as session:
        return session.scalar(select(Item.id).where(Item.gold.is_not(None)).limit(1)) is not None


def _has_campaign(workspace: Workspace, slug: str) -> bool:
    with workspace.read() as session:
        return session.scalar(select(Campaign.id).where(Campaign.slug == slug)) is not None
