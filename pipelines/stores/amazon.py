"""AmazonStore: s3:// through boto3."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from posebeam.pipelines.stores.store import Entry
from posebeam.transforms.errors import ConfigError


class AmazonStore:
    """See Store. Beam's flags --s3_... say where and as whom, or else boto3's own settings."""

    def __init__(self, options: Any):
        try:
            from boto3.s3.transfer import TransferConfig
        except ImportError as error:
            raise ConfigError("s3:// needs packages of Amazon's: pip install 'posebeam[aws]'") from error
        from apache_beam.io.aws.clients.s3.boto3_client import Client

        self._client = Client(options).client
        self._plain = TransferConfig(use_threads=False)  # many objects are under way at once as it is

    def entries(self, bucket: str, prefix: str) -> Iterator[Entry]:
        """The objects whose names begin so: a request for each thousand."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for one in (one for page in pages for one in page.get("Contents", ())):
            yield Entry(one["Key"], one["Size"], one["ETag"])

    def fetch(self, bucket: str, name: str, file: BinaryIO) -> None:
        """The object's bytes, held against its checksum where it has one."""
        self._client.download_fileobj(bucket, name, file, Config=self._plain)

    def upload(self, bucket: str, name: str, file: Path) -> None:
        """The whole file; nothing stands under the name before the last byte is there."""
        self._client.upload_file(str(file), bucket, name, Config=self._plain)

    def remove(self, bucket: str, name: str) -> None:
        """The object, if there is one."""
        self._client.delete_object(Bucket=bucket, Key=name)

    def told(self, error: Exception) -> type[OSError] | None:
        """What an error of the client means; an upload's wraps another."""
        from botocore.exceptions import ClientError

        error = error.__context__ if not isinstance(error, ClientError) and error.__context__ else error  # type: ignore[assignment]
        if not isinstance(error, ClientError):
            return None
        code = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code == 404:
            return FileNotFoundError
        return PermissionError if code in (401, 403) else None
