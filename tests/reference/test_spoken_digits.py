"""Spoken digits find written ones and the other way round, for a speaker whom nobody has heard."""

import published
import pytest


@pytest.mark.realdata
def test_a_thousand_pairs_are_enough_for_an_unheard_speaker(stated):
    table = published.spoken_digits_table()
    mean = {method: rows.mean() for method, rows in table.items()}
    print(mean)
    assert mean["Relative"] >= 0.70, mean
    assert mean["Relative"] > mean["CCA"] > 0.62, mean
    assert (table["Relative"] > 0.45).all()  # chance is 0.10
    for method, rows in table.items():
        assert float(stated[method][0]) == pytest.approx(rows.mean(), abs=0.015)
