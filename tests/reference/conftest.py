"""The tables need the downloaded sets; without them these tests are skipped, saying so."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _data(real_data, monkeypatch):
    monkeypatch.setenv("MMALIGN_NB_DATA", str(real_data))


@pytest.fixture
def stated():
    import published

    return published.stated()
