"""Addresses: a URI and the path that stands for it are each other's other spelling."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posebeam.pipelines.stores.address import address, is_remote, located, mirrors, spoken, uri_of
from posebeam.transforms.errors import ConfigError

NAMES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1).filter(
        lambda name: name not in (".", "..")
    ),
    min_size=1,
    max_size=4,
)


@given(st.sampled_from(["gs", "s3"]), NAMES)
def test_a_uri_and_its_path_are_each_others_inverse(scheme, parts):
    uri = f"{scheme}://{'/'.join(parts)}"
    assert uri_of(located(uri)) == uri
    assert located(located(uri)) == located(uri)
    assert address(located(uri) / "poses/train.parquet") == f"{uri}/poses/train.parquet"


@pytest.mark.parametrize(
    "named", ["gs://bucket/out", "gs://bucket/out/", Path("gs://bucket/out"), "gs:/bucket/out"]
)
def test_a_path_that_python_mangled_is_the_uri_that_was_meant(named):
    assert address(located(named)) == "gs://bucket/out"


def test_what_lies_here_stays_as_it_was_named():
    for text in ("out", "./a b", "/data/gs/out", "gs", "s3/x", "~/x"):
        assert located(text) == Path(text)
        assert uri_of(Path(text).absolute()) == ""
        assert not is_remote(text)
    assert uri_of(mirrors()) == uri_of(mirrors() / "gs") == uri_of(mirrors() / "_scratch/x") == ""


@pytest.mark.parametrize(
    "uri", ["gs://", "gs:///x", "s3://b/../x", "s3://b//x", "gs://b/./x", "hdfs://b/x", "http://x/y"]
)
def test_what_no_file_can_be_called_is_refused(uri):
    with pytest.raises(ConfigError, match="expected"):
        located(uri)


def test_sentences_name_uris():
    told = f"{located('s3://b/x')}: is not {located('gs://c/y')}/plan.json"
    assert spoken(told) == "s3://b/x: is not gs://c/y/plan.json"
