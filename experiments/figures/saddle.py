"""Figure of a spreading experiment: the variance along each direction against time, and its ratio to the exact one."""

from matplotlib.figure import Figure

from ..saddle import SaddleResult
from ..table import chosen_directions
from .saddle_spreading import best_rung, predictions, spreading_legend, variance_ratios, variances
from .style import head, styled


def draw(result: SaddleResult) -> Figure:
    """Draw measured variances with their bands and every reference; beside it, all divided by the exact iteration."""
    with styled(12.0, 6.4) as figure:
        known = predictions(result.references)
        panels = figure.subplots(1, 2 if known else 1, squeeze=False)[0]
        variances(result.spread, ax=panels[0], references=known)
        panels[0].set_title(panels[0].get_title(loc="left") or "variance along each direction", loc="left")
        if best_rung(known):
            variance_ratios(result.spread, known, ax=panels[1])
        rows = 3 if len(chosen_directions(result.spread.curvatures)) <= 3 else 4
        handles = spreading_legend(result.spread, list(known), rows)
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles) // rows)
        head(figure, result.configuration)
        return figure
