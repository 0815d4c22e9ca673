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
    """Least squares: (start, slope)."""
    xs, ys = zip(*points)
    mean_x, mean_y = statistics.mean(xs), statistics.mean(ys)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x in xs)
    return mean_y - slope * mean_x, slope


def farthest_from(line, points):
    """Of the points: (x, how far it lies above the line, or below it)."""
    start, slope = line
    return max(((x, y - start - slope * x) for x, y in points), key=lambda point: abs(point[1]))
