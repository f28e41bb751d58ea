"""Reads the files of a run back, as other programs would."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import polars


def read_csv(run_directory: Path, table: str = "metrics") -> list[dict[str, str]]:
    with (run_directory / "tables" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def csv_values(run_directory: Path) -> list[tuple[int, str, float]]:
    return [(int(row["step"]), row["name"], float(row["value"])) for row in read_csv(run_directory)]


def read_parquet(run_directory: Path, table: str = "metrics") -> list[dict[str, Any]]:
    return polars.read_parquet(run_directory / "tables" / table / "*.parquet").to_dicts()


def parquet_values(run_directory: Path) -> list[tuple[int, str, float]]:
    return [(row["step"], row["name"], row["value"]) for row in read_parquet(run_directory)]
