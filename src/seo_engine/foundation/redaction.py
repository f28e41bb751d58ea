"""Redaction: removes secrets from everything that is written. It knows them by the name or the form of a value."""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from seo_engine.foundation import redaction_rules as rules
from seo_engine.foundation.texts import one_line

REDACTED = "[redacted]"

_SHORTEST_ENVIRONMENT_SECRET = 8

# The end of a dictionary's key is enough to judge what it names.
_LONGEST_NAME = 200
_MOST_NAME_CHARACTERS = 80

# After a secret's name, a shorter word, or one without a digit, may be prose or code.
_SHORTEST_BARE_VALUE = 6


def redact(value: Any, name: str = "") -> Any:
    """Return plain data without the secrets in it.

    Args:
        value (Any): JSON data: dictionaries, lists, strings, numbers, None.
        name (str): The value's name, if it has one.

    Returns:
        Any: The same data, with `REDACTED` in place of secrets.

    Example:
        >>> redact({"hf_token": "abc", "num_tokens": 512, "url": "https://me:pw@example.org/x"})
        {'hf_token': '[redacted]', 'num_tokens': 512, 'url': 'https://[redacted]@example.org/x'}
    """
    return _redact(value, name, environment_secrets())


def redact_text(text: str, secrets: tuple[str, ...] | None = None) -> str:
    """Return a text without anything that looks like a secret, and without the secrets in this process's environment.

    Args:
        text (str): Any text: a message, a traceback, a URL.
        secrets (tuple[str, ...] | None): Those of the environment, as `environment_secrets` returns them, so that many
            texts can be redacted with one look at it. None: it is looked at now.

    Returns:
        str: The same text, with `REDACTED` in place of secrets.

    Example:
        >>> redact_text("cloning https://me:hunter2@git.example.org/site.git with api_key='hunter3'")
        "cloning https://[redacted]@git.example.org/site.git with api_key='[redacted]'"
    """
    return _redact_text(text, environment_secrets() if secrets is None else secrets)


def names_in_words(names: Iterable[str], most: int = 20) -> str:
    """Return names for a message: on one line, without secrets, and not too many or too long ones.

    Args:
        names (Iterable[str]): Names that a caller, or somebody's journal, made up.
        most (int): How many to show.

    Example:
        >>> names_in_words(["loss", "https://me:hunter2@h", "a", "b"], most=3)
        'loss, https://[redacted]@h, a, …'
    """
    shown = [redact_text(one_line(name))[:_MOST_NAME_CHARACTERS] for name in itertools.islice(names, most + 1)]
    return ", ".join([*shown[:most], *["…"] * (len(shown) > most)])


def redact_command(arguments: Iterable[str]) -> list[str]:
    """Return a command line without the values of options that name secrets.

    Args:
        arguments (Iterable[str]): As in `sys.argv`.

    Returns:
        list[str]: The same arguments, with `REDACTED` in place of secrets.

    Example:
        >>> redact_command(["train.py", "--api-key", "hunter2", "--password=hunter2", "--num-tokens", "512"])
        ['train.py', '--api-key', '[redacted]', '--password=[redacted]', '--num-tokens', '512']
    """
    return _redact_arguments(arguments, "", environment_secrets())


def check_no_secret(setting: str, value: str) -> None:
    """Refuse a setting that looks like a secret, because it would appear unredacted in file names and URLs.

    Args:
        setting (str): Its name.
        value (str): Its value, which the error does not repeat.

    Raises:
        ValueError: If redaction would change the value.

    Example:
        >>> check_no_secret("wandb_project", "https://me:hunter2@example.org")
        Traceback (most recent call last):
            ...
        ValueError: wandb_project looks like it holds a secret (key, password or token); give it another name
    """
    if redact_text(value) != value:
        raise ValueError(f"{setting} looks like it holds a secret (key, password or token); give it another name")


@functools.lru_cache(maxsize=10_000)
def is_secret_name(name: str) -> bool:
    """Return whether a value with this name is a secret.

    Args:
        name (str): The name of a setting, an environment variable or an option, in any spelling.

    Example:
        >>> [is_secret_name(name) for name in ("OPENAI_API_KEY", "dbPassword", "hf-token", "tokenizer", "pad_token")]
        [True, True, True, False, False]
    """
    words = _words(name)
    if not words:
        return False
    last, others = words[-1], set(words[:-1])
    pairs = [first + second for first, second in itertools.pairwise(words)]
    if pairs and pairs[-1].endswith(rules.SECRET_ADDRESSES):
        return True
    if last in rules.ATTRIBUTES:
        return False
    if last in rules.LAST_WORDS or any(word.removesuffix("s").endswith(rules.STEMS) for word in (*words, *pairs)):
        return True
    match last:
        case "token":
            return bool(others & rules.TOKENS_OF_SERVICES) or not others & rules.TOKENS_OF_TEXTS
        case "tokens":
            # The plural is a count, unless it names a service.
            return bool(others & (rules.TOKENS_OF_SERVICES | rules.SERVICES))
        case "key" | "keys":
            return bool(others & rules.KEY_KINDS)
        case "pass":
            return bool(others) and not others & rules.PASSES_OVER_DATA
    return False


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case, without digits and without a stage such as `prod` at the end."""
    words = [word.lower() for word in rules.WORD.findall(name)]
    while words and words[-1] in rules.STAGES:
        words.pop()
    return words


def _redact(value: Any, name: str, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        return {
            _redact_key(key, secrets): _redact(each, _name_below(name, str(key)[-_LONGEST_NAME:]), secrets)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        if any(isinstance(each, str) and rules.OPTION_ARGUMENT.fullmatch(each) for each in value):
            return _redact_arguments(value, name, secrets)
        return [_redact(each, name, secrets) for each in value]
    if isinstance(value, str):
        if value and is_secret_name(name) and not rules.PLACEHOLDER.fullmatch(value):
            return REDACTED
        return _redact_text(value, secrets)
    if isinstance(value, int) and not isinstance(value, bool) and is_secret_name(name):
        return REDACTED if _may_be_number(name) else value
    return value


def _name_below(parent: str, name: str) -> str:
    """Return the name by which to judge a value in a dictionary that has a name itself."""
    if is_secret_name(parent):
        # Everything below a secret name is secret, whatever its own name.
        return parent
    return f"{parent}_{name}" if name.lower() in rules.NAMES_BELOW_OTHERS else name


def _may_be_number(name: str) -> bool:
    return _words(name)[-1].endswith(rules.STEMS_OF_NUMBERS)


def _redact_key(key: Any, secrets: tuple[str, ...]) -> Any:
    if not isinstance(key, str):
        return key
    # A longer key is unlikely to recur; caching it would only fill the memory.
    return _redact_name(key, secrets) if len(key) <= _LONGEST_NAME else _redact_text(key, secrets)


@functools.lru_cache(maxsize=10_000)
def _redact_name(name: str, secrets: tuple[str, ...]) -> str:
    return _redact_text(name, secrets)


def _redact_text(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    # A look for what every match has takes a part of the time of the patterns, and most texts have little of it.
    if _may_have_a_known_shape(text):
        text = rules.KNOWN_SHAPES.sub(REDACTED, text)
    if rules.PART_OF_EVERY_ADDRESS in text:
        text = rules.SECRET_IN_ADDRESS.sub(rf"\1{REDACTED}", text)
    lowered = text.lower()
    for word, pattern in rules.SECRETS_BEHIND.items():
        if word in lowered:
            text = pattern.sub(rf"\1{REDACTED}", text)
    if "=" in text:
        text = rules.URL_PARAMETER.sub(_redacted_parameter, text)
    if "-" in text:
        text = rules.OPTION.sub(_redacted_option, text)
    return _redact_assignments(text) if "=" in text or ":" in text else text


def _may_have_a_known_shape(text: str) -> bool:
    if rules.BEGINNING_OF_A_PRIVATE_KEY in text:
        return True
    # Words are counted ten times as fast as a pattern is looked for.
    has_long_words = max(map(len, text.split()), default=0) >= rules.SHORTEST_SHAPE
    return has_long_words and rules.PART_OF_EVERY_SHAPE.search(text) is not None


def _redacted_parameter(match: re.Match[str]) -> str:
    before, name, value = match[1], match[2], match[3]
    if len(value) >= rules.SHORTEST_SIGNATURE and (
        name.lower() in rules.SIGNED_PARAMETERS
        or (name.lower() in rules.PERHAPS_SIGNED_PARAMETERS and before[0] in "?&" and _has_digit(value))
    ):
        return before + REDACTED
    return before + REDACTED if is_secret_name(name) and not rules.PLACEHOLDER.fullmatch(value) else match[0]


def _redacted_option(match: re.Match[str]) -> str:
    name, value = match["name"], match["value"]
    # Without quotes it may be prose: `use --token to log in`.
    if not match["quote"] and (len(value) < _SHORTEST_BARE_VALUE or not _has_digit(value)):
        return match[0]
    return match["before"] + REDACTED if _takes_secret(name) and not rules.PLACEHOLDER.fullmatch(value) else match[0]


def _redact_assignments(text: str) -> str:
    parts: list[str] = []
    written = position = 0
    while match := rules.ASSIGNMENT.search(text, position):
        if _is_secret_assignment(match):
            value = "bare" if match["quoted"] is None else "quoted"
            parts += text[written : match.start(value)], REDACTED
            written = position = match.end(value)
        else:
            # The value may contain another assignment: `{"command": "password=hunter2"}`.
            position = match.end("before")
    return "".join([*parts, text[written:]])


def _is_secret_assignment(match: re.Match[str]) -> bool:
    name, quoted, bare = match["name"], match["quoted"], match["bare"]
    if not is_secret_name(name) or rules.PLACEHOLDER.fullmatch(quoted or bare):
        return False
    if rules.NUMBER.fullmatch(quoted or bare) and _is_counted(name):
        return False
    if quoted is not None or _has_digit(bare):
        return True
    # Without a digit it is code (`token = decode`), unless a shell sets it: `export DB_PASSWORD=correcthorsebattery`.
    return name.isupper() and match["before"].endswith(f"{name}=") and bare[0] not in "./~"


def _is_counted(name: str) -> bool:
    last = _words(name)[-1]
    return last in rules.COUNTED_WORDS or (last.endswith("s") and not last.endswith("pass"))


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


def _redact_arguments(arguments: Iterable[Any], name: str, secrets: tuple[str, ...]) -> list[Any]:
    """Return the arguments of a command; those that are not strings are judged by the name of the whole list."""
    redacted: list[Any] = []
    secret_name = ""
    for argument in arguments:
        if not isinstance(argument, str) or is_secret_name(name):
            redacted.append(_redact(argument, secret_name or name, secrets))
            secret_name = ""
        elif rules.OPTION_ARGUMENT.fullmatch(argument):
            redacted.append(_redact_argument(argument, secrets))
            secret_name = argument if "=" not in argument and _takes_secret(argument) else ""
        elif secret_name:
            redacted.append(_redact(argument, secret_name, secrets))
            # Several values may follow `--api-keys`.
            if not _words(secret_name)[-1].endswith("s"):
                secret_name = ""
        else:
            redacted.append(_redact_argument(argument, secrets))
    return redacted


def _takes_secret(option: str) -> bool:
    """Return whether the value that follows an option is a secret."""
    words = _words(option)
    return is_secret_name(option) and (words[0] not in rules.SWITCHES or words[-1] == "token")


def _redact_argument(argument: str, secrets: tuple[str, ...]) -> str:
    """Return one argument; it may hold several names: `--model_args=revision=main,token=abc`."""
    parts: list[str] = []
    for part in argument.split(","):
        before, value, name = "", part, ""
        while (match := rules.NAMED_ARGUMENT.fullmatch(value)) and not is_secret_name(name):
            before, value, name = before + match[1], match[2], match[1]
        if not is_secret_name(name) or rules.PLACEHOLDER.fullmatch(value):
            parts.append(part)
        elif not parts and part.startswith("-"):
            # The rest is this option's value, whatever it contains.
            return before + REDACTED
        else:
            parts.append(before + REDACTED)
    return _redact_text(",".join(parts), secrets)


def environment_secrets() -> tuple[str, ...]:
    """Return the values of secret environment variables, longest first, because one may contain another."""
    # Another thread may change the environment meanwhile.
    values = {os.environ.get(name, "") for name in list(os.environ) if is_secret_name(name)}
    secrets = (
        value
        for value in values
        if len(value) >= _SHORTEST_ENVIRONMENT_SECRET
        and not rules.PLACEHOLDER.fullmatch(value)
        and not rules.EVERYDAY_VALUE.fullmatch(value)
    )
    return tuple(sorted(secrets, key=len, reverse=True))
