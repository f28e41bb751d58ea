"""Redaction: takes secrets out of what is written, by the name of a value and by its shape."""

from __future__ import annotations

import functools
import itertools
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

REDACTED = "[redacted]"

# A name with one of these, as one word or as two, names a secret; `PGPASSWORD` ends in one.
_STEMS = (
    "password", "passwd", "passphrase", "passcode", "secret", "credential", "apikey", "privatekey", "accesskey",
    "accesstoken", "authtoken", "authkey", "webhookurl", "connectionstring",
)  # fmt: skip

# Of these a number may be one, too.
_STEMS_OF_NUMBERS = ("password", "passwd", "passphrase", "passcode", "pwd", "pin", "otp")

# A name that ends in one of these names a secret.
_LAST_WORDS = {"auth", "authorization", "bearer", "cookie", "cookies", "jwt", "otp", "pat", "pwd", "webhook"}

# `token`, `key` and `pass` mean many things: a token of a text, a key of a table, a pass over the data.
_TOKENS_OF_TEXTS = {
    "audio", "bos", "cls", "decoder", "end", "eos", "first", "image", "last", "mask", "new", "next", "num", "pad",
    "per", "prefix", "sep", "special", "start", "stop", "suffix", "unk", "video",
}  # fmt: skip
_KEY_KINDS = {
    "access", "account", "anthropic", "api", "aws", "azure", "client", "cohere", "comet", "deploy", "encryption", "gcp",
    "gemini", "github", "google", "gpg", "groq", "hf", "hmac", "huggingface", "license", "master", "mistral", "neptune",
    "openai", "pgp", "private", "service", "shared", "signing", "ssh", "ssl", "storage", "stripe", "tls", "wandb",
}  # fmt: skip
_PASS_KINDS = {
    "admin", "database", "db", "ftp", "http", "ldap", "login", "mail", "mysql", "pg", "postgres", "proxy", "redis",
    "root", "smtp", "ssh", "user",
}  # fmt: skip

# What is said of a secret is none: `password_length`, `token_type`, `secret_name`.
_ATTRIBUTES = {
    "age", "attempts", "count", "dir", "directory", "enabled", "expiry", "file", "id", "index", "length", "limit",
    "max", "manager", "mechanism", "method", "min", "mode", "name", "names", "path", "policy", "prefix", "provider",
    "rate", "ratio", "required", "score", "size",
    "strategy", "strength", "ttl", "type", "version",
}  # fmt: skip

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# What stands for a secret, or for a special token of a vocabulary, and is none.
_PLACEHOLDER = re.compile(r"<[^<>]{1,40}>|\[[^\[\]]{1,40}\]|\$\{?\w+\}?|\*+|x{3,}", re.IGNORECASE)

# By how their givers make them; after GitHub's list of secret scanning patterns and the rules of gitleaks.
_KNOWN_SHAPES = re.compile(
    r"""
    (?<![\w-])
    (?: (?:sk|rk|pk)-[\w-]{20,}                                # OpenAI, Anthropic, OpenRouter
      | (?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,}    # Stripe, and others with an underscore
      | gsk_[A-Za-z0-9]{20,}                                   # Groq
      | hf_[A-Za-z0-9]{20,}                                    # Hugging Face
      | r8_[A-Za-z0-9]{30,}                                    # Replicate
      | wandb_v\d_\w{20,}                                      # Weights & Biases
      | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_\w{20,}        # GitHub
      | gl(?:pat|ptt|dt|rt|cbt|oas|soat|imt|agent)-[\w-]{20,}  # GitLab
      | (?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}                    # AWS
      | AIza[\w-]{35} | ya29\.[\w-]{20,} | GOCSPX-[\w-]{20,}   # Google
      | xox[abeoprs]-[\w-]{10,} | xapp-[\w-]{10,}              # Slack
      | https://hooks\.slack\.com/(?:services|workflows)/\S+
      | https://discord(?:app)?\.com/api/webhooks/\S+
      | SG\.[\w-]{16,}\.[\w-]{16,}                             # SendGrid
      | npm_[A-Za-z0-9]{30,} | pypi-[\w-]{30,}                 # package registries
      | do[opr]_v1_[a-f0-9]{40,} | shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32} | key-[a-f0-9]{32} | dapi[a-f0-9]{32}
      | nvapi-[\w-]{20,} | lin_api_\w{20,} | ntn_\w{20,}
      | eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*                    # JSON Web Tokens
      | -----BEGIN\ [A-Z\ ]*PRIVATE\ KEY(?:\ BLOCK)?-----[\s\S]*?(?:-----END\ [A-Z\ ]*PRIVATE\ KEY(?:\ BLOCK)?-----|\Z)
    )""",
    re.VERBOSE,
)

# https://name:password@host, and https://token@host; the plain user of ssh://git@host is none.
_URL_USER = re.compile(
    r"\b([a-z][a-z0-9+.-]{0,20}://)(?:[^\s/?#@:\"']*:[^\s/?#\"']*|(?<=https://)[^\s/?#@:\"']+)@", re.IGNORECASE
)
_URL_PARAMETER = re.compile(r"([?&;]([\w.-]+)=)([^\s&;#\"']+)")
_SIGNED_PARAMETERS = {"key", "sig", "signature", "x-amz-credential", "x-amz-signature", "x-goog-signature"}

_AUTHORIZATION = re.compile(r"\b(Bearer|Basic|Digest)\s+(?=[\w.~+/-]*\d)[\w.~+/-]{12,}=*", re.IGNORECASE)

# name=value and "name": value within a text. Without quotes only what has a digit: `token = decode(x)` is code.
_ASSIGNMENT = re.compile(
    r"""
    (?P<before>\b(?P<name>[A-Za-z][\w.-]{0,99}+)["']?\s*[:=]\s*)
    (?: (?P<quote>["'])(?P<quoted>[^"'\s]+)(?P=quote)
      | (?P<bare>(?=[\w.~+/!@%^*-]*\d)[\w.~+/!@%^*-]{6,}+=*(?![(\[]))
    )""",
    re.VERBOSE,
)

_SHORTEST_ENVIRONMENT_SECRET = 8

# Shells keep the folder they are in, and the one before, under these names.
_FOLDERS_OF_SHELLS = ("PWD", "OLDPWD")


def redact(value: Any, name: str = "") -> Any:
    """Return plain data without the secrets in it.

    Args:
        value (Any): What JSON holds: dictionaries, lists, texts, numbers, None.
        name (str): Under which it stands.

    Returns:
        Any: The same, with `REDACTED` in the place of secrets.

    Example:
        >>> redact({"hf_token": "abc", "num_tokens": 512, "url": "https://me:pw@example.org/x"})
        {'hf_token': '[redacted]', 'num_tokens': 512, 'url': 'https://[redacted]@example.org/x'}
    """
    if isinstance(value, Mapping):
        # What stands below a secret name is secret whatever its own name.
        return {key: redact(each, name if is_secret_name(name) else str(key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [redact(each, name) for each in value]
    if isinstance(value, str):
        if value and is_secret_name(name) and not _PLACEHOLDER.fullmatch(value):
            return REDACTED
        return redact_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and is_secret_name(name):
        return REDACTED if _words(name)[-1].endswith(_STEMS_OF_NUMBERS) else value
    return value


def redact_text(text: str) -> str:
    """Return a text without what looks like a secret, and without the secrets of this process's environment.

    Args:
        text (str): Any text: a message, a traceback, an address.

    Returns:
        str: The same, with `REDACTED` in the place of secrets.

    Example:
        >>> redact_text("cloning https://me:hunter2@git.example.org/site.git with api_key='hunter3'")
        "cloning https://[redacted]@git.example.org/site.git with api_key='[redacted]'"
    """
    for secret in _environment_secrets():
        text = text.replace(secret, REDACTED)
    text = _KNOWN_SHAPES.sub(REDACTED, text)
    text = _URL_USER.sub(rf"\1{REDACTED}@", text)
    text = _URL_PARAMETER.sub(_redacted_parameter, text)
    text = _AUTHORIZATION.sub(rf"\1 {REDACTED}", text)
    return _ASSIGNMENT.sub(_redacted_assignment, text)


def redact_command(arguments: Iterable[str]) -> list[str]:
    """Return a command line without the values of options that name secrets.

    Args:
        arguments (Iterable[str]): As in `sys.argv`.

    Returns:
        list[str]: The same, with `REDACTED` in the place of secrets.

    Example:
        >>> redact_command(["train.py", "--api-key", "hunter2", "--password=hunter2", "--num-tokens", "512"])
        ['train.py', '--api-key', '[redacted]', '--password=[redacted]', '--num-tokens', '512']
    """
    redacted: list[str] = []
    follows_secret_name = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if follows_secret_name and not argument.startswith("-"):
            redacted.append(REDACTED)
        elif equals and value and is_secret_name(name):
            redacted.append(f"{name}={REDACTED}")
        else:
            redacted.append(redact_text(argument))
        follows_secret_name = argument.startswith("-") and not equals and is_secret_name(argument)
    return redacted


@functools.lru_cache(maxsize=10_000)
def is_secret_name(name: str) -> bool:
    """Return whether a value of this name is a secret.

    Args:
        name (str): Of a setting, an environment variable, an option; in any spelling.

    Example:
        >>> [is_secret_name(name) for name in ("OPENAI_API_KEY", "dbPassword", "hf-token", "tokenizer", "pad_token")]
        [True, True, True, False, False]
    """
    words = _words(name)
    if not words or words[-1] in _ATTRIBUTES:
        return False
    last, others = words[-1], set(words[:-1])
    pairs = (first + second for first, second in itertools.pairwise(words))
    if last in _LAST_WORDS or any(word.removesuffix("s").endswith(_STEMS) for word in (*words, *pairs)):
        return True
    match last:
        case "token":
            return not others & _TOKENS_OF_TEXTS
        case "tokens":
            # In the plural they are counted, but for those of a service.
            return bool(others & {"access", "api", "auth", "refresh"})
        case "key" | "keys":
            return bool(others & _KEY_KINDS)
        case "pass":
            return bool(others & _PASS_KINDS)
    return False


def _words(name: str) -> list[str]:
    """Return the words of a name in any spelling, in small letters and without digits."""
    return [word.lower() for word in _WORD.findall(name)]


def _environment_secrets() -> list[str]:
    """Return the values of secret environment variables, the longest first: one may hold another."""
    secrets = {
        value
        for name, value in os.environ.items()
        if len(value) >= _SHORTEST_ENVIRONMENT_SECRET
        and is_secret_name(name)
        and name not in _FOLDERS_OF_SHELLS
        and not _PLACEHOLDER.fullmatch(value)
    }
    return sorted(secrets, key=len, reverse=True)


def _redacted_parameter(match: re.Match[str]) -> str:
    name = match[2]
    return match[1] + REDACTED if name.lower() in _SIGNED_PARAMETERS or is_secret_name(name) else match[0]


def _redacted_assignment(match: re.Match[str]) -> str:
    if not is_secret_name(match["name"]) or _PLACEHOLDER.fullmatch(match["quoted"] or match["bare"]):
        return match[0]
    quote = match["quote"] or ""
    return f"{match['before']}{quote}{REDACTED}{quote}"
