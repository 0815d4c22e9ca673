"""Many measurements as few numbers; pure."""

import math
import statistics


def spread(values, digits=2):
    """The median, and how far off the others were."""
    return {
        "median": round(statistics.median(values), digits),
        "low": round(min(values), digits),
        "high": round(max(values), digits),
    }


def percentile(values, percent):
    """The smallest value that so many percent of all don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def line_through(points):
    """Least squares: (start, slope, how much of the variation the line explains)."""
    xs, ys = zip(*points)
    mean_x, mean_y = statistics.mean(xs), statistics.mean(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x in xs)
    start = mean_y - slope * mean_x
    unexplained = sum((y - start - slope * x) ** 2 for x, y in points)
    return start, slope, 1 - unexplained / sum((y - mean_y) ** 2 for y in ys)
