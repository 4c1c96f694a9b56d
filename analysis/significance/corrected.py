"""Corrected resampled t: training sets of cross-validation overlap; half of the evidence for a claim."""

from __future__ import annotations

from analysis.significance.outcome import SPEAKERS, Differences, Outcome, blank, by_t_on_values


def nadeau_bengio(differences: Differences, test_over_train: float, confidence: float = 0.95) -> Outcome:
    """Corrected resampled t on fold means: variance s2 (1/k + n_test/n_train), k - 1 degrees of freedom.

    Nadeau & Bengio (2003); `test_over_train` from the real counts. Seeds are averaged first, because more
    seeds are no more speakers.
    """
    means = differences.mean(axis=0)
    begun = blank("Nadeau-Bengio on fold means", differences, SPEAKERS, n=len(means))
    return by_t_on_values(begun, means, confidence, test_over_train)


def nadeau_bengio_runs(differences: Differences, test_over_train: float, confidence: float = 0.95) -> Outcome:
    """Corrected resampled t on all seeds x folds scores (Bouckaert & Frank 2004): a cautious bound.

    More seeds hardly help it: its variance has a floor of s2 n_test/n_train.
    """
    begun = blank("Nadeau-Bengio on all scores", differences, SPEAKERS)
    return by_t_on_values(begun, differences.ravel(), confidence, test_over_train)
