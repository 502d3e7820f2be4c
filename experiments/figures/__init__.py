"""Figures, one file each: those of a command's result, and those that ``saddlescape plot`` draws by name.

Panels are functions that draw on axes of the reader's own: ``saddlescape.plot.kaplan_meier(times, ax=ax)``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..plot import figure as figure
    from ..plot import redrawn as redrawn
    from .densities import fokker_planck as fokker_planck
    from .densities import histogram as histogram
    from .drift_and_diffusion import momentum_parts as momentum_parts
    from .drift_and_diffusion import momentum_split as momentum_split
    from .drift_and_diffusion import part_ratio as part_ratio
    from .inertia import adai_inertia as adai_inertia
    from .inertia import inertia_by_curvature as inertia_by_curvature
    from .inertia import inertia_over_time as inertia_over_time
    from .saddle_density import normal_law as normal_law
    from .saddle_spreading import ellipses as ellipses
    from .saddle_spreading import variance_ratios as variance_ratios
    from .saddle_spreading import variances as variances
    from .plane import contours as contours
    from .arrhenius import arrhenius_plot as arrhenius_plot
    from .arrhenius import arrhenius_ratio as arrhenius_ratio
    from .ladder import escape_ladder as escape_ladder
    from .convergence import gradient_decay as gradient_decay
    from .flatness import sharpness_law as sharpness_law
    from .regime import regime_map as regime_map
    from .saddle_animation import cloud as cloud
    from .saddle_animation import shares_beyond as shares_beyond
    from .survival import exponential_qq as exponential_qq
    from .survival import kaplan_meier as kaplan_meier
    from .one_escape import escape_path as escape_path
    from .one_escape import loss_on_the_way as loss_on_the_way
    from .flat_and_sharp import rise_of_loss as rise_of_loss
    from .saddle_point import cross_sections as cross_sections
    from .saddle_point import eigen_arrows as eigen_arrows
    from .relief import surface as surface
    from .common_noise import trajectories as trajectories
    from .well_density import occupancy as occupancy

# Name -> (what it shows, module), in the order of the gallery.
FIGURES = {
    "trajectories": ("The same noise under several rules: trajectories on a landscape", "common_noise"),
    "surface": ("A landscape as a surface, with an escape on it", "relief"),
    "flat-and-sharp": ("What a flat and a sharp minimum are, and where the noise leaves them", "flat_and_sharp"),
    "saddle-point": ("What a saddle is: down along one direction, up along the other", "saddle_point"),
    "escape-path": ("What an escape path is: long waiting, then quickly over the saddle", "one_escape"),
    "saddle-density": ("A cloud on a saddle spreads along one direction and settles along another", "saddle_density"),
    "saddle-spreading": ("Variance along every direction of a saddle, beside every reference", "saddle_spreading"),
    "drift-and-diffusion": ("What momentum carries off a saddle, and what the noise adds", "drift_and_diffusion"),
    "inertia": ("Adai's inertia in every coordinate, beside its prediction", "inertia"),
    "well-density": ("A cloud fills a double well: histogram and Fokker-Planck density in time", "well_density"),
    "survival": ("Who has not escaped yet, and whether escape is memoryless", "survival"),
    "arrhenius": ("Escape times against the barrier over the temperature, measured and by every rung", "arrhenius"),
    "ladder": ("Simulated, exact iteration, exact diffusion, closed form: what each step costs", "ladder"),
    "flatness": ("Escape against the sharpness of a minimum, with fitted exponents", "flatness"),
    "regime": ("Where a statement holds: closed form over exact, with the bounds that were found", "regime"),
    "convergence": ("How fast gradients fade as the horizon grows, beside the bounds of Theorem 4", "convergence"),
    "saddle-animation": ("A cloud leaves a saddle under several rules, at the same time", "saddle_animation"),
    "leak-animation": ("A cloud leaks out of a well while its survival curve grows", "leak_animation"),
}
# Function -> the module here that holds it; loaded when first asked for.
PANELS = {
    "rise_of_loss": "flat_and_sharp",
    "cross_sections": "saddle_point",
    "eigen_arrows": "saddle_point",
    "surface": "relief",
    "escape_path": "one_escape",
    "loss_on_the_way": "one_escape",
    "cloud": "saddle_animation",
    "contours": "plane",
    "ellipses": "saddle_spreading",
    "fokker_planck": "densities",
    "histogram": "densities",
    "adai_inertia": "inertia",
    "inertia_by_curvature": "inertia",
    "inertia_over_time": "inertia",
    "momentum_parts": "drift_and_diffusion",
    "momentum_split": "drift_and_diffusion",
    "normal_law": "saddle_density",
    "occupancy": "well_density",
    "part_ratio": "drift_and_diffusion",
    "variance_ratios": "saddle_spreading",
    "variances": "saddle_spreading",
    "arrhenius_plot": "arrhenius",
    "arrhenius_ratio": "arrhenius",
    "escape_ladder": "ladder",
    "gradient_decay": "convergence",
    "regime_map": "regime",
    "sharpness_law": "flatness",
    "exponential_qq": "survival",
    "kaplan_meier": "survival",
    "shares_beyond": "saddle_animation",
    "trajectories": "common_noise",
}


def __getattr__(name: str) -> Any:
    if name in ("figure", "redrawn"):
        return getattr(import_module("..plot", __name__), name)
    if name not in PANELS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{PANELS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *PANELS, "figure", "redrawn"})
