"""The paper's symbols, defined once. Curvatures H may have either sign; everything else is positive."""

from importlib import import_module
from typing import Any

sp: Any = import_module("sympy")
"""sympy, whose own types do not know what its functions return."""

x, y, v = sp.symbols("x y v", real=True)
"""Coordinates along and across a direction, and a velocity."""
H = sp.Symbol("H_i", real=True)
"""Curvature along an eigen-direction."""
H_a, H_b = sp.symbols("H_ae |H_be|", positive=True)
"""Curvature along the escape direction at the minimum, and its magnitude at the saddle."""
barrier = sp.Symbol("dL", positive=True)
"""Barrier L(b) - L(a)."""
s = sp.Symbol("s", positive=True)
"""Which part of the climb is paid at the minimum's noise, in (0, 1)."""
eta, B, C, D = sp.symbols("eta B C_i D_i", positive=True)
"""Learning rate, batch size, variance of the gradient noise, diffusion D = eta C / 2."""
t, T = sp.Symbol("t", positive=True), sp.Symbol("T", positive=True, integer=True)
"""Dynamical time t = eta T, and steps T."""
gamma, M = sp.symbols("gamma M", positive=True)
"""Friction and mass of the particle."""
beta0, beta1, beta2, beta3 = sp.symbols("beta0 beta1 beta2 beta3", positive=True)
"""The rules' own constants."""
n = sp.Symbol("n", positive=True, integer=True)
"""Dimension."""
h = sp.Symbol("|H_i|", positive=True)
"""Magnitude of a curvature."""
friction_mass = sp.Symbol("gammaM", positive=True)
"""Friction times mass, 1 where the momentum is an average."""
mu = sp.Symbol("mu_i", positive=True)
"""Adai's inertia of a direction."""
second_moment = sp.Symbol("v_i", positive=True)
"""Second moment of a gradient coordinate, as Adam and Adai remember it."""
trace_norm = sp.Symbol("||H||_1", positive=True)
"""Sum of the magnitudes of all curvatures."""
LATEX = {H_b: r"|H_{be}|", h: r"|H_i|", barrier: r"\Delta L", friction_mass: r"\gamma M", trace_norm: r"\|H\|_1"}
"""What LaTeX calls them where sympy would not know."""
