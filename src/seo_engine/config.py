"""SEOConfig: every setting of the engine in one flat dataclass, from code, a file or the environment."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from seo_engine.engine.audit.configuration import AuditConfig
from seo_engine.engine.configuration import TrainingConfig
from seo_engine.engine.site.configuration import SiteConfig
from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.foundation.setting_sources.known_names import Tables
from seo_engine.foundation.setting_sources.sourced import as_arguments, made_of
from seo_engine.foundation.setting_sources.sources import read_sources, settings_from
from seo_engine.foundation.settings import Configuration
from seo_engine.tracking import TrackingConfig

logger = logging.getLogger(__name__)

# Tables of the file whose settings belong to a room, as do variables that begin so: SEO_ENGINE_CRAWL_MOST_PAGES.
ROOM_TABLES: Tables = {"audit": AuditConfig, "crawl": CrawlConfig}


def table_of(configuration: type[Configuration]) -> str:
    """Return the table of a room's settings; empty for settings that stand outside of tables.

    Example:
        >>> table_of(CrawlConfig), table_of(SEOConfig)
        ('crawl', '')
    """
    return next((table for table, of_room in ROOM_TABLES.items() if of_room is configuration), "")


@dataclass
class SEOConfig(TrackingConfig, TrainingConfig, SiteConfig):
    """All settings of reading, training, tracking and profiling in one flat dataclass.

    It reads neither a file nor the environment; `SEOConfig.load()` does.

    Raises:
        ValueError: If a value is not allowed; the message names the field, the value and what is allowed.

    Example:
        >>> config = SEOConfig(number_of_epochs=3, wandb_mode="offline")
        >>> config
        SEOConfig(number_of_epochs=3, wandb_mode='offline')
        >>> for _ in config.code_profiler.profile_steps(range(config.number_of_epochs)):
        ...     pass
    """

    @classmethod
    def load(cls, path: str | Path | None = None, **overrides: Any) -> Self:
        """Read the settings as the command `seo-engine` does: from the environment, and from the nearest file.

        The variable of a field is `SEO_ENGINE_` and its name in capitals. It comes before the file, which is
        `seo.toml`, or the table `[tool.seo-engine]` of `pyproject.toml`.

        Args:
            path (str | Path | None): The file. None looks for one in the working folder and above it, up to the root
                of the repository or the home folder.
            **overrides (Any): Settings that take precedence over all others.

        Returns:
            SEOConfig: The settings. Those that stand in the file or the environment count as given.

        Raises:
            ValueError: If a file or a variable has an unknown name or a bad value, or the file cannot be read; the
                message says where.

        Example:
            >>> SEOConfig.load(number_of_epochs=5).number_of_epochs
            5
        """
        sources = read_sources(cls, ROOM_TABLES, os.environ, path)
        for warning in sources.warnings:
            _warn_once(warning)
        return made_of(cls, settings_from(sources, cls) | as_arguments(overrides))

    @classmethod
    def from_toml(cls, path: str | Path, **overrides: Any) -> Self:
        """Read the settings from a TOML file of `name = value` lines, and from nothing else.

        Args:
            path (str | Path): The file.
            **overrides (Any): Settings that take precedence over the file's.

        Returns:
            SEOConfig: The settings.

        Raises:
            ValueError: If the file cannot be read, is not valid TOML, or holds an unknown name or a bad value.

        Example:
            >>> import tempfile
            >>> path = Path(tempfile.mkdtemp()) / "seo.toml"
            >>> _ = path.write_text('number_of_epochs = 3')
            >>> SEOConfig.from_toml(path).number_of_epochs
            3
        """
        sources = read_sources(cls, ROOM_TABLES, _NO_VARIABLES, path)
        return made_of(cls, settings_from(sources, cls) | as_arguments(overrides))


_NO_VARIABLES: Mapping[str, str] = {}


@functools.cache
def _warn_once(message: str) -> None:
    logger.warning("⚠️ %s", message)
