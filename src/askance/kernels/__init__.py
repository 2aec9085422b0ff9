"""Compiled loops over arrays: the only room that imports numba, each loop with a plain reference in its tests."""

from askance.kernels import compiling as compiling
