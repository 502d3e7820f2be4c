"""saddlescape: what a stochastic optimizer does near a saddle and in a valley."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .dynamics.adai import Adai as Adai
    from .dynamics.adaiw import AdaiW as AdaiW
    from .dynamics.adam import Adam as Adam
    from .dynamics.adamw import AdamW as AdamW
    from .dynamics.escape_times import escape_times as escape_times
    from .dynamics.langevin import Langevin as Langevin
    from .dynamics.momentum import Momentum as Momentum
    from .dynamics.rare_escapes import rare_escapes as rare_escapes
    from .dynamics.reactive_paths import reactive_paths as reactive_paths
    from .dynamics.replay import replay as replay
    from .dynamics.saddle_spread import saddle_spread as saddle_spread
    from .dynamics.sgd import SGD as SGD
    from .dynamics.underdamped import UnderdampedLangevin as UnderdampedLangevin
    from .experiments import panels as plot  # noqa: F401
    from .experiments.sweep.launch import sweep as sweep
    from .experiments.sweep.reading import load as load
    from .experiments.verify import verify as verify
    from .landscapes.constant_noise import ConstantNoise as ConstantNoise
    from .landscapes.expression import from_expression as from_expression
    from .landscapes.hessian_noise import HessianNoise as HessianNoise
    from .landscapes.isotropic_noise import IsotropicNoise as IsotropicNoise
    from .landscapes.mueller_brown import MuellerBrown as MuellerBrown
    from .landscapes.piecewise_quadratic_well import PiecewiseQuadraticWell as PiecewiseQuadraticWell
    from .landscapes.pseudo_huber import PseudoHuber as PseudoHuber
    from .landscapes.quadratic_saddle import QuadraticSaddle as QuadraticSaddle
    from .landscapes.quartic_well import QuarticWell as QuarticWell
    from .landscapes.styblinski_tang import StyblinskiTang as StyblinskiTang
    from .theory.closed_form import closed_form as closed_form
    from .theory.first_passage_survival import survival_of as survival_of
    from .theory.fokker_planck_landscape import density_of as density_of
    from .theory.fokker_planck_landscape import mean_first_passage_of as mean_first_passage_of
    from .theory.measured_s import measured_share as measured_share
    from .theory.quasi_stationary import quasi_stationary_of as quasi_stationary_of
    from .theory.references import references as references
    from .theory.regime_numbers import regime as regime
    from .theory.regime_numbers import spread_regime as spread_regime
    from .theory.spread_references import spread_references as spread_references
    from .theory.statements import derivation as derivation

# Each name a user needs and the module that holds it; loaded when first asked for, so that importing is cheap.
_HOME = {
    "Adai": "dynamics.adai",
    "AdaiW": "dynamics.adaiw",
    "Adam": "dynamics.adam",
    "AdamW": "dynamics.adamw",
    "ConstantNoise": "landscapes.constant_noise",
    "HessianNoise": "landscapes.hessian_noise",
    "IsotropicNoise": "landscapes.isotropic_noise",
    "Langevin": "dynamics.langevin",
    "Momentum": "dynamics.momentum",
    "MuellerBrown": "landscapes.mueller_brown",
    "PiecewiseQuadraticWell": "landscapes.piecewise_quadratic_well",
    "PseudoHuber": "landscapes.pseudo_huber",
    "QuadraticSaddle": "landscapes.quadratic_saddle",
    "QuarticWell": "landscapes.quartic_well",
    "SGD": "dynamics.sgd",
    "StyblinskiTang": "landscapes.styblinski_tang",
    "UnderdampedLangevin": "dynamics.underdamped",
    "closed_form": "theory.closed_form",
    "density_of": "theory.fokker_planck_landscape",
    "derivation": "theory.statements",
    "escape_times": "dynamics.escape_times",
    "from_expression": "landscapes.expression",
    "load": "experiments.sweep.reading",
    "measured_share": "theory.measured_s",
    "mean_first_passage_of": "theory.fokker_planck_landscape",
    "quasi_stationary_of": "theory.quasi_stationary",
    "rare_escapes": "dynamics.rare_escapes",
    "reactive_paths": "dynamics.reactive_paths",
    "references": "theory.references",
    "regime": "theory.regime_numbers",
    "replay": "dynamics.replay",
    "saddle_spread": "dynamics.saddle_spread",
    "spread_references": "theory.spread_references",
    "spread_regime": "theory.regime_numbers",
    "survival_of": "theory.first_passage_survival",
    "sweep": "experiments.sweep.launch",
    "verify": "experiments.verify",
}
# Each module that has a short name.
_MODULES = {"plot": "experiments.panels"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module("." + _MODULES[name], __name__)
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("." + _HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_MODULES})
