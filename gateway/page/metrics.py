"""What has run, and what is there to run it, as Prometheus reads it. Pure: touches nothing."""

from typing import Callable, Dict, Iterable, List, Tuple

from gateway.tally import BOUNDS, Histogram, Places, Series

Labels = Dict[str, str]
Sample = Tuple[str, Labels, float]

HISTOGRAMS: Tuple[Tuple[str, str, Callable[[Series], Histogram]], ...] = (
    ("duration", "How long activations took, the start included.", lambda each: each.durations),
    ("wait", "How long activations waited for a container.", lambda each: each.waits),
    ("init", "How long containers took for /init, once each.", lambda each: each.starts),
)


def text_from_series(
    series: Dict[str, Series],
    places: List[Places],
    most_containers: int,
    most_waiting: int,
) -> str:
    """Version 0.0.4 of the text format."""
    families = [activations(series)]
    for name, meaning, histogram in HISTOGRAMS:
        by_path = {path: histogram(each) for path, each in series.items()}
        families.append(durations(f"openwhisk_{name}_seconds", meaning, by_path))
    families += [containers(places), queue(places)]
    for name, meaning, most in (
        ("containers_max", "How many containers there may be.", most_containers),
        ("queue_max", "How many activations may wait.", most_waiting),
    ):
        families.append(family(f"openwhisk_{name}", "gauge", meaning, [("", {}, most)]))
    return "".join(families)


def activations(series: Dict[str, Series]) -> str:
    samples: List[Sample] = []
    for path, each in sorted(series.items()):
        for status, count in sorted(each.by_status.items()):
            samples.append(("", {"action": path, "status": status}, count))
    meaning = "Activations since the gateway's start."
    return family("openwhisk_activations_total", "counter", meaning, samples)


def durations(name: str, meaning: str, by_path: Dict[str, Histogram]) -> str:
    samples: List[Sample] = []
    for path, histogram in sorted(by_path.items()):
        for bound, count in zip(BOUNDS, histogram.buckets):
            samples.append(("_bucket", {"action": path, "le": number(bound)}, count))
        samples.append(("_bucket", {"action": path, "le": "+Inf"}, histogram.count))
        samples.append(("_sum", {"action": path}, histogram.total))
        samples.append(("_count", {"action": path}, histogram.count))
    return family(name, "histogram", meaning, samples)


def containers(places: List[Places]) -> str:
    samples: List[Sample] = []
    for each in places:
        for state, count in counts_of(each):
            samples.append(("", {"action": each.path, "state": state}, count))
    return family("openwhisk_containers", "gauge", "Containers that are there.", samples)


def counts_of(places: Places) -> List[Tuple[str, int]]:
    return [("busy", places.busy), ("idle", places.idle), ("starting", places.starting)]


def queue(places: List[Places]) -> str:
    samples: List[Sample] = [("", {"action": each.path}, each.waiting) for each in places]
    return family("openwhisk_queue", "gauge", "Activations that wait for a container.", samples)


def family(name: str, kind: str, meaning: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
    for suffix, labels, value in samples:
        lines.append(f"{name}{suffix}{text_from_labels(labels)} {number(value)}")
    return "\n".join(lines) + "\n"


def text_from_labels(labels: Labels) -> str:
    pairs = [f'{name}="{escaped(value)}"' for name, value in labels.items()]
    return "{" + ",".join(pairs) + "}" if pairs else ""


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def number(value: float) -> str:
    return f"{value:.10g}"
