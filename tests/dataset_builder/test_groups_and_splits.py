"""Groups never cross splits, order never matters, and what was released never moves."""

import hashlib
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builder.errors import RecipeError
from dataset_builder.groups import Group, components, group
from dataset_builder.recipe import Splits
from dataset_builder.splits import SPLITS, assign, quotas, read_fixed


def name(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


DEFAULT = Splits()
NAMES = [name(n) for n in range(24)]
members = st.lists(st.sampled_from(NAMES), unique=True, max_size=24)
links = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=20)
fixed = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(SPLITS), max_size=4)


def release(
    pictures: list[str], pairs: list[tuple[str, str]], before: dict[str, tuple[str, str]], official: dict[str, str],
    shares: Splits = DEFAULT,
) -> dict[str, tuple[str, str]]:  # fmt: skip
    """(group, split) of every picture released, as a build decides it."""
    grouping = group(pictures, pairs, before, official)
    stratum = {picture: "even" if int(picture[:8], 16) % 2 else "odd" for picture in pictures}
    split_of = assign(grouping.groups, stratum, shares)
    return {picture: (one.id, split_of[one.id]) for one in grouping.groups for picture in one.members}


def brute_components(names: list[str], pairs: list[tuple[str, str]]) -> list[tuple[str, ...]]:
    found = [{one} for one in names]
    for a, b in pairs:
        together = [part for part in found if a in part or b in part]
        found = [part for part in found if part not in together] + [set().union(*together)]
    return sorted(tuple(sorted(part)) for part in found)


@given(links)
def test_components_are_those_of_merging_sets_one_pair_at_a_time(pairs: list[tuple[str, str]]) -> None:
    assert components(NAMES, pairs) == brute_components(NAMES, pairs)


@given(members, links, fixed)
def test_pictures_that_match_are_in_one_group_and_a_group_is_in_one_split(
    pictures: list[str], pairs: list[tuple[str, str]], official: dict[str, str]
) -> None:
    placed = release(pictures, pairs, {}, official)
    for a, b in pairs:
        if a in placed and b in placed:
            assert placed[a] == placed[b]
    splits: dict[str, set[str]] = {}
    for group_id, split in placed.values():
        splits.setdefault(group_id, set()).add(split)
    assert all(len(found) == 1 for found in splits.values())
    assert all(placed[one][1] == official[one] for one in placed if one in official)


@given(members, links, fixed, st.randoms())
def test_the_order_of_the_input_does_not_matter(
    pictures: list[str], pairs: list[tuple[str, str]], official: dict[str, str], chance: random.Random
) -> None:
    shuffled, turned = list(pictures), [(b, a) for a, b in pairs]
    chance.shuffle(shuffled)
    chance.shuffle(turned)
    assert release(shuffled, turned, {}, official) == release(pictures, pairs, {}, official)


@given(members, links, members, links, st.sampled_from([Splits(), Splits(0.2, 0.4, 0.4, "other")]))
def test_growing_never_moves_a_released_picture_and_never_lets_a_new_one_bridge_splits(
    first: list[str], pairs: list[tuple[str, str]], more: list[str], later: list[tuple[str, str]], shares: Splits
) -> None:
    before = release(first, pairs, {}, {})
    after = release(sorted({*first, *more}), pairs + later, before, {}, shares)
    for picture, placed in before.items():
        assert after[picture] == placed
    for a, b in later:
        new = [one for one in (a, b) if one not in before]
        if new and a in after and b in after:
            assert after[a][1] == after[b][1]


def test_a_group_is_named_by_its_smallest_picture_and_keeps_the_name_for_ever() -> None:
    a, b, c = sorted(NAMES[:3])
    first = group([b, c], [(b, c)], {}, {})
    assert [one.id for one in first.groups] == [b]
    before = {b: (b, "val"), c: (b, "val")}
    second = group([a, b, c], [(a, c)], before, {})
    assert second.groups == (Group(b, (a, b, c), "val"),)


def test_a_picture_between_two_splits_is_left_out_and_the_released_ones_stay() -> None:
    a, b, new = NAMES[:3]
    found = group([a, b, new], [(a, new), (new, b)], {a: (a, "train"), b: (b, "test")}, {})
    assert found.bridges == (new,)
    assert {(one.id, one.split) for one in found.groups} == {(a, "train"), (b, "test")}


def test_of_officially_fixed_twins_the_one_in_the_test_split_stays() -> None:
    a, b, c = NAMES[:3]
    found = group([a, b, c], [(a, b), (b, c)], {}, {a: "train", b: "test"})
    assert found.groups == (Group(b, (b,), "test"),)
    assert set(found.bridges) == {a, c}


def test_a_duplicate_that_was_left_out_still_joins_its_neighbours() -> None:
    a, gone, b = NAMES[:3]
    assert len(group([a, b], [(a, gone), (gone, b)], {}, {}).groups) == 1


@given(
    st.dictionaries(st.sampled_from(["bus", "car", "van", "tram"]), st.integers(0, 500)),
    st.sampled_from([Splits(), Splits(0.5, 0.5, 0.0), Splits(1 / 3, 1 / 3, 1 / 3), Splits(0.98, 0.01, 0.01)]),
)
def test_quotas_sum_to_the_total_and_are_within_one_of_the_share(totals: dict[str, int], shares: Splits) -> None:
    found = quotas(totals, shares)
    for stratum, total in totals.items():
        assert sum(found[stratum].values()) == total
        assert all(abs(found[stratum][split] - total * getattr(shares, split)) < 1.0001 for split in SPLITS)
        assert found[stratum]["test"] == 0 or shares.test > 0


def test_many_small_categories_do_not_all_round_the_same_way() -> None:
    found = quotas({f"c{n}": 5 for n in range(100)}, Splits())
    assert {split: sum(found[name][split] for name in found) for split in SPLITS} == {
        "train": 400, "val": 50, "test": 50,
    }  # fmt: skip


@settings(max_examples=20)
@given(st.integers(0, 200), st.text(max_size=5))
def test_single_pictures_fill_every_quota_exactly(count: int, seed: str) -> None:
    groups = [Group(name(n), (name(n),), None) for n in range(count)]
    shares = Splits(seed=seed)
    found = assign(groups, dict.fromkeys((one.id for one in groups), "car"), shares)
    assert Counter(found.values()) == Counter({k: v for k, v in quotas({"car": count}, shares)["car"].items() if v})


def test_another_seed_draws_another_test_split() -> None:
    groups = [Group(name(n), (name(n),), None) for n in range(200)]
    stratum = dict.fromkeys((one.id for one in groups), "car")
    first, second = (
        {one for one, split in assign(groups, stratum, Splits(seed=seed)).items() if split == "test"} for seed in "ab"
    )
    assert first != second
    assert len(first) == len(second) == 20


def test_a_file_of_fixed_splits_is_read_and_its_mistakes_named(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "fixed.csv"
    path.write_text(f"sha256,split\n{NAMES[0]},test\n{NAMES[1]},train\n")
    assert read_fixed(path) == {NAMES[0]: "test", NAMES[1]: "train"}
    for text, told in (
        (f"{NAMES[0]},testing\n", "row 1"),
        ("sha256,split\nabc,test\n", "row 2"),
        (f"{NAMES[0]},test\n{NAMES[0]},train\n", "row 2"),
    ):
        path.write_text(text)
        with pytest.raises(RecipeError, match=told):
            read_fixed(path)
    with pytest.raises(RecipeError, match="cannot be read"):
        read_fixed(tmp_path / "absent.csv")


@given(st.lists(st.tuples(members, links, fixed), min_size=1, max_size=4))
def test_whatever_was_released_and_fixed_before_every_group_has_its_own_name_and_one_split(
    builds: list[tuple[list[str], list[tuple[str, str]], dict[str, str]]],
) -> None:
    history: dict[str, tuple[str, str]] = {}
    pairs: list[tuple[str, str]] = []
    for pictures, more, official in builds:
        pairs += more
        grouping = group(pictures, pairs, history, official)
        names = [one.id for one in grouping.groups]
        assert len(set(names)) == len(names)
        together = sorted([*grouping.bridges, *(one for found in grouping.groups for one in found.members)])
        assert together == sorted(pictures)
        history |= release(pictures, pairs, history, official)


def test_a_new_group_never_takes_the_name_of_a_released_group_of_other_pictures() -> None:
    a, b, c = sorted(NAMES[:3])
    found = group([a, b, c], [], {b: (a, "train")}, {})
    assert {one.members: one.id for one in found.groups} == {(a,): f"{a}-2", (b,): a, (c,): c}


def test_a_group_that_an_official_list_tore_apart_has_two_names() -> None:
    a, b = sorted(NAMES[:2])
    found = group([a, b], [], {a: (a, "test"), b: (a, "train")}, {})
    assert found.groups == (Group(a, (a,), "test"), Group(b, (b,), "train"))
