"""``saddlescape.plot``: whole figures by name, and panels on axes of the reader's own.

``saddlescape.plot.figure("arrhenius").save("arrhenius.pdf")``; ``saddlescape.plot.kaplan_meier(times, ax=ax)``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .figures.arrhenius import arrhenius_plot as arrhenius_plot
    from .figures.arrhenius import arrhenius_ratio as arrhenius_ratio
    from .figures.convergence import gradient_decay as gradient_decay
    from .figures.densities import fokker_planck as fokker_planck
    from .figures.densities import histogram as histogram
    from .figures.drift_and_diffusion import momentum_parts as momentum_parts
    from .figures.drift_and_diffusion import momentum_split as momentum_split
    from .figures.drift_and_diffusion import part_ratio as part_ratio
    from .figures.escape_path import escape_path as escape_path
    from .figures.escape_path import loss_on_the_way as loss_on_the_way
    from .figures.flat_and_sharp import rise_of_loss as rise_of_loss
    from .figures.flatness import sharpness_law as sharpness_law
    from .figures.inertia import adai_inertia as adai_inertia
    from .figures.inertia import inertia_by_curvature as inertia_by_curvature
    from .figures.inertia import inertia_over_time as inertia_over_time
    from .figures.ladder import escape_ladder as escape_ladder
    from .figures.low_temperature import low_temperature_ratio as low_temperature_ratio
    from .figures.plane import contours as contours
    from .figures.rare_paths import climb_by_loss as climb_by_loss
    from .figures.rare_paths import path_bundle as path_bundle
    from .figures.regime import regime_map as regime_map
    from .figures.saddle_animation import cloud as cloud
    from .figures.saddle_animation import shares_beyond as shares_beyond
    from .figures.saddle_density import normal_law as normal_law
    from .figures.saddle_point import cross_sections as cross_sections
    from .figures.saddle_point import eigen_arrows as eigen_arrows
    from .figures.saddle_spreading import ellipses as ellipses
    from .figures.saddle_spreading import variance_ratios as variance_ratios
    from .figures.saddle_spreading import variances as variances
    from .figures.splitting_cost import steps_against_rarity as steps_against_rarity
    from .figures.splitting_cost import steps_for_error as steps_for_error
    from .figures.style import COLOURS as COLOURS
    from .figures.style import INK as INK
    from .figures.style import REFERENCE_LOOKS as REFERENCE_LOOKS
    from .figures.style import RULE_LOOKS as RULE_LOOKS
    from .figures.style import STYLE as STYLE
    from .figures.surface import surface as surface
    from .figures.survival import exponential_qq as exponential_qq
    from .figures.survival import kaplan_meier as kaplan_meier
    from .figures.sweep import sweep_curves as sweep_curves
    from .figures.trajectories import trajectories as trajectories
    from .figures.verify import ratios_of as ratios_of
    from .figures.verify import verification_ratios as verification_ratios
    from .figures.well_density import occupancy as occupancy
    from .plot import figure as figure
    from .plot import redrawn as redrawn

# Function that draws -> the module that holds it; loaded when first asked for.
PANELS = {
    "arrhenius_plot": "figures.arrhenius",
    "arrhenius_ratio": "figures.arrhenius",
    "climb_by_loss": "figures.rare_paths",
    "cloud": "figures.saddle_animation",
    "contours": "figures.plane",
    "cross_sections": "figures.saddle_point",
    "eigen_arrows": "figures.saddle_point",
    "ellipses": "figures.saddle_spreading",
    "escape_ladder": "figures.ladder",
    "escape_path": "figures.escape_path",
    "exponential_qq": "figures.survival",
    "fokker_planck": "figures.densities",
    "gradient_decay": "figures.convergence",
    "histogram": "figures.densities",
    "inertia_by_curvature": "figures.inertia",
    "inertia_over_time": "figures.inertia",
    "kaplan_meier": "figures.survival",
    "loss_on_the_way": "figures.escape_path",
    "low_temperature_ratio": "figures.low_temperature",
    "momentum_parts": "figures.drift_and_diffusion",
    "normal_law": "figures.saddle_density",
    "occupancy": "figures.well_density",
    "part_ratio": "figures.drift_and_diffusion",
    "path_bundle": "figures.rare_paths",
    "regime_map": "figures.regime",
    "rise_of_loss": "figures.flat_and_sharp",
    "shares_beyond": "figures.saddle_animation",
    "sharpness_law": "figures.flatness",
    "steps_against_rarity": "figures.splitting_cost",
    "steps_for_error": "figures.splitting_cost",
    "surface": "figures.surface",
    "sweep_curves": "figures.sweep",
    "trajectories": "figures.trajectories",
    "variance_ratios": "figures.saddle_spreading",
    "variances": "figures.saddle_spreading",
    "verification_ratios": "figures.verify",
}
# What they are given that nothing else returns.
RUNS = {
    "adai_inertia": "figures.inertia",
    "momentum_split": "figures.drift_and_diffusion",
    "ratios_of": "figures.verify",
}
# How rules and rungs look, for figures of the reader's own.
LOOKS = dict.fromkeys(("COLOURS", "INK", "REFERENCE_LOOKS", "RULE_LOOKS", "STYLE"), "figures.style")
_HOME = PANELS | RUNS | LOOKS | {"figure": "plot", "redrawn": "plot"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"saddlescape.plot has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __package__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
