"""The results as tables, on the terminal and in the documents, and as a plot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measurements import KILLED_AT_FULL_SPEED, KILLED_SLOWLY
from benchmarks.region_rows import REGION_ROWS
from benchmarks.rows import REFERENCE, ROWS, row_named

RESULTS = Path(__file__).parent / "results.json"

OURS, DIRECT = "seo_engine", "both"
# What the README compares: the rest is in docs/benchmarks.md.
FRONT_PAGE = (OURS, "wandb", "summary_writer", "mlflow", "trackio")

Results = dict[str, Any]

# The rows whose ratios have a budget: all facts, facts with main text, and the peer that this is compared with.
READING_BUDGET_ROWS = ("seo-engine, all facts", "seo-engine, facts and main text", "resiliparse, main text")


def front_page_table(results: Results) -> list[list[str]]:
    """Return what a call costs and what a kill loses, in five rows for people who have two minutes."""
    header = ["five numbers per call", "one call, µs", "one call between 2 ms steps, µs"]
    header += ["a loop of 2 ms steps is slower by"]
    header += [f"lost of {KILLED_AT_FULL_SPEED:,} records at full speed", f"lost of {KILLED_SLOWLY} records in 4 s"]
    lines = [header]
    baseline = results["rows"]["floor"]["steps_2ms"]["wall"]
    for name, title, row in _rows(results):
        if name not in FRONT_PAGE or "error" in row:
            continue
        lines.append(
            [
                title,
                _number(row["back_to_back"]["median"]),
                _number(row["steps_2ms"]["median"]),
                f"{100 * (row['steps_2ms']['wall'] / baseline - 1):.0f} %",
                f"{KILLED_AT_FULL_SPEED - row['survivors_at_full_speed']:,.0f}",
                f"{KILLED_SLOWLY - row['survivors_of_a_slow_start']:,.0f}",
            ]
        )
    return lines


def cost_table(results: Results) -> list[list[str]]:
    """Return what a call costs: a header and a line for each row."""
    header = ["five numbers per call", "back to back, µs", "p99", "between 2 ms steps, µs", "p99"]
    header += ["between 20 ms steps, µs", "p99", "CPU time per step, µs", "loop of 2 ms steps"]
    lines = [header]
    baseline = results["rows"].get("floor", {}).get("steps_2ms", {}).get("wall")
    for _, title, row in _rows(results):
        if "error" in row:
            lines.append([title, row["error"]] + [""] * (len(header) - 2))
            continue
        cells = [title]
        for situation in ("back_to_back", "steps_2ms", "steps_20ms"):
            cells += [_number(row[situation]["median"]), _number(row[situation]["p99"])]
        # Starting a process varies by more than what the baseline costs, so its figure may come out negative.
        cells.append(_number(max(0.0, row["cpu_us_a_step"])))
        cells.append(f"× {row['steps_2ms']['wall'] / baseline:.2f}" if baseline else "–")
        lines.append(cells)
    return lines


def loss_table(results: Results) -> list[list[str]]:
    """Return what survives a kill, and what memory, disk and start-up take: a header and a line for each row."""
    header = [
        "after SIGKILL",
        f"records that survive, of {KILLED_AT_FULL_SPEED:,} at full speed",
        f"of {KILLED_SLOWLY} in 4 s",
    ]
    header += ["memory growth, MB", "over records", "disk per step, bytes", "until the first call returns, s"]
    header += ["whole run of 10 steps, s"]
    lines = [header]
    for _, title, row in _rows(results):
        if "error" in row:
            continue
        lines.append(
            [
                title,
                f"{row['survivors_at_full_speed']:,.0f}",
                f"{row['survivors_of_a_slow_start']:,.0f}",
                f"{row['memory']['growth_mb']:,.0f}",
                f"{row['memory']['records']:,.0f}",
                f"{round(row['bytes_a_step']):,}",
                f"{row['first_call_seconds']:.1f}",
                f"{row['tiny_run_seconds']:.1f}",
            ]
        )
    return lines


def budget_table(results: Results) -> list[list[str]]:
    """Return whether the budgets of the design are kept: what is compared, the measured ratio, and the budget.

    Only the header, if nothing that it compares was measured.
    """
    ours, both = results["rows"].get(OURS, {}), results["rows"].get(DIRECT, {})
    lines = [["ExperimentTracker", "compared with", "measured", "budget"]]
    if "back_to_back" in ours and "back_to_back" in both:
        compared = "both SDKs, one after the other"
        for what, situation, budget in (
            ("one call, back to back", "back_to_back", 100),
            ("one call, between steps of 2 ms", "steps_2ms", 20),
            ("one call, between steps of 20 ms", "steps_20ms", 20),
        ):
            ratio = both[situation]["median"] / ours[situation]["median"]
            lines.append([what, compared, f"1/{ratio:.0f}", f"1/{budget}"])
        cpu_share = ours["cpu_us_a_step"] / both["cpu_us_a_step"]
        lines.append(["CPU time per step", compared, f"× {cpu_share:.2f}", "× 0.60"])
    if "beside_reference" in ours:
        compared = f"{row_named(REFERENCE).title}, in the same process"
        for what, figure in (("one call, back to back", "median"), ("p99 of these calls", "p99")):
            lines.append([what, compared, f"× {ours['beside_reference'][figure]:.2f}", "× 1.60"])
    return lines


def regions_table(results: Results) -> list[list[str]]:
    """Return what a profiled region costs: a header and a line for each row; only the header if none was measured."""
    header = ["one region", "1,000 in a row, ns", "× baseline", "300,000 in a row, ns", "× baseline"]
    header += [
        "between 2 ms steps, ns",
        "p99",
        "× baseline",
        "CPU time, ns",
        "× baseline",
        "of it in the background, ns",
    ]
    header += ["memory growth, MB", "over regions"]
    lines = [header]
    rows = results.get("regions", {}).get("rows", {})
    for row in REGION_ROWS:
        figures = rows.get(row.name)
        if figures is None:
            continue
        if "error" in figures:
            lines.append([row.title, figures["error"]] + [""] * (len(header) - 2))
            continue
        baseline = rows.get(row.baseline, {})
        cells = [row.title]
        for situation, shown, compared in (
            ("bursts", ("median",), "median"),
            ("back_to_back", ("nanoseconds",), "nanoseconds"),
            ("steps_2ms", ("median", "p99"), "median"),
            ("back_to_back", ("processor_nanoseconds",), "processor_nanoseconds"),
        ):
            cells += [f"{figures[situation][name]:,.0f}" for name in shown]
            least = baseline.get(situation, {}).get(compared)
            cells.append(f"× {figures[situation][compared] / least:.1f}" if least else "–")
        background = figures["back_to_back"].get("aggregation_nanoseconds")
        cells.append("–" if background is None else f"{background:,.0f}")
        cells += [f"{figures['memory']['growth_mb']:,.1f}", f"{figures['memory']['regions']:,.0f}"]
        lines.append(cells)
    return lines


def regions_budget_table(results: Results) -> list[list[str]]:
    """Return whether the budgets of a region are kept; only the header if no region was measured."""
    lines = [["one region of CodeProfiler, 1,000 in a row", "measured, µs", "budget, µs"]]
    rows = results.get("regions", {}).get("rows", {})
    for what, name, budget in (
        ("enabled", "code_profiler", 0.8),
        ("enabled, nested three deep", "code_profiler_nested", 0.8),
        ("disabled", "code_profiler_disabled", 0.2),
    ):
        if "bursts" in rows.get(name, {}):
            lines.append([what, f"{rows[name]['bursts']['median'] / 1000:.2f}", f"{budget:.2f}"])
    return lines


def reading_table(reading: Results) -> list[list[str]]:
    """Return how long each tool takes to read the same pages, fastest first."""
    lines = [["reading a page", "pages/s", "× of the parser alone"]]
    for name, ratio in sorted(reading["of_the_parser"].items(), key=lambda row: row[1]):
        rate = reading["pages_a_second"][name]
        lines.append([f"**{name}**" if name.startswith("seo-engine") else name, f"{rate:,.0f}", f"{ratio:.1f}"])
    return lines


def reading_budget_table(reading: Results) -> list[list[str]]:
    """Return whether the budgets of reading are kept; only the header if their rows were not measured."""
    lines = [["reading", "measured", "budget"]]
    ratios = reading["of_the_parser"]
    facts, whole, peer = (ratios.get(name) for name in READING_BUDGET_ROWS)
    if facts is not None:
        lines.append(["all facts, × of the parser alone, at most", f"{facts:.2f}", "2.50"])
    if whole is not None and peer is not None:
        lines.append(["facts and main text, × of resiliparse's main text, at most", f"{whole / peer:.2f}", "1.50"])
    if "two_processes" in reading:
        lines.append(["two processes, × of one, at least", f"{reading['two_processes']:.2f}", "1.70"])
    return lines


def reading_origin_line(reading: Results) -> str:
    """Return on how many pages, on which machine, and with which versions it was measured."""
    missing = f" Not installed: {', '.join(reading['missing'])}." if reading["missing"] else ""
    return (
        f"{reading['pages']} pages of {reading['site']}.{missing} {origin_line(reading, 'For each page the fastest')}"
    )


_MEDIA_NAMES = {
    "one_write": "one `os.write` of the picture's bytes",
    "our_image": "**`tracker.log_image`**, 224 × 224 × 3 bytes",
    "both_sdks_image": "`wandb.log(wandb.Image)` and `add_image`",
    "our_table": "**`tracker.log_table`**, 1,000 × 5 cells",
    "both_sdks_table": "`wandb.log(wandb.Table)` and `add_text` of the same as Markdown",
}


def media_table(media: Results) -> list[list[str]]:
    """Return what each call costs that logs a picture or a table."""
    lines = [["one call, twelve in a row", "median, µs", "p99, µs"]]
    for name, words in _MEDIA_NAMES.items():
        if "median" in (row := media["rows"].get(name, {})):
            lines.append([words, f"{row['median']:,.0f}", f"{row['p99']:,.0f}"])
    return lines


def media_budget_table(media: Results) -> list[list[str]]:
    """Return whether the budgets of pictures and tables are kept; only the header if they were not measured."""
    lines = [["media", "measured", "budget"]]
    medians = {name: row["median"] for name, row in media["rows"].items() if "median" in row}
    for words, ours, other, budget in (
        ("a picture, × of both SDKs, at most", "our_image", "both_sdks_image", 1 / 20),
        ("a picture, × of one write of its bytes, at most", "our_image", "one_write", 2.0),
        ("a table, × of both SDKs, at most", "our_table", "both_sdks_table", 1 / 10),
    ):
        if {ours, other} <= medians.keys():
            lines.append([words, f"{medians[ours] / medians[other]:.3g}", f"{budget:.2f}"])
    return lines


def as_markdown(table: list[list[str]]) -> str:
    """Return a table as Markdown."""
    header, *lines = table
    rows = [header, ["---"] + ["---:"] * (len(header) - 1), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def call_line(results: Results) -> str:
    """Return what one call of ours costs, in words."""
    ours = results["rows"][OURS]
    return (
        f"One call of `ExperimentTracker` with five numbers takes "
        f"{ours['back_to_back']['median']:.1f} µs back to back, "
        f"{ours['steps_2ms']['median']:.0f} µs between training steps of 2 ms, and "
        f"{ours['steps_20ms']['median']:.0f} µs between steps of 20 ms (medians)."
    )


def region_line(results: Results) -> str:
    """Return what one region of ours costs, in words."""
    rows = results["regions"]["rows"]
    enabled, disabled = rows["code_profiler"], rows["code_profiler_disabled"]
    return (
        f"A region delays the code by {enabled['bursts']['median'] / 1000:.2f} µs "
        f"({disabled['bursts']['median'] / 1000:.2f} µs if profiling is off), and takes "
        f"{enabled['back_to_back']['aggregation_nanoseconds'] / 1000:.2f} µs of CPU time in the background."
    )


def fine_tune_line(results: Results) -> str:
    """Return the tracker's share of the real fine-tune, in words."""
    cost = results["fine_tune"]
    if "error" in cost:
        return f"The fine-tune could not be measured: {cost['error']}"
    return (
        f"In a fine-tune on the bundled site that took {cost['wall_seconds']:.0f} s, the calls took "
        f"{cost['percent_of_wall_time']:.4f} % of the time. The workers worked for "
        f"{cost['background_seconds']:.1f} s in the background."
    )


def origin_line(results: Results, figures: str = "Medians") -> str:
    """Return on which machine, and with which versions, the figures were measured."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return (
        f"{figures} of {results['rounds']} rounds, measured on {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory']}, {machine['system'].split()[0]}, Python {machine['python']}, with {versions}."
    )


def print_tables(results: Results) -> None:
    """Print all that was measured, as Markdown, which is readable on a terminal too."""
    print(origin_line(results))
    if results["rows"]:
        print(f"\n{as_markdown(cost_table(results))}\n\n{as_markdown(loss_table(results))}")
    if len(budgets := budget_table(results)) > 1:
        print(f"\n{as_markdown(budgets)}")
    if "regions" in results:
        print()
        print_regions(results)
    if "media" in results:
        print(f"\n{as_markdown(media_table(results['media']))}\n\n{as_markdown(media_budget_table(results['media']))}")
    if "reading" in results:
        reading = results["reading"]
        print(f"\n{reading_origin_line(reading)}\n\n{as_markdown(reading_table(reading))}")
        print(f"\n{as_markdown(reading_budget_table(reading))}")
    if "fine_tune" in results:
        print(f"\n{fine_tune_line(results)}")


def print_regions(results: Results) -> None:
    """Print what regions cost, with their own machine and versions, because they can be measured by themselves."""
    print(origin_line(results["regions"]))
    print(f"\n{as_markdown(regions_table(results))}\n\n{as_markdown(regions_budget_table(results))}")


def save_plot(results: Results, path: Path) -> None:
    """Draw what a call costs, back to back and between steps, on a logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [(title.replace("*", "").replace("`", ""), row) for _, title, row in _rows(results) if "error" not in row]
    figure, axes = pyplot.subplots(figsize=(10, 0.55 * len(rows) + 1.4), layout="constrained")
    heights = range(len(rows))
    for offset, situation, label in ((-0.2, "back_to_back", "back to back"), (0.2, "steps_2ms", "between 2 ms steps")):
        medians = [row[situation]["median"] for _, row in rows]
        bars = axes.barh([height + offset for height in heights], medians, height=0.38, label=label)
        axes.bar_label(bars, labels=[f" {_number(median)}" for median in medians], fontsize=8)
    # This leaves room for the numbers beside the bars.
    axes.margins(x=0.08)
    axes.set(xscale="log", xlabel="median time of one call with five numbers, µs (logarithmic)", yticks=list(heights))
    axes.set_yticklabels([title for title, _ in rows])
    axes.invert_yaxis()
    axes.legend(loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _rows(results: Results) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for row in ROWS:
        if row.name in results["rows"]:
            yield row.name, row.title, results["rows"][row.name]


def _number(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
