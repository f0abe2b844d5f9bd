"""The table of Rasiwasia et al., 2010: one measure for all methods, and what another measure makes of it."""

import functools

import numpy as np
import published
import pytest


@pytest.fixture
def table():
    return _table()


@functools.cache
def _table():
    return published.wikipedia_table()


@pytest.mark.realdata
def test_by_cosine_every_figure_and_their_order_are_those_of_the_paper(table):
    mean = {method: np.mean(row["cosine"]) for method, row in table.items()}
    for method, wanted in {"random": 0.118, "CM": 0.223, "SM": 0.229, "SCM": 0.248}.items():
        assert mean[method] == pytest.approx(wanted, abs=0.01), mean
    assert mean["random"] < mean["CM"] < mean["SM"] < mean["SCM"]


@pytest.mark.realdata
def test_the_measure_matters_more_than_the_method(table):
    def mean(method, measure):
        return np.mean(table[method][measure])

    assert mean("SM, standardised", "cosine") < mean("SCM", "cosine")
    assert mean("SM, standardised", "centred correlation") > mean("SCM", "centred correlation")
    assert mean("SM", "centred correlation") > mean("SCM", "cosine")
    assert mean("SM", "euclidean") < mean("CM", "euclidean")


@pytest.mark.realdata
def test_what_is_written_down_is_what_is_computed(table, stated):
    for method, row in table.items():
        for cell, measure in zip(stated[method][1:], published.MEASURES, strict=True):
            if measure in row:
                written = [float(x) for x in cell.split("/")]
                assert written == pytest.approx([*row[measure], np.mean(row[measure])], abs=0.004), method
