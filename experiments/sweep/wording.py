"""Durations, sizes and large numbers in words, rounded for a reader."""

import math

MINUTE, HOUR, DAY, YEAR = 60.0, 3600.0, 86400.0, 31_557_600.0
_LARGEST = 700.0


def duration(seconds: float) -> str:
    """Return a time as in "8 s", "4 min", "3 h 20 min", "12 days", "4 years"."""
    if not math.isfinite(seconds):
        return "for ever"
    if seconds < 59.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 59.5 * MINUTE:
        return f"{seconds / MINUTE:.0f} min"
    if seconds < 2.0 * DAY:
        hours, minutes = divmod(round(seconds / MINUTE), 60)
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{round(seconds / HOUR)} h"
    if seconds < YEAR:
        return f"{seconds / DAY:.0f} days"
    years = seconds / YEAR
    return "a year" if years < 1.5 else f"{years:.0f} years" if years < 1e4 else f"{large(math.log(years))} years"


def counted(number: int, noun: str) -> str:
    """Return how many of something there are, as in "1 unit", "2,000 units", "2 processes", "2 trajectories"."""
    if number != 1:
        noun = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun}"


def size(number: float) -> str:
    """Return a number of bytes as in "300 KB", "1.2 GB"."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.0f} {unit}" if number >= 9.95 or unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000.0
    return f"{number:.3g} TB"


def large(log: float) -> str:
    """Return a number, given its natural logarithm, with one or two digits: "640", "21,000", "10^12", "3 x 10^12"."""
    tens = log / math.log(10.0)
    if tens < 6.0 - 1e-9:
        number = math.exp(log)
        digits = 1 - math.floor(math.log10(number)) if number > 0.0 else 0
        return f"{round(number, digits):,.{max(digits, 0) if number < 10.0 else 0}f}"
    power = math.floor(tens)
    mantissa = round(10.0 ** (tens - power))
    if mantissa == 10:
        mantissa, power = 1, power + 1
    return f"10^{power}" if mantissa == 1 else f"{mantissa} x 10^{power}"


def share(part: float) -> str:
    """Return a share in percent, "-" where it is not known."""
    if math.isnan(part):
        return "?"
    if part <= 0.0:
        return "0 %"
    percent = 100.0 * part
    if 99.5 <= percent < 100.0:
        return ">99 %" if percent < 99.995 else "100 %"
    return "<1 %" if percent < 0.95 else f"{percent:.0f} %"
