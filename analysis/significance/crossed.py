"""The crossed test of folds and seeds, both of which vary; half of the evidence that carries a claim."""

from __future__ import annotations

from analysis.significance.outcome import SPEAKERS_AND_SEEDS, Differences, Outcome, blank, by_t


def quasi_f(differences: Differences, confidence: float = 0.95) -> Outcome:
    """Crossed folds x seeds test of the mean, both random (two-way layout without replication).

    V = MS_fold + MS_seed - MS_error; t = mean / sqrt(V / (F S)), Satterthwaite degrees of freedom. Where
    the variance of folds or of seeds is estimated below zero it is taken as zero: the larger of MS_fold and
    MS_seed then stands for V, with its own degrees of freedom. (Left alone, V near zero would have degrees of
    freedom near zero. Simulated size with the rule: 1.2 to 5.3 % at 5 %.)
    """
    seeds, folds = differences.shape
    begun = blank("crossed quasi-F", differences, SPEAKERS_AND_SEEDS)
    if begun.status == "identical":
        return begun
    if seeds < 2 or folds < 2:
        return begun.undefined(f"needs at least 2 seeds and 2 folds, has {seeds} and {folds}")
    fold, seed, error = mean_squares(differences)
    spread = fold + seed - error
    if min(fold, seed) > error:
        parts = fold**2 / (folds - 1) + seed**2 / (seeds - 1) + error**2 / ((folds - 1) * (seeds - 1))
        df = spread**2 / parts
    else:
        spread, df = max((fold, folds - 1.0), (seed, seeds - 1.0))
    return by_t(begun, spread / (folds * seeds), df, confidence)


def mean_squares(differences: Differences) -> tuple[float, float, float]:
    """Mean squares of folds, of seeds and of the rest, in the two-way layout without replication."""
    seeds, folds = differences.shape
    mean, fold_means = differences.mean(), differences.mean(axis=0)
    seed_means = differences.mean(axis=1, keepdims=True)
    residual = differences - fold_means - seed_means + mean
    return (
        float(seeds * ((fold_means - mean) ** 2).sum() / (folds - 1)),
        float(folds * ((seed_means - mean) ** 2).sum() / (seeds - 1)),
        float((residual**2).sum() / ((folds - 1) * (seeds - 1))),
    )
