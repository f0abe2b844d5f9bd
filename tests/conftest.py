"""Shared by all tests: where real data is, and hypothesis runs that are the same every time."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True)
settings.load_profile("same")

ROOT = Path(__file__).resolve().parents[1]


def find_real_data() -> Path | None:
    """The folder of downloaded sets: MMALIGN_NB_DATA, or shared/data beside the checkout."""
    for place in (os.environ.get("MMALIGN_NB_DATA"), ROOT.parent / "shared" / "data"):
        if place and Path(place).is_dir():
            return Path(place)
    return None


@pytest.fixture(scope="session")
def real_data() -> Path:
    place = find_real_data()
    if place is None:
        pytest.skip("real data is absent: set MMALIGN_NB_DATA to the folder of downloaded sets")
    return place
