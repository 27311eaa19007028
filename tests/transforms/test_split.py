"""The split of groups: nothing leaks, every label has its parts, order does not matter."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posebeam.transforms.errors import ConfigError
from posebeam.transforms.split import Shares, split_groups

LABELS = st.sampled_from(["walk", "run", "sit", "wave"])
SHARED = st.lists(st.tuples(st.integers(0, 20).map("person{}".format), LABELS), max_size=60)
OWN = st.dictionaries(LABELS, st.integers(1, 40), min_size=1)
SEEDS = st.integers(0, 5)


def own_groups(counts: dict[str, int]) -> list[tuple[str, str]]:
    """Pairs in which each label has so many groups of its own."""
    return [(f"{label}/{number}.mp4", label) for label, count in counts.items() for number in range(count)]


def parts_by_label(pairs: list[tuple[str, str]], splits: dict[str, str]) -> dict[str, list[str]]:
    """For each label the part of each of its groups."""
    parts = defaultdict(list)
    for group, label in sorted(set(pairs)):
        parts[label].append(splits[group])
    return parts


@given(SHARED, SEEDS)
def test_each_group_stands_in_one_part_and_each_label_trains(pairs, seed):
    splits = split_groups(pairs, seed=seed)
    assert splits.keys() == {group for group, _ in pairs}
    assert set(splits.values()) <= {"train", "validation", "test"}
    assert all("train" in parts for parts in parts_by_label(pairs, splits).values())


@given(SHARED, SEEDS, st.randoms())
def test_order_and_repeats_do_not_matter(pairs, seed, random):
    shuffled = pairs + pairs[::2]
    random.shuffle(shuffled)
    assert split_groups(shuffled, seed=seed) == split_groups(pairs, seed=seed)


@given(OWN, SEEDS)
def test_labels_with_groups_of_their_own_have_all_parts(counts, seed):
    pairs = own_groups(counts)
    for label, parts in parts_by_label(pairs, split_groups(pairs, seed=seed)).items():
        assert ("test" in parts) == (counts[label] >= 2)
        assert ("validation" in parts) == (counts[label] >= 3)


@given(OWN, SEEDS)
def test_a_new_group_moves_few_others(counts, seed):
    pairs = own_groups(counts)
    before = split_groups(pairs, seed=seed)
    after = split_groups([*pairs, ("walk/new.mp4", "walk")], seed=seed)
    moved = [group for group in before if before[group] != after[group]]
    assert all(group.startswith("walk/") for group in moved)
    assert len(moved) <= 3


def test_a_hundred_groups_are_dealt_70_15_15():
    splits = list(split_groups(own_groups({"walk": 100})).values())
    assert [splits.count(part) for part in ("train", "validation", "test")] == [70, 15, 15]


def test_people_who_did_everything_are_dealt_once_for_all_labels():
    """25 people x 6 actions, as in KTH: every action is tested on the same people."""
    pairs = [(f"person{person}", f"action{action}") for person in range(25) for action in range(6)]
    for parts in parts_by_label(pairs, split_groups(pairs)).values():
        assert [parts.count(part) for part in ("train", "validation", "test")] == [17, 4, 4]


def test_another_seed_is_another_split():
    pairs = own_groups({"walk": 40})
    assert split_groups(pairs, seed=1) != split_groups(pairs, seed=2)


def test_the_draw_is_the_same_on_every_machine():
    """A data set that is built again elsewhere has the same test clips; a change here breaks that."""
    splits = split_groups(own_groups({"walk": 5}))
    assert [group for group, part in splits.items() if part == "test"] == ["walk/2.mp4"]
    assert [group for group, part in splits.items() if part == "validation"] == ["walk/4.mp4"]


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0.1), (0.5, 0.5), (0.0, 1.0)])
def test_shares_that_leave_nothing_to_train_are_refused(validation, test):
    with pytest.raises(ConfigError, match="less than 1 together"):
        Shares(validation, test)


def test_shares_of_nothing_leave_all_to_training():
    assert set(split_groups(own_groups({"walk": 9}), shares=Shares(0, 0)).values()) == {"train"}
