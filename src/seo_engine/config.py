"""SEOConfig: every setting of the engine in one flat dataclass, from code or from a TOML file."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from seo_engine.engine.configuration import TrainingConfig
from seo_engine.engine.site.configuration import SiteConfig
from seo_engine.tracking import TrackingConfig


@dataclass
class SEOConfig(TrackingConfig, TrainingConfig, SiteConfig):
    """All settings of reading, training, tracking and profiling in one flat dataclass.

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
    def from_toml(cls, path: str | Path, **overrides: Any) -> Self:
        """Read the settings from a TOML file of `name = value` lines.

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
        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: is not valid TOML: {error}") from None
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"{path}: unknown setting {unknown[0]!r}; the settings are {', '.join(sorted(known))}")
        try:
            return cls(**{**values, **overrides})
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
