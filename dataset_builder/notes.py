"""What a person should know of a release before it is cut: sentences that `cairn build` prints, also for a dry run.

What is said of the recipe is for whoever cuts the release; what is said of the plan stands in its card too.
"""

from collections.abc import Iterator, Sequence

from dataset_builder.arrange import Assigned, History
from dataset_builder.recipe import PixelRecipe, Recipe
from dataset_builder.select import Chosen
from dataset_builder.semantic import SeriesLinks

_NAMED = 10


def recipe_notes(recipe: Recipe, categories: Sequence[str], chosen: Sequence[Chosen]) -> Iterator[str]:
    """Where earlier releases overrule the recipe (`categories`: with theirs), and what its pixels do to pictures."""
    if recipe.categories is not None and tuple(recipe.categories) != tuple(categories):
        yield (
            f"the categories are {_listed(categories)}, not {_listed(recipe.categories)} as the recipe says: those of"
            " the release before keep their numbers and pictures; a release under another name begins anew"
        )
    yield from _enlarged(recipe.pixels, [min(one.picture.width, one.picture.height) for one in chosen])


def plan_notes(
    recipe: Recipe,
    samples: Sequence[Assigned],
    history: History,
    series: SeriesLinks | None,
    unread: Sequence[str],
) -> Iterator[str]:
    """Which campaigns count, which categories have nothing, which pictures changed split, what features told.

    `unread` are places of the sets in `duplicates.against` that could not be read.
    """
    slugs = recipe.campaigns or ()
    yield f"the answers of {'the campaign' if len(slugs) == 1 else 'the campaigns'} {', '.join(slugs)} count"
    there = {sample.chosen.category for sample in samples}
    empty = [slug for slug in recipe.categories or () if slug not in there]
    if empty:
        yield f"no picture of {_listed(empty)}"
    before = ((sample.split, history.released.get(sample.chosen.sha256)) for sample in samples)
    moved = sum(known is not None and known[1] != split for split, known in before)
    if moved:
        yield f"{moved} pictures that were released before changed split, because splits.fixed says so"
    if series is not None:
        told = len({name for link in series.links for name in link})
        yield (
            f"{told:,} pictures are of a series with another, which stays in one split; features are known of"
            f" {series.known:,} of {series.pictures:,}"
        )
    if unread:
        yield f"nothing was compared with {len(unread):,} of duplicates.against that cannot be read: {_listed(unread)}"


def _enlarged(pixels: PixelRecipe, sides: Sequence[int]) -> Iterator[str]:
    small = [side for side in sides if side < pixels.size]
    if small and pixels.mode != "untouched":
        yield (
            f"{len(small):,} of {len(sides):,} pictures are enlarged to {pixels.size} pixels, the smallest from"
            f" {min(small)}; --pixels.size {min(small)}, --pixels.mode untouched or --min_side {pixels.size} avoids it"
        )


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''}"
