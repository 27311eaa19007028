"""GoogleStore: gs:// through google-cloud-storage."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from posebeam.pipelines.stores.store import Entry
from posebeam.transforms.errors import ConfigError


class GoogleStore:
    """See Store. Beam finds the credentials; an emulator (STORAGE_EMULATOR_HOST) needs none."""

    def __init__(self, options: Any):
        try:
            from apache_beam.io.gcp.gcsio import create_storage_client
        except ImportError as error:
            raise ConfigError("gs:// needs packages of Google's: pip install 'posebeam[gcp]'") from error
        self._client = create_storage_client(options, "STORAGE_EMULATOR_HOST" not in os.environ)

    def entries(self, bucket: str, prefix: str) -> Iterator[Entry]:
        """The objects whose names begin so: a request for each thousand."""
        for blob in self._client.list_blobs(bucket, prefix=prefix):
            yield Entry(blob.name, blob.size, str(blob.generation))

    def fetch(self, bucket: str, name: str, file: BinaryIO) -> None:
        """The object's bytes as they are stored, held against its checksum."""
        self._client.bucket(bucket).blob(name).download_to_file(file, raw_download=True)

    def upload(self, bucket: str, name: str, file: Path) -> None:
        """The whole file; nothing stands under the name before the last byte is there."""
        self._client.bucket(bucket).blob(name).upload_from_filename(str(file))

    def remove(self, bucket: str, name: str) -> None:
        """The object; FileNotFoundError's like if there is none."""
        self._client.bucket(bucket).delete_blob(name)

    def told(self, error: Exception) -> type[OSError] | None:
        """What an error of the client means."""
        from google.api_core.exceptions import Forbidden, NotFound, Unauthorized

        if isinstance(error, NotFound):
            return FileNotFoundError
        return PermissionError if isinstance(error, (Forbidden, Unauthorized)) else None
