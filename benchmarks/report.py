"""The figures as tables and plots: python -m benchmarks.report

Reads results/*.json; writes *.svg beside itself, its part of benchmarks/README.md, and the figures of the project's
README, where the markers for them are.
"""

import importlib
import re
from pathlib import Path

from benchmarks import plots
from benchmarks.results import FOLDER, read

HERE = Path(__file__).resolve().parent
FRONT = HERE.parent / "README.md"


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def ranged(found, digits=2, sign=""):
    """The median (lowest to highest)."""
    median, low, high = (f"{found[name]:{sign}.{digits}f}" for name in ("median", "low", "high"))
    return f"{median} ({low} to {high})"


def machine_text(content):
    told = content["machine"]
    scale = content["scale"]
    busy = f", load at the start {told['load_at_start']}"
    return (
        f"{told['processor']}, {told['cores']} cores, {told['memory_gb']} GB, {told['system']}, "
        f"Python {told['python']}{busy}; {scale['rounds']} rounds of {scale['seconds']:g} s."
    )


def name_of(row):
    return f"{row['name']}: {row['what']}"


def rates_table(content):
    rows = [
        [
            name_of(row),
            row["back_end"],
            *(f"{row['rounds'][count]['rate'][side]['median']:.0f}" for count in "18" for side in ("own", "adapter")),
            *(ranged(row["rounds"][count]["rate"]["compared"]) for count in "18"),
        ]
        for row in content["rows"]
    ]
    head = ["model", "back end", "own, 1", "adapter, 1", "own, 8", "adapter, 8", "ratio at 1", "ratio at 8"]
    return table(head, rows)


def latency_table(content):
    rows = []
    for row in content["rows"]:
        cells = [row["name"]]
        for count in "18":
            latency = row["rounds"][count]["latency_ms"]
            cells += [
                " / ".join(f"{latency[side][part]:.1f}" for side in ("own", "adapter")) for part in ("p50", "p99")
            ]
        processor = row["rounds"]["1"]["processor_ms"]
        cells += [f"{processor['own']['median']:.2f} / {processor['adapter']['median']:.2f}"]
        rows.append(cells)
    return table(
        ["own / adapter, ms", "p50 at 1", "p99 at 1", "p50 at 8", "p99 at 8", "processor time, a request"], rows
    )


def start_table(content):
    rows = []
    for row in content["rows"]:
        start, loaded = row["first_answer_ms"], row["resident_mb_loaded"]
        after = row["resident_mb_after_load"]
        rows.append(
            [
                row["name"],
                f"{start['own']['median']:.0f}",
                ranged(start["compared"], 0, "+"),
                f"{loaded['own']['median']:.0f}",
                ranged(loaded["compared"], 1, "+"),
                f"{after['own']:.0f}",
                f"{after['compared']:+.1f}",
            ]
        )
    head = [
        "model",
        "first answer, own, ms",
        "adapter",
        "resident, own, MB",
        "adapter",
        "after the rounds, own",
        "adapter",
    ]
    return table(head, rows)


def growth_table(content):
    rows = [
        [f"{row['direction']}, {side}", f"{line['start_ms']:.2f}", f"{line['ms_per_mb']:.2f}", f"{line['r2']:.4f}"]
        for row in content["rows"]
        for side, line in row["lines"].items()
    ]
    return table(["body of", "ms for none", "ms for 1 MB more", "r²"], rows)


def profile_table(content):
    stages = {stage: None for row in content["rows"] for stage in row["stages_ms"]}
    rows = [
        [stage, *(ranged(row["stages_ms"][stage], 3) if stage in row["stages_ms"] else "" for row in content["rows"])]
        for stage in stages
    ]
    return table(["ms of an activation", *(row["name"] for row in content["rows"])], rows)


def gateway_table(content):
    row, standalone = content["rows"][0], content["rows"][0]["standalone"]
    rates = {count: seen["rate"] for count, seen in row["rounds"].items()}
    low, high = standalone["rate"]
    rows = [
        ["first answer after the start, ms", ranged(row["first_answer_ms"], 0), standalone["first_answer_ms"], ""],
        [
            "web requests a second, one after another",
            ranged(rates["1"]["gateway"], 0),
            f"{low} to {high}",
            f"{rates['1']['adapter']['median']:.0f}",
        ],
        [
            "web requests a second, 8 at once",
            ranged(rates["8"]["gateway"], 0),
            "",
            f"{rates['8']['adapter']['median']:.0f}",
        ],
        ["resident, MB", ranged(row["resident_mb"], 0), standalone["resident_mb"], ""],
        ["resident after the rounds, MB", row["resident_mb_after_load"], "", ""],
    ]
    return table(["", "gateway", "OpenWhisk standalone, recorded", "the action alone"], rows)


def layer_table(found):
    rows = [
        [name, f"{row['seconds']:.2f}", f"{row['sent']:,}", f"{row['received']:,}", f"{row['resident'] / 1e6:.0f}"]
        for name, row in found.items()
    ]
    return table(["", "seconds", "bytes sent", "bytes received", "resident, MB"], rows)


def rates_plot(content):
    rows = [
        (row["name"], row["what"], *(row["rounds"][count]["rate"]["compared"] for count in "18"))
        for row in content["rows"]
    ]
    return plots.bars(
        "Requests a second through the adapter, of the own server's", rows, ("1 at once", "8 at once"), (1,)
    )


def growth_plot(content):
    series = []
    for row in content["rows"]:
        points = [(int(size) / 1000, found["median"]) for size, found in row["milliseconds"]["adapter"].items()]
        fit = row["lines"]["adapter"]
        series.append((f"body of the {row['direction']}", points, fit["start_ms"], fit["ms_per_mb"] / 1000))
    return plots.scatter("An activation's time by the size of its body", series, "KB", "ms")


def profile_plot(content):
    row = content["rows"][0]
    rows = [(stage, "", found) for stage, found in row["stages_ms"].items()]
    return plots.bars(f"Where an activation's time goes, ms ({row['name']}, 100 KB image)", rows, ("processor time",))


SECTIONS = {
    "adapter": ("The adapter beside the model's own server", (rates_table, latency_table, start_table), rates_plot),
    "growth": ("Cost by size of the body", (growth_table,), growth_plot),
    "profile": ("Where an activation's time goes", (profile_table,), profile_plot),
    "gateway": ("The gateway", (gateway_table,), None),
}


def section(name, content, folder=HERE):
    """The paragraphs of one benchmark; its plot goes to the folder."""
    title, tables, plot = SECTIONS[name]
    doc = importlib.import_module("benchmarks." + name).__doc__.split("\n\n", 1)
    parts = [f"## {title}", doc[0].split(": python")[0] + ".", "\n".join(doc[1].strip().splitlines())]
    parts += [machine_text(content)]
    if plot:
        (folder / (name + ".svg")).write_text(plot(content))
        parts.append(f"![{title}]({name}.svg)")
    return parts + [make(content) for make in tables]


def filled(text, name, content):
    """The text with what stands between `<!-- NAME:start -->` and `<!-- NAME:end -->` replaced."""
    pattern = rf"(<!-- {name}:start -->\n).*?(<!-- {name}:end -->)"
    return re.sub(pattern, lambda found: f"{found.group(1)}\n{content}\n\n{found.group(2)}", text, flags=re.S)


def figures(folder=FOLDER):
    """For the project's README: a plot and what it comes to."""
    adapter, gateway = read(folder, "adapter"), read(folder, "gateway")
    rows = {row["name"]: row for row in adapter["rows"]}
    digits = rows["max-digits-py37"]
    start, memory = (digits[name]["compared"] for name in ("first_answer_ms", "resident_mb_loaded"))
    one, eight = (digits["rounds"][count]["rate"]["compared"] for count in "18")
    rate = gateway["rows"][0]["rounds"]["1"]["rate"]["gateway"]["median"]
    lines = [
        f"- **max-digits as MAX images run it**, 100 KB image: {ranged(one)} of the own server's requests a second one "
        f"after another, {ranged(eight)} with 8 at once; first answer {ranged(start, 0, '+')} ms, resident memory "
        f"{ranged(memory, 1, '+')} MB.",
        f"- **Gateway**: first answer {gateway['rows'][0]['first_answer_ms']['median']:.0f} ms after its start, "
        f"{rate:.0f} web requests a second one after another, {gateway['rows'][0]['resident_mb']['median']:.0f} MB.",
    ]
    image = "![Requests a second through the adapter, of the own server's](benchmarks/adapter.svg)"
    return "\n\n".join([image, "\n".join(lines), machine_text(adapter) + " [All figures](benchmarks/README.md)."])


def main():
    parts = []
    for name in SECTIONS:
        content = read(FOLDER, name)
        parts += section(name, content) if content else []
    layer = read(FOLDER, "layer")
    if layer:
        parts += ["## Adding the layer", "layer.py against `docker build && docker push`.", layer_table(layer)]
    pages = {HERE / "README.md": ("results", "\n\n".join(parts))}
    if read(FOLDER, "adapter") and read(FOLDER, "gateway"):
        pages[FRONT] = ("figures", figures())
    for page, (name, content) in pages.items():
        page.write_text(filled(page.read_text(), name, content))


if __name__ == "__main__":
    main()
