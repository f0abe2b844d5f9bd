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
    """The rows of docs/TABLES.md: what its prose and its readers rely on, by their first cell."""
    import published

    lines = published.TABLES.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}
