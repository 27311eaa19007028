"""References come back from their bytes as they were, and stay small."""

from dataclasses import astuple, replace

import pytest

from posebeam.pipelines.clip import ClipRef
from posebeam.pipelines.packed import pack, unpack
from posebeam.pipelines.plan import refs_digest

REFS = (
    ClipRef("/videos/wave/1.avi", "wave/1.avi", "wave", "g01", "train", 7, ("train", "test", "train"), 101),
    ClipRef("gs://bucket/wave/ü 2.mp4", "wave/ü 2.mp4", "wave", "g02", "test", 2**40, (), None, "ab12"),
    ClipRef("/odd-\udcff/3.avi", "3.avi", "wave", "g03", "validation", 0),  # a folder whose name is no UTF-8
)


@pytest.mark.parametrize("refs", [REFS, REFS[:1], ()])
def test_what_is_packed_comes_back(refs):
    assert unpack(pack(refs)) == refs
    assert refs_digest(unpack(pack(refs))) == refs_digest(refs)


def test_every_field_travels():
    for ref in REFS:
        assert ref.values == astuple(ref)


def test_a_shard_of_references_is_small():
    named = [f"some action number {n % 700}/{n * 2654435761 % 2**32:08x}abc_{n:06d}.mp4" for n in range(64)]
    refs = [replace(REFS[0], uri=f"gs://some-bucket/{name}", clip_id=name, group=name) for name in named]
    assert len(pack(refs)) < 50 * len(refs)
