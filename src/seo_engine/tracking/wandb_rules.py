"""What W&B refuses of a configuration, so that it is refused here, before a run begins.

The rules for projects and tags are those of `wandb.Settings`, and a test compares them. The longest names, groups and
job types are the server's (wandb#6402, NVIDIA-NeMo/Skills#842): an offline run would meet them at `wandb sync`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from seo_engine.foundation.redaction import redact

# Settings of `wandb.Settings` that have a field here, by name.
WANDB_SETTINGS_WITH_A_FIELD = {
    "entity": "wandb_entity",
    "mode": "wandb_mode",
    "project": "wandb_project",
    "root_dir": "tensorboard_log_dir",
    "run_group": "wandb_group",
    "run_id": "wandb_run_id",
    "run_job_type": "wandb_job_type",
    "run_name": "wandb_name",
    "run_notes": "wandb_notes",
    "run_tags": "wandb_tags",
}

# Settings that a run depends on.
_SETTINGS_OF_THE_TRACKER = (
    "disable_git", "init_timeout", "program", "program_abspath", "program_relpath", "save_code", "x_disable_meta",
    "x_stats_pid", "finish_timeout", "finish_timeout_raises", "fork_from", "resume", "resume_from", "stop_fn",
    "sync_tensorboard", "use_dot_wandb", "x_files_dir", "x_skip_transaction_log",
)  # fmt: skip

# Where wandb sends a run and your key. A run keeps its settings, and somebody may send you one to recover.
_SETTINGS_OF_THE_SERVER = (
    "api_key", "app_url_override", "azure_account_url_to_access_key", "base_url", "config_paths", "credentials_file",
    "http_proxy", "https_proxy", "identity_token_file", "insecure_disable_ssl", "settings_system",
    "x_extra_http_headers", "x_proxies", "x_service_transport", "x_stats_coreweave_metadata_base_url",
    "x_stats_open_metrics_endpoints", "x_stats_open_metrics_http_headers",
)  # fmt: skip

# They are parts of addresses.
_NOT_IN_ADDRESSES = "/\\#?%:"

_LONGEST = {"wandb_project": 128, "wandb_entity": 128, "wandb_name": 128, "wandb_group": 128, "wandb_job_type": 64}

_LONGEST_TAG = 64

_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_plain_run_id(run_id: object) -> bool:
    """Return whether an id, perhaps from a journal that somebody sent, has the form that this package uses.

    Example:
        >>> is_plain_run_id("1a2b3c4d"), is_plain_run_id("../../x")
        (True, False)
    """
    return isinstance(run_id, str) and _RUN_ID.fullmatch(run_id) is not None


def why_refused(field: str, value: Any) -> str | None:
    """Return what a field must be, if W&B refuses its value.

    Args:
        field (str): Name of a field of `TrackingConfig` that says where a run is in W&B.
        value (Any): Its value; None is never refused.

    Returns:
        str | None: The rule in words, to follow the field's name; None if the value is fine.

    Example:
        >>> why_refused("wandb_project", "shop/search")
        'must not contain any of / \\\\ # ? % :'
        >>> why_refused("wandb_tags", ["baseline"])
    """
    for text in [value] if isinstance(value, str) else value or ():
        # A byte of another encoding, as Python has it in arguments and file names.
        if not _is_unicode(text):
            return "must be valid Unicode"
    if field == "wandb_run_id" and value is not None and not is_plain_run_id(value):
        return "must be 1 to 64 letters, digits, _ or -"
    if field == "wandb_tags" and not all(1 <= len(tag) <= _LONGEST_TAG for tag in value or ()):
        return f"must be tags of 1 to {_LONGEST_TAG} characters each"
    longest = _LONGEST.get(field)
    if longest is not None and value and len(value) > longest:
        return f"must be at most {longest} characters long"
    if field in ("wandb_project", "wandb_entity") and set(value or "") & set(_NOT_IN_ADDRESSES):
        return f"must not contain any of {' '.join(_NOT_IN_ADDRESSES)}"
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_wandb_settings(settings: dict[str, Any]) -> None:
    """Refuse settings of W&B that have a field here, that a run depends on, or that cannot be kept in its journal.

    Args:
        settings (dict[str, Any]): Names and values for `wandb.Settings`.

    Raises:
        ValueError: If there is one.

    Example:
        >>> check_wandb_settings({"project": "mine"})
        Traceback (most recent call last):
            ...
        ValueError: wandb_settings must not hold project; wandb_project is the setting for it
    """
    for name in settings:
        if name in WANDB_SETTINGS_WITH_A_FIELD:
            field = WANDB_SETTINGS_WITH_A_FIELD[name]
            raise ValueError(f"wandb_settings must not hold {name}; {field} is the setting for it")
        if name in _SETTINGS_OF_THE_TRACKER:
            raise ValueError(f"wandb_settings must not hold {name}; the tracker sets it itself")
        if name in _SETTINGS_OF_THE_SERVER:
            raise ValueError(f"wandb_settings must not hold {name}; set it by wandb's own variables or `wandb login`")
    try:
        plain = json.loads(json.dumps(settings))
    except (TypeError, ValueError):
        raise ValueError("wandb_settings must be plain data: texts, numbers, lists and dictionaries") from None
    if redact(plain) != plain:
        raise ValueError("wandb_settings must not hold a secret, because the run keeps them; set WANDB_API_KEY instead")
