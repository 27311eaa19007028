"""What all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure: properties have no deadline, the tests as a whole have.
settings.register_profile("posebeam", deadline=None)
settings.load_profile("posebeam")


@pytest.fixture(scope="session")
def foreign_data() -> Path:
    """Real data that is not part of the product; the folder that POSEBEAM_TEST_DATA names."""
    folder = os.environ.get("POSEBEAM_TEST_DATA")
    if not folder:
        pytest.skip("POSEBEAM_TEST_DATA names no folder with real data")
    if not Path(folder).is_dir():
        pytest.fail(f"POSEBEAM_TEST_DATA={folder} is no folder")
    return Path(folder)


@pytest.fixture(scope="session")
def media() -> Path:
    """The small real videos that ship with the repository."""
    return Path(__file__).parent / "media"
