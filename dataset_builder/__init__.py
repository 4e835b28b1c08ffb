"""From settled judgments to a release: select, deduplicate, split, normalise, write, check, publish."""

from dataset_builder.building import BuildReport, build
from dataset_builder.difference import Change, Difference, diff
from dataset_builder.errors import BuildError, PublishError, RecipeError
from dataset_builder.finding import DuplicateGroup, DuplicateReport, Member, find_duplicates, write_html
from dataset_builder.publishing import Published, publish
from dataset_builder.recipe import Recipe, RecipeKey, read_recipe, read_table, recipe_from, recipe_keys, with_flags
from dataset_builder.recipe_schema import recipe_schema
from dataset_builder.releases import find_release, parse_name
from dataset_builder.verifying import verify

__all__ = [
    "BuildError",
    "BuildReport",
    "Change",
    "Difference",
    "DuplicateGroup",
    "DuplicateReport",
    "Member",
    "PublishError",
    "Published",
    "Recipe",
    "RecipeError",
    "RecipeKey",
    "build",
    "diff",
    "find_duplicates",
    "find_release",
    "parse_name",
    "publish",
    "read_recipe",
    "read_table",
    "recipe_from",
    "recipe_keys",
    "recipe_schema",
    "verify",
    "with_flags",
    "write_html",
]
