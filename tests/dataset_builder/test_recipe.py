"""The recipe: every key has a default, a flag and a place in the design; anything else is refused by name."""

import json
import tomllib
from pathlib import Path

import pytest

from dataset_builder import Recipe, RecipeError, read_recipe, recipe_from, recipe_keys, recipe_schema, with_flags

DESIGN = """
task = "classify"
campaigns = ["vehicles"]
categories = ["car", "bus"]
min_posterior = 0.95
licenses = ["CC0-1.0", "CC-BY-4.0"]
min_side = 0
per_class_max = 1300
per_class_min = 0
multi_label = false
[splits]
train = 0.8
val = 0.1
test = 0.1
seed = "vehicles-2026"
[duplicates]
hash = "phash"
radius = 8
keep = "best"
against = []
[pixels]
size = 256
mode = "shorter_side"
format = "jpeg"
quality = 90
background = "white"
[shards]
bytes = 268435456
"""


def test_the_recipe_of_the_design_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(DESIGN)
    recipe = read_recipe(path)
    assert recipe.categories == ("car", "bus")
    assert recipe.per_class_max == 1300
    assert recipe.splits.seed == "vehicles-2026"
    assert recipe.duplicates.keep == "best"
    assert recipe.pixels.quality == 90


def test_what_the_manifest_stores_makes_the_same_recipe_again(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(DESIGN)
    recipe = read_recipe(path)
    assert recipe_from(recipe.as_mapping()) == recipe
    assert recipe_from({}) == Recipe() == recipe_from(Recipe().as_mapping())


def test_every_key_has_a_default_and_says_what_it_means() -> None:
    flat: dict[str, object] = {}
    for key, value in Recipe().as_mapping().items():
        flat |= {f"{key}.{name}": entry for name, entry in value.items()} if isinstance(value, dict) else {key: value}
    assert {key.name for key in recipe_keys()} == set(flat)
    assert all(key.about.endswith(".") for key in recipe_keys())


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"categorys": ["car"]}, ("categorys", "categories")),
        ({"splits": {"trian": 0.5}}, ("splits.trian", "splits.train")),
        ({"min_posterior": 1.5}, ("min_posterior", "1.5")),
        ({"duplicates": {"keep": "some"}}, ("duplicates.keep", "some")),
        ({"pixels": {"mode": "stretch"}}, ("pixels.mode", "stretch")),
        ({"pixels": {"background": "whitish"}}, ("pixels.background", "whitish")),
        ({"splits": {"train": 0.5}}, ("0.7", "1")),
        ({"categories": ["car", "car"]}, ("car", "twice")),
        ({"created": "yesterday"}, ("created", "yesterday")),
        ({"per_class_max": 0}, ("per_class_max", "0")),
    ],
)
def test_a_wrong_key_or_value_is_refused_by_name(table: dict[str, object], words: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from(table)
    told = f"{caught.value} {caught.value.hint}"
    assert all(word in told for word in words), told
    assert caught.value.exit_code == 2
    assert caught.value.hint


def test_broken_toml_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('task = "classify"\ncampaigns = [,\n')
    with pytest.raises(RecipeError, match="line"):
        read_recipe(path)
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "absent.toml")


def test_flags_win_over_the_file_and_reach_nested_keys() -> None:
    table = {"min_side": 32, "splits": {"seed": "a"}}
    recipe = recipe_from(
        with_flags(table, {"splits.train": 0.6, "splits.val": 0.3, "min_side": None, "task": "detect"})
    )
    assert (recipe.splits.train, recipe.splits.val, recipe.splits.test) == (0.6, 0.3, 0.1)
    assert (recipe.splits.seed, recipe.min_side, recipe.task) == ("a", 32, "detect")
    assert table == {"min_side": 32, "splits": {"seed": "a"}}


def test_the_schema_allows_what_is_read_and_says_what_every_key_means() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = recipe_schema()
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for table in (tomllib.loads(DESIGN), {}, Recipe().as_mapping(), {"duplicates": {"keep": 3}, "balance": True}):
        assert list(validator.iter_errors(table)) == []
    for table in ({"categorys": []}, {"splits": {"trian": 1}}, {"pixels": {"mode": "stretch"}}, {"max_aspect": 0.5}):
        assert list(validator.iter_errors(table))
    described = json.dumps(schema)
    assert all(json.dumps(key.about)[1:-1] in described for key in recipe_keys())
