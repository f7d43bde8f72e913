"""Dawid and Skene's model: what units truly are and how each coder errs, from codings alone.

A unit's true value is drawn from a prevalence; a coder reports it through an error table of her
own. Both are found together by expectation maximisation. It stands beside the labels as a second
opinion and settles nothing. Source: Dawid & Skene 1979, "Maximum likelihood estimation of observer
error-rates using the EM algorithm".
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

ROUNDS: Final = 200
CLOSE: Final = 1e-6
PRIOR: Final = 0.01  # of a coding added to each cell, so that no chance is exactly 0
Floats = npt.NDArray[np.float64]


class DawidSkene(NamedTuple):
    """What the model makes of one code's codings.

    `posterior`: each unit's chance of each value, units by values; `errors`: of each coder, true
    value by given value; `prevalence`: of each true value.
    """

    values: tuple[int, ...]
    posterior: Floats
    errors: Floats
    prevalence: Floats

    @property
    def opinions(self) -> npt.NDArray[np.int64]:
        """Each unit's likeliest value."""
        likeliest: npt.NDArray[np.int64] = np.array(self.values)[self.posterior.argmax(axis=1)]
        return likeliest


def dawid_skene(matrix: Floats) -> DawidSkene | None:
    """Fit the model to values of units by coders; missing is NaN. None where nothing is given.

    It begins at each unit's shares of values, so that a majority that errs less is taken for true.
    """
    is_given = ~np.isnan(matrix)
    if not is_given.any():
        return None
    values, places = np.unique(matrix[is_given], return_inverse=True)
    said = np.zeros((*matrix.shape, len(values)))
    units, coders = np.nonzero(is_given)
    said[units, coders, places] = 1.0
    posterior = _normalised(said.sum(axis=1) + PRIOR)
    for _ in range(ROUNDS):
        prevalence = posterior.mean(axis=0)
        errors = _normalised(np.einsum("uv,ucw->cvw", posterior, said) + PRIOR)
        log_chances = np.log(prevalence + PRIOR / len(matrix)) + np.einsum(
            "ucw,cvw->uv", said, np.log(errors)
        )
        before = posterior
        posterior = _normalised(np.exp(log_chances - log_chances.max(axis=1, keepdims=True)))
        if np.abs(posterior - before).max() < CLOSE:
            break
    return DawidSkene(tuple(int(value) for value in values), posterior, errors, prevalence)


def _normalised(weights: Floats) -> Floats:
    shares: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return shares
