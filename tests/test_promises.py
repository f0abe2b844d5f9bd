"""The promises of the threshold rules, kept or broken on real held-out data: the code of benchmarks/promises.py, smaller."""

import numpy as np
import promises
import pytest

RUNS = 500


def at_most(share, runs=RUNS):
    """A share with three standard errors on top."""
    return share + 3 * np.sqrt(share * (1 - share) / runs)


@pytest.fixture(scope="module")
def symbols():
    return promises.symbols(every=3)


@pytest.fixture(scope="module", params=["george", "theo"])
def digits(request, real_data):
    return promises.spoken_digits(real_data, request.param)


def check_precision(case, capsys):
    found = promises.calibrations(case, labels=300, runs=RUNS)
    with capsys.disabled():
        print(
            f"\n{case.name}: "
            + "; ".join(
                f"{rule} missed {r['missed']:.3f}, coverage {r['coverage']:.2f}" for rule, r in found.items()
            )
        )
    ours = found["for_precision"]
    assert ours["missed"] <= at_most(promises.DELTA)
    assert ours["coverage"] > 0.1  # a promise kept by never answering would be none
    # The two rules that everybody uses do miss: if they stop, this case has become too easy to show anything.
    assert found["best F1"]["missed"] > 0.5
    assert found["naive PR point"]["missed"] > 0.25


def test_for_precision_keeps_its_word_on_symbols(symbols, capsys):
    check_precision(symbols, capsys)


@pytest.mark.realdata
def test_for_precision_keeps_its_word_on_spoken_digits(digits, capsys):
    check_precision(digits, capsys)


def check_drift(case):
    found = promises.alarms(case, labels=300, new=200, runs=200)
    # The drift is real: the guarantee is void. (A line that keeps only the very best may hold by luck.)
    assert found["missed under drift"] > 0.4
    assert found["alarms"] >= 0.9
    assert found["false alarms"] <= 0.05


def test_a_changed_typeface_raises_the_alarm(symbols):
    check_drift(symbols)


@pytest.mark.realdata
def test_a_new_speaker_raises_the_alarm(digits):
    check_drift(digits)


@pytest.mark.parametrize("target", [0.1, 0.2])
def test_fdr_is_kept_with_decoys_as_hard_as_the_wrong_answers(symbols, target):
    found = promises.false_discoveries(symbols, target, queries=400, runs=200, hard=True)
    assert found["FDR"] <= target + 3 * found["standard error"]
    assert found["coverage"] > 0.15


def test_fdr_is_missed_with_decoys_that_are_too_easy(symbols):
    """What the docstring and the warning of for_fdr say; if this starts to pass, they are wrong."""
    found = promises.false_discoveries(symbols, 0.1, queries=400, runs=50, hard=False)
    assert found["FDR"] > 0.3


@pytest.mark.realdata
def test_fdr_on_spoken_digits_comes_near(digits):
    """Ten classes make few, large lumps of wrong answers: the rate is kept on average only roughly (see PROMISES.md)."""
    found = promises.false_discoveries(digits, 0.2, queries=400, runs=200, hard=True)
    assert found["FDR"] <= 0.2 + 0.1
