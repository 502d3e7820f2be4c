"""Panels of densities: a histogram with the interval of every bin, and a Fokker-Planck density beside it."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from ...dynamics.estimates import share_interval
from ...theory.fokker_planck import Density
from .style import INK, REFERENCE_LOOKS, panel

BARS = "#dadada"


class Binned(NamedTuple):
    """How many of N trajectories are in each bin.

    Parameters
    ----------
    edges
        Edges of the bins, rising, (bins + 1,).
    counts
        Trajectories in each, (bins,).
    trajectories
        N, those outside of all bins included.
    """

    edges: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    trajectories: int

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """Centres of the bins, (bins,)."""
        return np.asarray(0.5 * (self.edges[1:] + self.edges[:-1]))

    @property
    def density(self) -> npt.NDArray[np.float64]:
        """Estimate of the mean density over each bin, (bins,)."""
        return np.asarray(self.counts / (self.trajectories * np.diff(self.edges)))

    def interval(self, level: float = 0.95) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the Clopper-Pearson interval of each bin's density at this level, low and high, each (bins,)."""
        low, high = share_interval(self.counts, self.trajectories, level)
        width = np.diff(self.edges)
        return low / width, high / width

    def holds(self, masses: npt.NDArray[np.float64], level: float = 0.95) -> int:
        """Return in how many bins the interval holds the probability that a law gives to the bin, (bins,)."""
        low, high = share_interval(self.counts, self.trajectories, level)
        return int(np.count_nonzero((low <= masses) & (masses <= high)))


def binned(positions: npt.ArrayLike, bins: int | npt.ArrayLike = 40) -> Binned:
    """Count positions (N,) in bins: their edges, or how many between the lowest position and the highest."""
    x = np.asarray(positions, dtype=np.float64).ravel()
    counts, edges = np.histogram(x, bins=np.asarray(bins) if np.ndim(bins) else bins)
    return Binned(np.asarray(edges, dtype=np.float64), counts.astype(np.int64), len(x))


def histogram(
    positions: Any, *, ax: Axes | None = None, bins: int | npt.ArrayLike = 40, label: str | None = None
) -> Axes:
    """Draw a histogram as a density, with the 95 % Clopper-Pearson interval of every bin.

    Parameters
    ----------
    positions
        One coordinate of each trajectory, (N,), as ``saddle_spread(..., keep_paths=True).paths[:, r, i]`` gives it; or
        what ``binned`` made of it.
    ax
        Where to draw; new axes if left out.
    bins
        Edges of the bins (bins + 1,), or how many.
    label
        Of the bins in a legend.

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    counted = positions if isinstance(positions, Binned) else binned(positions, bins)
    low, high = counted.interval(0.95)
    said = f"simulated, N = {counted.trajectories:,}" if label is None else label
    axes.stairs(counted.density, counted.edges, fill=True, color=BARS, label=said)
    reach = np.abs(np.array([low, high]) - counted.density)
    axes.errorbar(counted.centres, counted.density, reach, fmt="none", ecolor=INK, elinewidth=1.2,
                  label="95 % interval of each bin")  # fmt: skip
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("density P (1/θ)")
    return axes


def fokker_planck(
    density: Density, record: int = -1, *, ax: Axes | None = None, axis: int = 0, label: str | None = None
) -> Axes:
    """Draw a Fokker-Planck density at one of its times, along one axis of its grid.

    Parameters
    ----------
    density
        What ``density_of`` returned.
    record
        Which of its times; default the last.
    ax
        Where to draw; new axes if left out.
    axis
        Axis of the grid; the others are integrated over.
    label
        Of the line in a legend.

    Returns
    -------
    Axes
        The axes, with labels for a legend.
    """
    axes = panel(ax)
    others = tuple(k for k in range(len(density.edges)) if k != axis)
    along = density.masses[record].sum(axis=others) / np.diff(density.edges[axis])
    said = f"Fokker–Planck, t = {density.times[record]:.4g}" if label is None else label
    axes.plot(density.centres[axis], along, label=said, **REFERENCE_LOOKS["exact_diffusion"].line)
    axes.set_ylabel("density P (1/θ)")
    return axes
