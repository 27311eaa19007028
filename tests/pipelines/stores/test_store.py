"""Errors of stores, and flags that hold secrets."""

import errno

import pytest

from posebeam.pipelines.stores.store import asked, without_secrets
from posebeam.transforms.errors import ConfigError, StoreError


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (KeyError("gone"), FileNotFoundError),
        (PermissionError("no"), PermissionError),
        (ConnectionResetError(errno.ECONNRESET, "reset"), StoreError),
        (ValueError("nonsense"), StoreError),
    ],
)
def test_errors_of_clients_say_what_they_mean_and_where(store, raised, expected):
    with pytest.raises(expected, match="gs://bucket/a/b"), asked("gs://bucket/a/b"):
        raise raised


def test_a_full_disk_is_no_fault_of_the_store(store):
    with pytest.raises(OSError, match="full") as error, asked("gs://bucket/a"):
        raise OSError(errno.ENOSPC, "full")
    assert error.value.errno == errno.ENOSPC


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "boto3.s3.transfer", None)
    with pytest.raises(ConfigError, match=r"posebeam\[aws\]"), asked("s3://bucket/a"):
        pass


def test_keys_are_not_recorded():
    given = [
        "--s3_secret_access_key=x",
        "--s3_session_token",
        "y",
        "--s3_endpoint_url=z",
        "-s3_access_key_id=k",
        "--a",
    ]
    told = without_secrets(given)
    assert told == [
        "--s3_secret_access_key=***", "--s3_session_token", "***", "--s3_endpoint_url=z", "-s3_access_key_id=***",
        "--a",
    ]  # fmt: skip
