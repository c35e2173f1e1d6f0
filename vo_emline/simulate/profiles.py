"""Shapes of single lines on a velocity or wavelength scale, for many stars at once.

Every function takes columns of parameters, shape (n, 1), and a row of
abscissae, shape (m,), and gives shape (n, m).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vo_emline.arrays import FloatArray, Pixels, Spectra

HOLTSMARK_EXPONENT: Final = 1.25
"""Linear Stark wings fall as |Δλ|^(-5/2) (Holtsmark 1919)."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)


def gaussian(velocity_kms: FloatArray, *, centre_kms: FloatArray, fwhm_kms: FloatArray) -> FloatArray:
    """Gaussian of peak one."""
    return np.asarray(np.exp(-4.0 * np.log(2.0) * np.square((velocity_kms - centre_kms) / fwhm_kms)))


def flat_topped(
    velocity_kms: FloatArray, *, centre_kms: FloatArray, fwhm_kms: FloatArray, order: FloatArray
) -> FloatArray:
    """Give a Gaussian of another order, peak one: 2 is a Gaussian, 10 nearly a box (an expanding shell)."""
    share = np.abs(2.0 * (velocity_kms - centre_kms) / fwhm_kms)
    return np.asarray(np.exp(-np.log(2.0) * share**order))


def stark(offset: FloatArray, *, width: FloatArray) -> FloatArray:
    """Line of peak one whose wings fall as a linear Stark profile.

    Parameters
    ----------
    offset
        Distance from the line centre, Å.
    width
        Half width of the wings, Å: the profile is ``(1 + (offset/width)²)^-1.25``.
    """
    return np.asarray((1.0 + np.square(offset / width)) ** -HOLTSMARK_EXPONENT)


def disk(
    velocity_kms: Pixels,
    *,
    rim_kms: FloatArray,
    inner_radius: FloatArray,
    exponent: FloatArray,
    asymmetry: FloatArray,
    opacity: FloatArray,
) -> Spectra:
    """Line of a Keplerian disk (Smak 1981; Horne & Marsh 1986), before any broadening.

    With ``u`` the velocity in units of the outer rim's projected velocity and
    ``sin θ = u √r`` the azimuth of the emitting point, the flux is the integral
    over the radius of ``r^(3/2 - exponent) / cos θ``; it is taken over
    ``t = cos θ``, where it has no singularity.

    Parameters
    ----------
    velocity_kms
        Velocities about the star's own, km/s, shape (m,).
    rim_kms
        Projected Keplerian velocity of the outer rim, km/s: half the peak
        separation of the unbroadened profile (Huang 1972).
    inner_radius
        Inner radius in units of the outer one, within (0, 1).
    exponent
        The surface emissivity falls as ``r^-exponent``.
    asymmetry
        Amplitude of a one-armed (m = 1) density wave, within [-1, 1]: emissivity
        times ``1 + asymmetry · sin θ``. Positive makes the red peak the stronger one.
    opacity
        ``sin i · tan i`` of an optically thick disk, whose saturated emission
        escapes along the velocity shear (Horne & Marsh 1986, section 2); 0 for a
        thin one.

    Returns
    -------
    FloatArray
        Profiles of peak near one, shape (n, m); zero beyond the inner rim's velocity.
    """
    u = velocity_kms / rim_kms
    u = np.where(np.abs(u) < 0.02, 0.02, u)
    square = np.square(u)
    low = np.sqrt(np.maximum(1.0 - square, 0.0))
    high = np.sqrt(np.maximum(1.0 - square * inner_radius, 0.0))
    total = np.zeros_like(u)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        t = low + 0.5 * (high - low) * (1.0 + node)
        sine = np.sqrt(np.maximum(1.0 - t * t, 1e-12))
        radius = np.square(sine) / square
        term = radius ** (1.5 - exponent) * (1.0 + asymmetry * np.sign(u) * sine)
        total += weight * term * np.sqrt(1.0 + np.square(2.0 * opacity * sine * t))
    profile = total * (high - low) / square
    return np.asarray(profile / np.max(profile, axis=1, keepdims=True))
