"""How good measurements with errors are: proper scores and coverage, against what is true."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from vo_emline.arrays import Column, FloatArray


def standardised(truth: FloatArray, value: FloatArray, error: FloatArray) -> FloatArray:
    """Give the deviations of the truth from measurements in their standard deviations; NaN stays NaN."""
    return np.asarray((truth - value) / error)


def crps(truth: FloatArray, value: FloatArray, error: FloatArray) -> FloatArray:
    """Give the continuous ranked probability score of Gaussian forecasts, in the unit of the values.

    Smaller is better; for an error of zero it is the absolute deviation
    (Gneiting & Raftery 2007, JASA 102, 359, section 4.2).
    """
    z = standardised(truth, value, error)
    density = np.exp(-0.5 * np.square(z)) / np.sqrt(2.0 * np.pi)
    return np.asarray(error * (z * (2.0 * ndtr(z) - 1.0) + 2.0 * density - 1.0 / np.sqrt(np.pi)))


def weighted_crps(truth: Column, value: Column, error: Column, *, reference: Column) -> float:
    """Give the mean CRPS in units of a reference error, over the lines that have it.

    Every line counts alike then, bright or faint, where a plain mean is that of
    the noisiest few. Weights that do not depend on the forecast leave the score
    proper.

    Parameters
    ----------
    truth, value, error
        What is true, measurements and their standard deviations, shape (n,).
    reference
        One error for each line, the same for all methods that are compared, shape (n,).
    """
    each = crps(truth, value, error) / reference
    return float(np.mean(each[np.isfinite(each)]))


def probability_integral(truth: FloatArray, value: FloatArray, error: FloatArray) -> FloatArray:
    """Give the probability that the forecast puts below the truth: evenly spread over [0, 1] if all is well.

    Source: Dawid 1984, J. R. Stat. Soc. A 147, 278.
    """
    return np.asarray(ndtr(standardised(truth, value, error)))


def error_factor(truth: FloatArray, value: FloatArray, error: FloatArray) -> float:
    """Give the factor on the errors with which 68.3 % of the truths lie within one of them; 1 without any."""
    z = np.abs(standardised(truth, value, error))
    z = z[np.isfinite(z)]
    return float(np.quantile(z, 0.6827)) if z.size else 1.0
