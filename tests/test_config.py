"""The rooms' configurations are one flat set of settings."""

from __future__ import annotations

from collections import defaultdict

from seo_engine import SEOConfig


def test_no_setting_is_declared_in_two_rooms() -> None:
    declared: dict[str, list[str]] = defaultdict(list)
    for room in SEOConfig.__mro__:
        for name in vars(room).get("__annotations__", {}):
            declared[name].append(room.__name__)
    assert {"seed", "wandb_mode", "trace_spans"} <= declared.keys()
    assert {name: rooms for name, rooms in declared.items() if len(rooms) > 1} == {}
