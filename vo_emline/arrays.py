"""Names of the arrays that functions take and give: what they hold and their shape.

Shapes are those of jaxtyping: within one call a letter stands for one number, so that ``n`` windows
have ``n`` labels. The test session checks both by beartype (``tests/conftest.py``); outside of it
they are annotations and cost nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Int64

_Shape = tuple[Any, ...]
# npt.NDArray is a type alias since numpy 2.5, which jaxtyping does not take

FloatArray = Float64[np.ndarray[_Shape, np.dtype[np.float64]], "..."]
"""Double precision, of the shape that the docstring says."""
SingleArray = Float32[np.ndarray[_Shape, np.dtype[np.float32]], "..."]
"""Single precision, of the shape that the docstring says."""
BoolArray = Bool[np.ndarray[_Shape, np.dtype[np.bool_]], "..."]
IntArray = Int64[np.ndarray[_Shape, np.dtype[np.int64]], "..."]

Windows = Float32[np.ndarray[_Shape, np.dtype[np.float32]], "n 140"]
"""Flux of windows around Hα, or its inverse variance, on the grid of :mod:`vo_emline.preprocess.windows`."""
Logits = Float[np.ndarray[_Shape, np.dtype[np.floating]], "n classes"]
"""What a network gives for each class before the softmax, natural logarithms."""
Probabilities = Float[np.ndarray[_Shape, np.dtype[np.floating]], "n 3"]
"""Probability of each class, in the order of :data:`vo_emline.labels.LABELS`; rows sum to 1."""
ClassIndices = Int[np.ndarray[_Shape, np.dtype[np.int64]], "n"]
"""Class of each spectrum, index into :data:`vo_emline.labels.LABELS`."""

Wavelengths = Float64[np.ndarray[_Shape, np.dtype[np.float64]], "k"]
"""Wavelength of each pixel, vacuum Å, ascending."""
Pixels = Float64[np.ndarray[_Shape, np.dtype[np.float64]], "k"]
"""One number for each of k pixels."""
DoubleWindows = Float64[np.ndarray[_Shape, np.dtype[np.float64]], "n 140"]
"""What goes with each pixel of n windows, in double precision."""
Spectra = Float64[np.ndarray[_Shape, np.dtype[np.float64]], "n k"]
"""Flux of n spectra that share their k pixels, or what goes with each pixel."""
Column = Float64[np.ndarray[_Shape, np.dtype[np.float64]], "n"]
"""One number for each of n spectra."""
Mask = Bool[np.ndarray[_Shape, np.dtype[np.bool_]], "n"]
"""Which of n spectra."""
