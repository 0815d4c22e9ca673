"""The figures as tables and plots: python -m benchmarks.report

Reads results/*.json; writes *.svg beside itself, its part of benchmarks/README.md, and the
figures of the project's README, where the markers for them are.
"""

import importlib
import re
from pathlib import Path
from typing import Callable, NamedTuple, Optional, Tuple

from benchmarks import plots
from benchmarks.results import FOLDER, read
from benchmarks.servers import SIDES

HERE = Path(__file__).resolve().parent
FRONT = HERE.parent / "README.md"
LINE = 0.08  # of the largest body's time: with a point farther off, it isn't called a line
COUNTS = {"1": "one at a time", "8": "8 at once"}
NOT_OURS = ("model", "between client and thread")
WHERE = {
    "in process": "inside the adapter's process",
    "ASGI": "inside the adapter's process, on their uvicorn's loop",
    "HTTP": "in a process of their own, reached over HTTP",
}
BRIEFLY = {"in process": "in process (WSGI)", "ASGI": "in process (ASGI)", "HTTP": "over HTTP"}


def table(head, rows, texts=1):
    """The first `texts` columns hold words, the others numbers."""
    lines = [head, ["---"] * texts + ["---:"] * (len(head) - texts), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def ranged(found, digits=2, sign=""):
    """The median (lowest to highest)."""
    median, low, high = (f"{found[name]:{sign}.{digits}f}" for name in ("median", "low", "high"))
    return f"{median} ({low} to {high})"


def bold(found, digits=2, sign=""):
    median, _, rest = ranged(found, digits, sign).partition(" ")
    return f"**{median}** {rest}"


def machine_text(content):
    told, scale = content["machine"], content["scale"]
    return (
        f"{told['processor']}, {told['cores']} cores, {told['memory_gb']} GB, {told['system']}, "
        "Python "
        f"{told['python']}, load at the start {told['load_at_start']}; {scale['rounds']} rounds."
    )


def each(found, sides=SIDES, figure="median", digits=2):
    """The same figure of two sides."""
    return " / ".join(f"{found[side][figure]:.{digits}f}" for side in sides)


def extremes(rows, count):
    medians = [row["rounds"][count]["rate"]["compared"]["median"] for row in rows]
    return f"{min(medians):.2f} to {max(medians):.2f}" if len(rows) > 1 else f"{medians[0]:.2f}"


def adapter_summary(content):
    sentences = []
    for back_end, where in WHERE.items():
        rows = [row for row in content["rows"] if row["back_end"] == back_end]
        if rows:
            rates = ", ".join(f"{extremes(rows, count)} ({COUNTS[count]})" for count in COUNTS)
            sentences.append(f"- **Models {where}**, {len(rows)} here: {rates}.")
    return "Requests a second through the adapter, of the own server's; medians:\n\n" + "\n".join(
        sentences
    )


def rates_table(content):
    rows = []
    for row in content["rows"]:
        cells = [row["name"], row["what"], row["back_end"]]
        for count in COUNTS:
            rate = row["rounds"][count]["rate"]
            cells += [each(rate, digits=0), bold(rate["compared"])]
        rows.append(cells)
    heads = [words for name in COUNTS.values() for words in (f"{name}: own / adapter", "ratio")]
    return table(["model", "asked with", "the model runs", *heads], rows, texts=3)


def latency_table(content):
    rows = []
    for row in content["rows"]:
        latency = [row["rounds"][count]["latency_ms"] for count in COUNTS]
        shown = [each(found, figure=part, digits=1) for found in latency for part in ("p50", "p99")]
        rows.append([row["name"], *shown, each(row["rounds"]["1"]["processor_ms"])])
    heads = [f"{name}: {part}" for name in COUNTS.values() for part in ("p50", "p99")]
    return table(["own / adapter, ms", *heads, "processor time of one"], rows)


def start_table(content):
    rows = []
    for row in content["rows"]:
        start, loaded, after = (
            row["first_answer_ms"],
            row["resident_mb_loaded"],
            row["resident_mb_after_load"],
        )
        rows.append(
            [
                row["name"],
                f"{start['own']['median']:.0f}",
                bold(start["compared"], 0, "+"),
                f"{loaded['own']['median']:.0f}",
                bold(loaded["compared"], 1, "+"),
                f"{after['own']:.0f}",
                f"{after['compared']:+.1f}",
            ]
        )
    starts = content["scale"]["rounds"] * content["scale"]["starts"]
    heads = [
        f"first answer of {starts} starts, ms: own",
        "memory then, MB: own",
        "after the load, MB: own",
    ]
    return table(
        ["model", *(words for head in heads for words in (head, "with the adapter"))], rows
    )


def hop_summary(content):
    relay, adapter = (row["rate"]["compared"]["median"] for row in content["rows"])
    return (
        f"Of the server's own requests a second, {relay:.2f} are left by a relay that "
        "understands nothing of them, and "
        f"{adapter:.2f} by openwhisk.py: {adapter / relay:.2f} of what a hop can leave."
    )


def hop_table(content):
    rows = []
    for row in content["rows"]:
        sides = ("own", row["name"])
        waited, processor = each(row["latency_ms"], sides, "p50"), each(row["processor_ms"], sides)
        rows.append(
            [
                row["name"],
                each(row["rate"], sides, digits=0),
                bold(row["rate"]["compared"]),
                waited,
                processor,
            ]
        )
    heads = [
        "requests a second: own / through it",
        "ratio",
        "p50, ms",
        "processor time, ms: own / the hop's processes",
    ]
    return table(["hop", *heads], rows)


def off_share(row, side="adapter"):
    """Of the time that the largest body takes."""
    largest = list(row["milliseconds"][side].values())[-1]["median"]
    return abs(row["lines"][side]["farthest"]["ms"]) / largest


def growth_summary(content):
    sentences = []
    for row in content["rows"]:
        fit, own, share = row["lines"]["adapter"], row["lines"]["own"], off_share(row)
        verdict = "a line" if share <= LINE else "**not a line**"
        size, off = size_text(fit["farthest"]["bytes"]), fit["farthest"]["ms"]
        sentences.append(
            f"- **Body of the {row['direction']}**: {verdict}, {line_text(fit)}; the own server: "
            f"{line_text(own)}. "
            f"Farthest from the adapter's line is the time for {size}, by {off:+.2f} ms: "
            f"{share:.0%} of that for 1 MB."
        )
    return (
        f"It is called a line if no size is farther from the fit than {LINE:.0%} of the time for "
        "1 MB; a cost that "
        "grew with the size's square would be by 16%.\n\n"
    ) + "\n".join(sentences)


def line_text(fit):
    return f"{fit['start_ms']:.2f} ms + {fit['ms_per_mb']:.2f} ms for each MB"


def size_text(size):
    size = int(size)
    return (
        f"{size} B"
        if size < 1000
        else f"{size // 1000} KB"
        if size < 1_000_000
        else f"{size // 1_000_000} MB"
    )


def growth_table(content):
    rows = [
        [
            f"{row['direction']}, {side}",
            *(f"{found['median']:.2f}" for found in row["milliseconds"][side].values()),
        ]
        for row in content["rows"]
        for side in row["lines"]
    ]
    return table(["ms", *map(size_text, content["rows"][0]["milliseconds"]["own"])], rows)


def medians(row):
    return {stage: found["median"] for stage, found in row["stages_ms"].items()}


def profile_summary(content):
    sentences = []
    for row in content["rows"]:
        found = medians(row)
        total, ours = (
            sum(found.values()),
            sum(ms for stage, ms in found.items() if stage not in NOT_OURS),
        )
        rest = found["between client and thread"]
        parts = {
            "the model": found["model"],
            "openwhisk.py": ours,
            "the way between client and thread": rest,
        }
        told = ", ".join(f"{name} {ms:.2f} ms ({ms / total:.0%})" for name, ms in parts.items())
        sentences.append(f"- **{row['name']}**, {total:.2f} ms: {told}.")
    return "\n".join(sentences)


def profile_table(content):
    totals = [sum(medians(row).values()) for row in content["rows"]]
    rows = []
    for stage in {stage: None for row in content["rows"] for stage in row["stages_ms"]}:
        cells = [stage]
        for row, total in zip(content["rows"], totals):
            cells += [
                bold(row["stages_ms"][stage], 3),
                f"{row['stages_ms'][stage]['median'] / total:.0%}",
            ]
        rows.append(cells)
    rows.append(["all", *(words for total in totals for words in (f"{total:.2f}", "100%"))])
    return table(
        ["stage", *(words for row in content["rows"] for words in (f"{row['name']}, ms", "share"))],
        rows,
    )


def gateway_summary(content):
    row, standalone = content["rows"][0], content["rows"][0]["standalone"]
    low, high = standalone["rate"]
    return (
        f"{row['rounds']['1']['rate']['gateway']['median']:.0f} web requests a second one at a "
        "time, where OpenWhisk "
        f"standalone was recorded with {low} to {high}; {row['resident_mb']['median']:.0f} MB "
        "instead of "
        f"{standalone['resident_mb']}."
    )


def gateway_table(content):
    row, standalone = content["rows"][0], content["rows"][0]["standalone"]
    low, high = standalone["rate"]
    rows = [
        [
            "first answer after the start, ms",
            bold(row["first_answer_ms"], 0),
            standalone["first_answer_ms"],
            "",
        ]
    ]
    for count, recorded in (("1", f"{low} to {high}"), ("8", "")):
        rate = row["rounds"][count]["rate"]
        alone = f"{rate['adapter']['median']:.0f}"
        rows.append(
            [f"web requests a second, {COUNTS[count]}", bold(rate["gateway"], 0), recorded, alone]
        )
    rows.append(["resident, MB", bold(row["resident_mb"], 0), standalone["resident_mb"], ""])
    rows.append(["resident after the rounds, MB", f"{row['resident_mb_after_load']:.0f}", "", ""])
    return table(
        ["", "gateway", "OpenWhisk standalone, recorded", "the action without a platform"], rows
    )


def against_docker(content):
    """How many times the seconds and the bytes of layer.py; None without an engine to compare
    with."""
    rows = {row["name"]: row for row in content["rows"]}
    ours, docker = rows["layer.py, same registry"], rows.get("docker build && docker push")
    if not docker:
        return None
    moved = [row["sent"] + row["received"] for row in (docker, ours)]
    return docker["seconds"]["median"] / ours["seconds"]["median"], moved[0] / moved[1]


def layer_summary(content):
    times = against_docker(content)
    if not times:
        return "Docker wasn't there to compare with."
    seconds, moved = times
    return (
        f"Beside it, docker needs {seconds:.0f} times as long, "
        f"and moves {moved:,.0f} times as many bytes."
    )


def layer_table(content):
    rows = [
        [
            row["name"],
            bold(row["seconds"]),
            f"{row['sent']:,}",
            f"{row['received']:,}",
            "" if row["resident_mb"] is None else f"{row['resident_mb']:.0f}",
        ]
        for row in content["rows"]
    ]
    return table(["", "seconds", "bytes sent", "bytes received", "resident, MB"], rows)


def rates_plot(content):
    rows = [
        (row["name"], row["what"], *(row["rounds"][count]["rate"]["compared"] for count in COUNTS))
        for row in content["rows"]
    ]
    title = "Requests a second through the adapter, of the own server's"
    return plots.bars(title, rows, tuple(COUNTS.values()), {1: "as many as without it"})


def crowd_summary(content):
    times = [row["p99_ms"]["compared"]["median"] for row in content["rows"]]
    return (
        "Every request was answered. Of 100, the slowest took "
        f"{min(times):.2f} to {max(times):.2f} times as long as with the own server."
    )


def crowd_table(content):
    rows = []
    for row in content["rows"]:
        answered = f"{row['answered']['own']:,} / {row['answered']['adapter']:,}"
        p50, p99 = (each(row[figure], digits=0) for figure in ("p50_ms", "p99_ms"))
        more = bold(row["p99_ms"]["compared"])
        memory = f"{row['resident_mb']['compared']:+.1f}"
        rows.append([row["name"], answered, p50, p99, more, memory])
    heads = ["answered", "p50, ms", "p99, ms", "p99, times", "resident, MB"]
    return table(["own / adapter", *heads], rows)


def parallel_summary(content):
    (row,) = content["rows"]
    more = row["last"]["resident_mb"]["compared"]
    return f"After {row['predictions']} predictions: {more:+.1f} MB beside the own server's."


def parallel_table(content):
    (row,) = content["rows"]
    rows = []
    for when in ("first", "last"):
        memory, threads = row[when]["resident_mb"], row[when]["threads"]
        held = f"{memory['own']:.1f} / {memory['adapter']:.1f}"
        more = f"{memory['compared']:+.1f}"
        rows.append([f"after the {when}", held, more, f"{threads['own']} / {threads['adapter']}"])
    return table(["own / adapter", "resident, MB", "more", "threads"], rows)


def growth_plot(content):
    series = []
    for row in content["rows"]:
        points = [
            (int(size) / 1000, found["median"])
            for size, found in row["milliseconds"]["adapter"].items()
        ]
        fit = row["lines"]["adapter"]
        series.append(
            (f"body of the {row['direction']}", points, fit["start_ms"], fit["ms_per_mb"] / 1000)
        )
    return plots.scatter(
        "An activation's time by the size of its body, and the line that fits", series, "KB", "ms"
    )


def profile_plot(content):
    row = content["rows"][0]
    rows = [(stage, "", found) for stage, found in row["stages_ms"].items()]
    return plots.bars(
        f"Where an activation's time goes ({row['name']}, 100 KB image)", rows, ("ms",)
    )


class Section(NamedTuple):
    title: str
    summary: Callable[[dict], str]
    tables: Tuple[Tuple[str, Callable[[dict], str]], ...]  # how it is read, and the table
    plot: Optional[Callable[[dict], str]] = None


SECTIONS = {
    "adapter": Section(
        "The adapter beside the model's own server",
        adapter_summary,
        (
            (
                "**Requests a second.** A ratio of 1: as many as the own server; 0.5: half as "
                "many.",
                rates_table,
            ),
            (
                "**Milliseconds that a request takes**: half of them at most p50, all but 1 in "
                "100 at most p99.",
                latency_table,
            ),
            (
                "**Start and memory.** From the start of the process to its first answer, /init "
                "included, and the "
                "memory that it then has; with the adapter, so much more (+) or less (-).",
                start_table,
            ),
        ),
        rates_plot,
    ),
    "crowd": Section(
        "200 requests at once",
        crowd_summary,
        (
            (
                "**Milliseconds that a request takes** among 200, and the memory after them; with "
                "the adapter, so many times as long, so much more (+) or less (-).",
                crowd_table,
            ),
        ),
    ),
    "parallel": Section(
        "A model that computes on all cores",
        parallel_summary,
        (("**Threads and memory** of all processes of a side.", parallel_table),),
    ),
    "hop": Section(
        "One more hop at its cheapest",
        hop_summary,
        (
            (
                "**One connection after another**, through each of the two, and directly. The "
                "server is one of the "
                "adapter's processes, and none of the relay's.",
                hop_table,
            ),
        ),
    ),
    "growth": Section(
        "Cost by size of the body: a line?",
        growth_summary,
        (
            (
                "**Milliseconds that a request takes**, by the size of its body or of its "
                "answer's.",
                growth_table,
            ),
        ),
        growth_plot,
    ),
    "profile": Section(
        "Where an activation's time goes",
        profile_summary,
        (
            (
                '**Stage by stage**; all but "model" and the way between are openwhisk.py itself.',
                profile_table,
            ),
        ),
        profile_plot,
    ),
    "gateway": Section(
        "The gateway",
        gateway_summary,
        (
            (
                "**An action that does nothing**, so that what remains is the platform.",
                gateway_table,
            ),
        ),
    ),
    "layer": Section(
        "Adding the layer",
        layer_summary,
        (("**From a model's image of 300 MB to its action's.**", layer_table),),
    ),
}


def section(name, content):
    """The paragraphs of one benchmark."""
    found = SECTIONS[name]
    what, method = importlib.import_module("benchmarks." + name).__doc__.strip().split("\n\n", 1)
    parts = [
        f"## {found.title}",
        " ".join(what.split()).split(": python")[0] + ".",
        found.summary(content),
    ]
    parts += [f"![{found.title}]({name}.svg)"] if found.plot else []
    for caption, make in found.tables:
        parts += [caption, make(content)]
    return parts + [method, machine_text(content)]


def filled(text, name, content):
    """The text with what stands between `<!-- NAME:start -->` and `<!-- NAME:end -->` replaced."""
    pattern = rf"(<!-- {name}:start -->\n).*?(<!-- {name}:end -->)"
    return re.sub(
        pattern, lambda found: f"{found.group(1)}\n{content}\n\n{found.group(2)}", text, flags=re.S
    )


def figures(results):
    """For the project's README: a plot, the best and the worst row of each back end, and the rest
    in a line each."""
    adapter = results["adapter"]
    lines = [
        front_line(results[name]) for name, front_line in FRONT_LINES.items() if name in results
    ]
    image = "![Requests a second through the adapter, of the own server's](benchmarks/adapter.svg)"
    measured = machine_text(adapter) + " [All figures](benchmarks/README.md)."
    return "\n\n".join([image, best_and_worst(adapter["rows"]), "\n".join(lines), measured])


def best_and_worst(rows):
    """By the requests a second, one at a time."""
    found = []
    for back_end in WHERE:
        ordered = sorted((row for row in rows if row["back_end"] == back_end), key=alone)
        found += [ordered[-1]] if ordered else []
        found += [ordered[0]] if len(ordered) > 1 else []
    head = ["the model runs", "best and worst", *COUNTS.values(), "first answer, ms", "memory, MB"]
    return table(head, [front_row(row) for row in found], 2)


def alone(row):
    return row["rounds"]["1"]["rate"]["compared"]["median"]


def front_row(row):
    one, eight = (row["rounds"][count]["rate"]["compared"] for count in COUNTS)
    start, memory = (row[name]["compared"] for name in ("first_answer_ms", "resident_mb_loaded"))
    return [
        BRIEFLY[row["back_end"]],
        f"{row['name']} ({row['what']})",
        bold(one),
        bold(eight),
        f"{start['median']:+.0f}",
        f"{memory['median']:+.1f}",
    ]


def growth_line(content):
    costs = " and ".join(
        f"{row['lines']['adapter']['ms_per_mb']:.1f} ms for each MB of the {row['direction']}"
        for row in content["rows"]
    )
    share = max(map(off_share, content["rows"]))
    return (
        f"- **Large bodies**: {costs}; the size farthest from this line is off by {share:.0%} of "
        "the time for 1 MB."
    )


def gateway_line(content):
    row = content["rows"][0]
    return (
        f"- **Gateway**: first answer {row['first_answer_ms']['median']:.0f} ms after its start, "
        f"{row['rounds']['1']['rate']['gateway']['median']:.0f} web requests a second one at a "
        "time, "
        f"{row['resident_mb']['median']:.0f} MB."
    )


FRONT_LINES = {"growth": growth_line, "gateway": gateway_line}


def written(folder=FOLDER):
    """{file: its text}: all that is made of the results in the folder."""
    results = {name: content for name in SECTIONS for content in [read(folder, name)] if content}
    files = {
        HERE / (name + ".svg"): SECTIONS[name].plot(results[name])
        for name in results
        if SECTIONS[name].plot
    }
    parts = [part for name, content in results.items() for part in section(name, content)]
    files[HERE / "README.md"] = filled(
        (HERE / "README.md").read_text(), "results", "\n\n".join(parts)
    )
    if "adapter" in results:
        files[FRONT] = filled(FRONT.read_text(), "figures", figures(results))
    return files


def main():
    for file, text in written().items():
        file.write_text(text)


if __name__ == "__main__":
    main()
