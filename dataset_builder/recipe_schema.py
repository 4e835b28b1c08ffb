"""The recipe as a JSON Schema, with which an editor completes and checks a TOML recipe while it is written."""

from typing import Any

from pydantic import TypeAdapter

from dataset_builder.recipe import Recipe, recipe_keys


def recipe_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a recipe: every key with its type, bounds, default and what it means."""
    schema: dict[str, Any] = TypeAdapter(Recipe).json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Recipe of a release"}
    for key in recipe_keys():
        section, _, name = key.name.rpartition(".")
        properties = schema["properties"]
        if section:
            properties = schema["$defs"][properties[section]["$ref"].rpartition("/")[2]]["properties"]
        properties[name]["description"] = key.about
    return schema
