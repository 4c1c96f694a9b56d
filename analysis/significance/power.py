"""What a test could have seen: the power at a true difference, and the difference seen with a given power."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from analysis.significance.outcome import Outcome


def detectable_difference(outcome: Outcome, power: float = 0.8, alpha: float = 0.05) -> float | None:
    """Smallest true difference that this test, with the spread it saw, finds with the given power.

    From the noncentral t distribution, two-sided at `alpha`, without correction; None where no test was made.
    """
    if outcome.standard_error is None or outcome.df is None:
        return None
    bars = _bars(outcome.df, alpha)
    shift = optimize.brentq(lambda shift: _beyond(shift, bars) - power, 0.0, bars.max() + 10.0)
    return float(shift * outcome.standard_error)


def power_at(outcome: Outcome, difference: float, alpha: float = 0.05) -> float | None:
    """Probability that this test, with the spread it saw, finds a true difference of this size.

    Two-sided at `alpha`, in the right direction, without correction; None where no test was made.
    """
    if outcome.standard_error is None or outcome.df is None:
        return None
    return _beyond(abs(difference) / outcome.standard_error, _bars(outcome.df, alpha))


def _bars(df: float, alpha: float) -> NDArray[np.float64]:
    """Critical values times the spread of the estimated error.

    scipy's noncentral t gives NaN far out; the average of a normal over that spread does not.
    """
    errors = np.sqrt(stats.chi2.ppf((np.arange(2000) + 0.5) / 2000, df) / df)
    return np.asarray(stats.t.isf(alpha / 2, df) * errors)


def _beyond(shift: float, bars: NDArray[np.float64]) -> float:
    return float(special.ndtr(shift - bars).mean())
