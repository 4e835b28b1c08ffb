"""Everything about a release that is decided before a byte of it is written: from the store to samples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from dataset_builder.against import LIST_RADIUS, find_leaks
from dataset_builder.arrange import Arrangement, History, arrange
from dataset_builder.duplicates import find_matches
from dataset_builder.engines import Engine, engine_named
from dataset_builder.enlarged import details, measure_blobs
from dataset_builder.errors import BuildError, RecipeError
from dataset_builder.fingerprints import Fingerprint, small_picture
from dataset_builder.judging import CampaignFacts, campaign_facts
from dataset_builder.label_error import ReleaseAudit, release_audit
from dataset_builder.normalise import Failed, Normalised, Packs, normalise_partition, partitions
from dataset_builder.notes import plan_notes, recipe_notes
from dataset_builder.proposing import near_hashes
from dataset_builder.recipe import Recipe
from dataset_builder.releases import Ancestry, ancestry
from dataset_builder.select import Chosen, Dropped, select
from dataset_builder.semantic import read_features, series_links
from dataset_builder.splits import SPLITS, read_fixed
from dataset_builder.store import (
    Asked,
    CategoryFacts,
    newest_judgment,
    phashes_of,
    read_campaigns,
    read_categories,
    read_pictures,
    stale_campaigns,
)
from label_store import Workspace, rehash

Progress = Callable[[int, int | None, str], None]
_NEVER = "1970-01-01T00:00:00+00:00"


@dataclass(frozen=True)
class Selection:
    """What the store says, read in one consistent view, and what the recipe takes of it."""

    recipe: Recipe
    campaigns: tuple[Asked, ...]
    categories: tuple[CategoryFacts, ...]
    ancestry: Ancestry
    created: str
    judging: tuple[CampaignFacts, ...]
    chosen: tuple[Chosen, ...]
    dropped: tuple[Dropped, ...]
    stale: tuple[str, ...] = ()
    """Campaigns whose consensus is older than their newest answer."""
    audit: ReleaseAudit | None = None
    """What reviewers' random samples say of the labels; None where there is none."""
    notes: tuple[str, ...] = ()
    """What whoever cuts the release should know of the recipe; the release itself does not tell it."""


@dataclass(frozen=True)
class Plan:
    """A release as it will be: every sample with its split, every picture left out, in the order of SHA-256."""

    selection: Selection
    arrangement: Arrangement
    normalised: Mapping[str, Normalised]
    packs: Packs
    dropped: tuple[Dropped, ...]
    notes: tuple[str, ...]
    """What its card tells too."""


def read_selection(workspace: Workspace, name: str, version: int, recipe: Recipe) -> Selection:
    """Read the store and apply the rules that need no pixels. The recipe comes back with nothing left open."""
    rehash(workspace)  # hashes of an older version would be compared as if they were of this one
    with workspace.read() as session:
        campaigns = read_campaigns(session, recipe.campaigns)
        before = ancestry(session, name, version)
        known = read_categories(session)
        slugs = _category_order(recipe, before, campaigns, known)
        pictures = read_pictures(session, campaigns, workspace.settings.near_takedown_radius)
        newest = newest_judgment(session, campaigns)
        stale = tuple(stale_campaigns(session, campaigns))
        judging = tuple(campaign_facts(session, campaign) for campaign in campaigns)
        audit = release_audit(session, campaigns, recipe, slugs)
    resolved = replace(recipe, campaigns=tuple(c.slug for c in campaigns), categories=slugs)
    if not pictures:
        raise BuildError(
            "there is nothing to release: the recipe's campaigns have no items",
            hint="`cairn campaign status` shows what was asked and judged",
        )
    chosen, dropped = select(pictures, resolved, slugs)
    return Selection(
        recipe=resolved,
        campaigns=tuple(campaigns),
        categories=tuple(known.get(slug, CategoryFacts(slug, slug, "", None)) for slug in slugs),
        ancestry=before,
        created=recipe.created or (newest.isoformat() if newest else _NEVER),
        judging=judging,
        chosen=tuple(chosen),
        dropped=tuple(dropped),
        stale=stale,
        audit=audit,
        notes=tuple(recipe_notes(recipe, slugs, chosen)),
    )


def make_plan(
    workspace: Workspace,
    selection: Selection,
    packs_folder: Path,
    files: Path,
    workers: int,
    progress: Progress,
    engine: Engine | None = None,
) -> Plan:
    """Normalise the chosen pictures (finished packs are taken as they are), then arrange them.

    `files` is the folder that relative paths in the recipe start from; `engine` normalises, by default
    `workers` processes of this machine.
    """
    engine = engine or engine_named("local", workers)
    recipe = selection.recipe
    fixed = read_fixed(files / recipe.splits.fixed) if recipe.splits.fixed else {}
    features = read_features(files / recipe.duplicates.semantic) if recipe.duplicates.semantic else None
    earlier = sorted((selection.ancestry.placed.keys() | fixed.keys()) - {one.sha256 for one in selection.chosen})
    with workspace.read() as session:
        # A damaged picture is only its stored hash, and so is one that was released and is gone now.
        stored = phashes_of(session, sorted({*earlier, *selection.ancestry.placed, *fixed}))
    earlier = [sha256 for sha256 in earlier if sha256 in stored]
    packs = _normalise(workspace, selection, earlier, packs_folder, engine, progress)
    sound: list[Chosen] = []
    normalised: dict[str, Normalised] = {}
    failed: list[Dropped] = []
    for one in selection.chosen:
        outcome = packs.outcome(one.sha256)
        if isinstance(outcome, Failed):
            failed.append(Dropped(one.sha256, one.category, outcome.reason, outcome.detail))
        else:
            sound.append(one)
            normalised[one.sha256] = outcome
    fingerprints = [normalised[one.sha256].fingerprint for one in sound]

    readable = {sha256: found for sha256 in earlier if (found := packs.fingerprint(sha256)) is not None}
    names = [*(one.sha256 for one in sound), *readable]

    def picture_of(index: int) -> Image.Image:
        return small_picture(packs.read(names[index], "small"))

    radius = recipe.duplicates.radius
    every = [*fingerprints, *readable.values()]
    pairs = find_matches(every, picture_of, radius, progress=progress)
    matches = [match for match in pairs if match.b < len(sound)]
    beyond = [(names[match.a], names[match.b]) for match in pairs if match.b >= len(sound)]
    beyond += _near_unreadable(names, every, {k: v for k, v in stored.items() if k not in set(names)}, radius)
    series = series_links(names, features, recipe.duplicates.cosine) if features is not None else None
    leaks, unread = find_leaks(
        [one.sha256 for one in sound],
        fingerprints,
        picture_of,
        [files / path for path in recipe.duplicates.against],
        radius,
        workers,
        files,
        recipe.duplicates.hash,
    )
    history, settings = History(selection.ancestry.placed, fixed), workspace.settings
    measure = measure_blobs(names, settings.blobs_url, workspace.folder, settings.max_image_pixels, engine)
    looked_at = details(matches, fingerprints, measure)
    damaged = [
        Dropped(sound[index].sha256, sound[index].category, why.reason, why.detail)
        for index, why in looked_at.failed.items()
    ]
    links = [*beyond, *(series.links if series else ())]
    arrangement = arrange(sound, fingerprints, matches, leaks, history, recipe, links, looked_at.shares, damaged)
    dropped = sorted([*selection.dropped, *failed, *arrangement.dropped], key=lambda one: one.sha256)
    notes = tuple(plan_notes(recipe, arrangement.samples, history, series, unread))
    return Plan(selection, arrangement, normalised, packs, tuple(dropped), notes)


def refuse_stale(selection: Selection) -> None:
    """Raise BuildError where answers came in after the consensus that the release would be made of."""
    if selection.stale:
        raise BuildError(
            f"the campaign {selection.stale[0]} has answers that are newer than its consensus",
            hint="; ".join(f"run `cairn consensus {slug}`" for slug in selection.stale) + ", then build again",
        )


def refuse_empty_splits(plan: Plan) -> None:
    """Raise BuildError where the release, or a split that the recipe wants, would hold nothing."""
    samples = plan.arrangement.samples
    if not samples:
        reasons = sorted({one.reason for one in plan.dropped})
        raise BuildError(
            f"nothing is left to release: all {len(plan.dropped)} pictures were left out ({', '.join(reasons)})",
            hint="`cairn build NAME --dry-run` shows what each rule removes",
        )
    for split in SPLITS:
        wanted = getattr(plan.selection.recipe.splits, split)
        if wanted > 0 and not any(sample.split == split for sample in samples):
            raise BuildError(
                f"the {split} split would be empty: {wanted:g} of {len(samples)} pictures is less than one"
                " of any category",
                hint=f"collect more, or set --splits.{split} 0 and the other shares so that they sum to 1",
            )


def _category_order(
    recipe: Recipe, before: Ancestry, campaigns: Sequence[Asked], known: Mapping[str, CategoryFacts]
) -> tuple[str, ...]:
    """The parent's numbers first, then the recipe's order, else the campaigns'."""
    wanted = recipe.categories
    if wanted is None:
        wanted = tuple(slug for c in campaigns if c.kind in ("verify", "classify") for slug in c.categories)
    for slug in wanted:
        if slug not in known:
            raise RecipeError(
                f"the recipe names the category {slug!r}, which the taxonomy does not have",
                hint=f"it has: {', '.join(sorted(known)[:20]) or 'none'}",
            )
    return tuple(dict.fromkeys((*before.categories, *wanted)))


def _near_unreadable(
    names: Sequence[str], fingerprints: Sequence[Fingerprint], stored: Mapping[str, str | None], radius: int
) -> list[tuple[str, str]]:
    """Pairs with pictures of which only the stored hash is left; without pixels, only close hashes count."""
    hashes = {sha256: int(phash, 16) for sha256, phash in sorted(stored.items()) if phash is not None}
    gone = list(hashes)
    rows = near_hashes(fingerprints, np.array(list(hashes.values()), dtype=np.uint64), min(radius, LIST_RADIUS))
    return [(names[index], gone[row]) for index, row, _, _ in rows]


def _normalise(
    workspace: Workspace,
    selection: Selection,
    earlier: Sequence[str],
    folder: Path,
    engine: Engine,
    progress: Progress,
) -> Packs:
    chosen = [one.sha256 for one in selection.chosen]
    settings, pixels = workspace.settings, selection.recipe.pixels
    parts = [
        part
        for sha256s, compare_only in ((chosen, False), (earlier, True))
        for part in partitions(
            sha256s,
            settings.blobs_url,
            workspace.folder,
            pixels,
            settings.max_image_pixels,
            folder,
            selection.recipe.duplicates.hash,
            compare_only,
        )
    ]
    folder.mkdir(parents=True, exist_ok=True)
    paths, done = [], 0
    for part, path in zip(parts, engine(normalise_partition, parts), strict=True):
        paths.append(path)
        done += len(part.sha256s)
        progress(done, len(chosen) + len(earlier), "normalising pictures")
    for stale in set(folder.iterdir()) - set(paths):
        stale.unlink()
    return Packs(paths)
