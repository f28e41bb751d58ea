"""What the user told W&B itself: settings files and variables, as wandb's own settings object reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.wandb_rules import WANDB_SETTINGS_WITH_A_FIELD, why_refused

MODE_VARIABLE = "WANDB_MODE"
DISABLED_VARIABLE = "WANDB_DISABLED"
MODE_VARIABLES = (MODE_VARIABLE, DISABLED_VARIABLE)

# wandb itself takes the aliases, but only in lower case. A shared run is an online one for the server.
_MODES = {
    "online": "online",
    "run": "online",
    "shared": "online",
    "offline": "offline",
    "dryrun": "offline",
    "disabled": "disabled",
}

# Today's wandb does not read WANDB_DISABLED any more, but people who set it want nothing to be sent.
_DISABLED = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

# The id is chosen where the run begins.
_READ_ELSEWHERE = (*MODE_VARIABLES, "WANDB_RUN_ID")


@dataclass
class UserSettings:
    """Settings of wandb that the user chose outside of the program.

    Args:
        mode (str): online, offline or disabled; empty if the user chose none.
        mode_from (str): Which variable or files say so.
        values (dict[str, Any]): Where a run is and how it is described, by wandb's name of the setting.
        variables (dict[str, tuple[str, Any]]): The variable that a setting comes from, and its value.
        not_understood (dict[str, str]): Variables that wandb would refuse, and why.
    """

    mode: str = ""
    mode_from: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, tuple[str, Any]] = field(default_factory=dict)
    not_understood: dict[str, str] = field(default_factory=dict)

    def not_obeyed(self, used: Mapping[str, Any]) -> list[str]:
        """Return in words which variables were not understood, or say something else than what is used.

        Args:
            used (Mapping[str, Any]): Settings of wandb, by name.

        Example:
            >>> settings = UserSettings(variables={"project": ("WANDB_PROJECT", "vision")})
            >>> settings.not_obeyed({"project": "text", "entity": None})
            ['⚠️ WANDB_PROJECT is ignored, because wandb_project is set']
        """
        refused = [f"⚠️ {name} is not understood: {why}" for name, why in self.not_understood.items()]
        return refused + [
            f"⚠️ {variable} is ignored, because {_what_overrules(name, used[name])}"
            for name, (variable, value) in self.variables.items()
            if name in used and _plain(value) != _plain(used[name])
        ]


def _what_overrules(name: str, used: Any) -> str:
    if name == "root_dir":
        return f"a run is one folder, {used}"
    if name == "run_name":
        return f"the run has the name {used}"
    field = WANDB_SETTINGS_WITH_A_FIELD.get(name)
    return f"{field} is set" if field is not None else f"the tracker itself sets {name}"


def read_user_settings(sdk: Any, folder: str, environment: Mapping[str, str]) -> UserSettings:
    """Ask wandb's settings object.

    Args:
        sdk (Any): The module `wandb`.
        folder (str): The working folder, in which `wandb offline` and `wandb init` leave a file.
        environment (Mapping[str, str]): The variables.

    Returns:
        UserSettings: A variable that wandb refuses is left out; it costs no other.
    """
    found = UserSettings()
    asked = sdk.Settings(root_dir=folder, silent=True)
    directory = Path(environment.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
    asked.settings_system = str(directory / "settings")
    asked.update_from_system_settings()
    files = asked.read_system_settings()
    if "mode" in files.all():
        found.mode, found.mode_from = _MODES[asked.mode], " and ".join(map(str, files.sources))
    for variable, value in environment.items():
        if variable.startswith("WANDB_") and variable not in _READ_ELSEWHERE and value:
            _ask(sdk, asked, variable, value, found)
    _read_mode(environment, found)
    found.values = {name: value for name in WANDB_SETTINGS_WITH_A_FIELD if (value := getattr(asked, name)) is not None}
    return found


def _ask(sdk: Any, asked: Any, variable: str, value: str, found: UserSettings) -> None:
    """Have wandb read one variable, and note which of its settings that is."""
    alone = sdk.Settings()
    before = set(alone.model_fields_set)
    try:
        alone.update_from_env_vars({variable: value})
        for name in alone.model_fields_set - before:
            understood = getattr(alone, name)
            field_name = WANDB_SETTINGS_WITH_A_FIELD.get(name)
            if field_name is not None and (reason := why_refused(field_name, understood)):
                raise ValueError(f"it {reason}")
            found.variables[name] = (variable, understood)
    except Exception as error:
        found.not_understood[variable] = reason_of(error)
    else:
        asked.update_from_env_vars({variable: value})


def _read_mode(environment: Mapping[str, str], found: UserSettings) -> None:
    mode, disabled = environment.get(MODE_VARIABLE, ""), environment.get(DISABLED_VARIABLE, "")
    if mode:
        known = _MODES.get(mode.strip().lower())
        if known is None:
            found.not_understood[MODE_VARIABLE] = f"{one_line(redact_text(mode))!r} is none of {', '.join(_MODES)}"
        # wandb itself would refuse to begin, and so send nothing.
        found.mode, found.mode_from = known or "offline", MODE_VARIABLE
        found.variables["mode"] = (MODE_VARIABLE, found.mode)
    if disabled:
        is_disabled = _DISABLED.get(disabled.strip().lower())
        if is_disabled is None:
            found.not_understood[DISABLED_VARIABLE] = "it is neither true nor false"
        if is_disabled is not False:
            found.mode, found.mode_from = "disabled", DISABLED_VARIABLE
            found.variables["mode"] = (DISABLED_VARIABLE, found.mode)


def reason_of(error: Exception) -> str:
    """Return in one line why wandb refuses a setting."""
    # pydantic's own text has several lines and an address.
    details: Iterable[Any] = getattr(error, "errors", list)()
    return redact_text(one_line("; ".join(str(each.get("msg")) for each in details) or error))


def _plain(value: Any) -> Any:
    """Return a value so that it can be compared: texts without secrets, and lists as lists."""
    if isinstance(value, str):
        return redact_text(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
