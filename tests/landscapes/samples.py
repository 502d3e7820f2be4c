"""Every landscape and every noise, each once in every form that takes another path through its code."""

import numpy as np
from saddlescape.landscapes.constant_noise import ConstantNoise
from saddlescape.landscapes.expression import from_expression
from saddlescape.landscapes.hessian_noise import HessianNoise
from saddlescape.landscapes.isotropic_noise import IsotropicNoise
from saddlescape.landscapes.mueller_brown import MuellerBrown
from saddlescape.landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell
from saddlescape.landscapes.pseudo_huber import PseudoHuber
from saddlescape.landscapes.quadratic_saddle import QuadraticSaddle
from saddlescape.landscapes.quartic_well import QuarticWell
from saddlescape.landscapes.styblinski_tang import StyblinskiTang

BENT = {"transverse_min": (0.7, 3.0), "transverse_saddle": (2.0, 0.4)}


def landscapes():
    made = {
        "saddle": QuadraticSaddle(),
        "saddle-turned": QuadraticSaddle([-1.0, 0.5, 0.0, 2.0], rotation=3),
        "piecewise": PiecewiseQuadraticWell(),
        "piecewise-uneven": PiecewiseQuadraticWell(3.0, 0.5, 0.4, curvature_far=1.2),
        "piecewise-straight-turned": PiecewiseQuadraticWell(transverse_min=(1.0, 4.0), rotation=1),
        "piecewise-bent": PiecewiseQuadraticWell(curvature_far=5.0, **BENT),
        "piecewise-bent-turned": PiecewiseQuadraticWell(**BENT, rotation=2),
        "quartic": QuarticWell(),
        "quartic-tilted": QuarticWell(0.3, 1.5, tilt=-0.2),
        "quartic-straight": QuarticWell(tilt=0.1, transverse_min=(2.0,)),
        "quartic-bent": QuarticWell(tilt=0.2, **BENT),
        "quartic-bent-turned": QuarticWell(half_width=0.8, **BENT, rotation=5),
        "styblinski-tang-1": StyblinskiTang(1),
        "styblinski-tang": StyblinskiTang(3),
        "mueller-brown": MuellerBrown(),
        "mueller-brown-scaled": MuellerBrown(0.01),
        "pseudo-huber": PseudoHuber((2.0, 0.3, 1.0), (0.5, 2.0, 0.2)),
        "expression-line": from_expression("x**4/8 - x**2 + 0.1*sin(3*x)"),
        "expression-plane": from_expression("0.25*(x**2 - 1)**2 + 1.5*y**2 + 0.3*x*y"),
        "expression-separable": from_expression("x1**4 - x1**2 + x2**2*2 + cosh(x3)"),
        "expression-functions": from_expression(
            "log(2 + sin(x)*y) + tanh(x*y) + atan(x - y) + exp(-x**2/2)*sqrt(3 + y) + 2**(x/3) + (3 + x)**-1.3",
            bounds=(-1, 1),
        ),
    }
    return {name: landscape.check() for name, landscape in made.items()}


LANDSCAPES = landscapes()
WITH_ESCAPE = {name: well for name, well in LANDSCAPES.items() if name not in ("pseudo-huber", "expression-functions")}
EIGENBASIS = {
    name: well for name, well in LANDSCAPES.items() if hasattr(well, "has_eigenbasis") and well.has_eigenbasis()
}


def covariance(d):
    root = np.random.default_rng(d).standard_normal((d, d))
    return root @ root.T


def noises(d):
    made = {
        "isotropic": IsotropicNoise(1.7),
        "constant": ConstantNoise(covariance(d)),
        "diagonal": ConstantNoise(np.arange(float(d))),
        "hessian": HessianNoise(0.7),
        "hessian-floor": HessianNoise(2.0, floor=0.8),
    }
    return {name: noise.check() for name, noise in made.items()}


def points(landscape, number=6, seed=0):
    """Points (number, d) about the critical ones, where curvatures of either sign occur; none on a joint."""
    rng = np.random.default_rng(seed)
    if type(landscape).__name__.startswith("Expression"):
        return rng.uniform(-0.9, 0.9, (number, landscape.dimension))
    spots = [*landscape.minima()[:2], *landscape.saddles()[:1]]
    return np.array([spots[k % len(spots)] + rng.normal(0.0, 0.15, landscape.dimension) for k in range(number)])
