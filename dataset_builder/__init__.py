"""From settled judgments to a release: select, deduplicate, split, normalise, write, check, publish."""

from dataset_builder.build import BuildReport, build
from dataset_builder.errors import BuildError, PublishError, RecipeError
from dataset_builder.recipe import Recipe, RecipeKey, read_recipe, read_table, recipe_from, recipe_keys, with_flags

__all__ = [
    "BuildError",
    "BuildReport",
    "PublishError",
    "Recipe",
    "RecipeError",
    "RecipeKey",
    "build",
    "read_recipe",
    "read_table",
    "recipe_from",
    "recipe_keys",
    "with_flags",
]
