"""The results as tables on the terminal and as a plot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.region_rows import REGION_ROWS
from benchmarks.rows import ROWS

RESULTS = Path(__file__).parent / "results.json"

OURS, DIRECT = "seo_engine", "both"

Results = dict[str, Any]


def cost_table(results: Results) -> list[list[str]]:
    """Return what a call costs: a header and a line for each row."""
    header = ["five floats a step", "µs back to back", "p99", "µs, 2 ms steps", "p99", "µs, 20 ms steps", "p99"]
    header += ["CPU µs a step", "loop of 2 ms steps"]
    lines = [header]
    baseline = results["rows"].get("floor", {}).get("steps_2ms", {}).get("wall")
    for title, row in _rows(results):
        if "error" in row:
            lines.append([title, row["error"]] + [""] * (len(header) - 2))
            continue
        cells = [title]
        for situation in ("back_to_back", "steps_2ms", "steps_20ms"):
            cells += [_number(row[situation]["median"]), _number(row[situation]["p99"])]
        # Of the floor it is less than by what two starts of a process differ.
        cells.append(_number(max(0.0, row["cpu_us_a_step"])))
        cells.append(f"× {row['steps_2ms']['wall'] / baseline:.2f}" if baseline else "–")
        lines.append(cells)
    return lines


def loss_table(results: Results) -> list[list[str]]:
    """Return what is lost and what else it takes: a header and a line for each row."""
    header = ["", "left of 2,000 at full speed", "left of 20 in 4 s", "memory, MB more", "over records"]
    header += ["bytes a step", "first call, s", "run of 10 steps, s"]
    lines = [header]
    for title, row in _rows(results):
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
    """Return how the budgets of the design are kept: what is compared, how it was measured, and the budget."""
    ours, both = results["rows"][OURS], results["rows"][DIRECT]
    lines = [["ours beside both SDKs called directly", "measured", "budget"]]
    for what, situation, budget in (
        ("one call, back to back", "back_to_back", 100),
        ("one call, between steps of 2 ms", "steps_2ms", 20),
        ("one call, between steps of 20 ms", "steps_20ms", 20),
    ):
        lines.append([what, f"1/{both[situation]['median'] / ours[situation]['median']:.0f}", f"1/{budget}"])
    cpu_share = ours["cpu_us_a_step"] / both["cpu_us_a_step"]
    lines.append(["all processor time of a step", f"{cpu_share:.2f}", "0.60"])
    return lines


def regions_table(results: Results) -> list[list[str]]:
    """Return what a profiled region costs: a header and a line for each row; the header alone if it is not measured."""
    header = ["one region", "ns, 1,000 in a row", "× floor", "ns, 300,000 in a row", "× floor", "ns, 2 ms steps", "p99"]
    header += ["× floor", "CPU ns", "× floor", "of it behind the caller", "memory, MB more", "over regions"]
    lines = [header]
    rows = results.get("regions", {}).get("rows", {})
    for row in REGION_ROWS:
        figures = rows.get(row.name)
        if figures is None:
            continue
        if "error" in figures:
            lines.append([row.title, figures["error"]] + [""] * (len(header) - 2))
            continue
        floor = rows.get(row.floor, {})
        cells = [row.title]
        for situation, shown, compared in (
            ("bursts", ("median",), "median"),
            ("back_to_back", ("nanoseconds",), "nanoseconds"),
            ("steps_2ms", ("median", "p99"), "median"),
            ("back_to_back", ("processor_nanoseconds",), "processor_nanoseconds"),
        ):
            cells += [f"{figures[situation][name]:,.0f}" for name in shown]
            least = floor.get(situation, {}).get(compared)
            cells.append(f"× {figures[situation][compared] / least:.1f}" if least else "–")
        behind = figures["back_to_back"].get("aggregation_nanoseconds")
        cells.append("–" if behind is None else f"{behind:,.0f}")
        cells += [f"{figures['memory']['growth_mb']:,.1f}", f"{figures['memory']['regions']:,.0f}"]
        lines.append(cells)
    return lines


def regions_budget_table(results: Results) -> list[list[str]]:
    """Return how the budgets of a region are kept; the header alone if it is not measured."""
    lines = [["one region of ours, 1,000 in a row", "measured, µs", "budget, µs"]]
    rows = results.get("regions", {}).get("rows", {})
    for what, name, budget in (
        ("enabled", "code_profiler", 0.8),
        ("enabled, three deep", "code_profiler_nested", 0.8),
        ("disabled", "code_profiler_disabled", 0.2),
    ):
        if "bursts" in rows.get(name, {}):
            lines.append([what, f"{rows[name]['bursts']['median'] / 1000:.2f}", f"{budget:.2f}"])
    return lines


def as_markdown(table: list[list[str]]) -> str:
    """Return a table as the README shows it."""
    header, *lines = table
    rows = [header, ["---"] + ["---:"] * (len(header) - 1), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def fine_tune_line(results: Results) -> str:
    """Return the tracker's share of the real fine-tune in words."""
    cost = results["fine_tune"]
    if "error" in cost:
        return f"The fine-tune could not be measured: {cost['error']}"
    return (
        f"In the fine-tune on the bundled site ({cost['wall_seconds']:.0f} s) the calls took "
        f"{cost['percent_of_wall_time']:.4f} % of the wall time from the training; the workers "
        f"worked {cost['background_seconds']:.1f} s beside it."
    )


def print_tables(results: Results) -> None:
    """Print all that was measured; as Markdown, which is readable on a terminal too."""
    _print_origin(results)
    print(f"\n{as_markdown(cost_table(results))}\n\n{as_markdown(loss_table(results))}")
    if all("error" not in results["rows"].get(name, ["error"]) for name in (OURS, DIRECT)):
        print(f"\n{as_markdown(budget_table(results))}")
    if "regions" in results:
        print()
        print_regions(results)
    if "fine_tune" in results:
        print(f"\n{fine_tune_line(results)}")


def print_regions(results: Results) -> None:
    """Print what was measured of regions, with its own machine and versions: it can be measured by itself."""
    _print_origin(results["regions"])
    print(f"\n{as_markdown(regions_table(results))}\n\n{as_markdown(regions_budget_table(results))}")


def _print_origin(results: Results) -> None:
    for part in ("machine", "versions"):
        print(", ".join(f"{name} {value}" for name, value in results[part].items()))


def save_plot(results: Results, path: Path) -> None:
    """Draw what a call costs, back to back and between steps, on a logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [(title.replace("*", "").replace("`", ""), row) for title, row in _rows(results) if "error" not in row]
    figure, axes = pyplot.subplots(figsize=(10, 0.55 * len(rows) + 1.4), layout="constrained")
    heights = range(len(rows))
    for offset, situation, label in ((-0.2, "back_to_back", "back to back"), (0.2, "steps_2ms", "between 2 ms steps")):
        medians = [row[situation]["median"] for _, row in rows]
        bars = axes.barh([height + offset for height in heights], medians, height=0.38, label=label)
        axes.bar_label(bars, labels=[f" {_number(median)}" for median in medians], fontsize=8)
    # Room for the numbers beside the bars.
    axes.margins(x=0.08)
    axes.set(xscale="log", xlabel="median of one call with five floats, µs (logarithmic)", yticks=list(heights))
    axes.set_yticklabels([title for title, _ in rows])
    axes.invert_yaxis()
    axes.legend(loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _rows(results: Results) -> Iterator[tuple[str, dict[str, Any]]]:
    for row in ROWS:
        if row.name in results["rows"]:
            yield row.title, results["rows"][row.name]


def _number(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
