"""The conditions of Apache's rewrites: `RewriteCond`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from seo_engine.engine.site.hosting.rules import Condition, Request, compiled

VARIABLE = re.compile(r"%\{([^}]*)\}")

# What is known of a request, by the names that a condition has for it. Behind a proxy, `X-Forwarded-Proto` says the
# scheme.
_NAMES = {
    "REQUEST_FILENAME": "REQUEST_FILENAME",
    "SCRIPT_FILENAME": "REQUEST_FILENAME",
    "REQUEST_URI": "REQUEST_URI",
    "HTTP_HOST": "HTTP_HOST",
    "SERVER_NAME": "HTTP_HOST",
    "QUERY_STRING": "QUERY_STRING",
    "HTTPS": "HTTPS",
    "ENV:HTTPS": "HTTPS",
    "REQUEST_SCHEME": "REQUEST_SCHEME",
    "HTTP:X-FORWARDED-PROTO": "REQUEST_SCHEME",
}
KNOWN = tuple(dict.fromkeys(_NAMES.values()))
OF_THE_HOST = ("HTTP_HOST", "HTTPS", "REQUEST_SCHEME")


def variable(name: str) -> str | None:
    """Return which of the known variables a name stands for; None for one that depends on who visits.

    Example:
        >>> variable("HTTP:X-Forwarded-Proto"), variable("HTTP_USER_AGENT")
        ('REQUEST_SCHEME', None)
    """
    return _NAMES.get(name.strip().upper())


def value(name: str, request: Request) -> str:
    """Return the value of a known variable.

    Args:
        name (str): As `variable` returns it.
        request (Request): What is asked for.
    """
    match name:
        case "HTTPS":
            return "on" if request.is_https else "off"
        case "REQUEST_SCHEME":
            return "https" if request.is_https else "http"
        case "HTTP_HOST":
            return request.host
        case "QUERY_STRING":
            return request.query
        case "REQUEST_URI":
            return request.path
        case _:
            return _file_of(request)


def _file_of(request: Request) -> str:
    """Return the part of a path that may be a file: all behind the first name that is no folder is not."""
    file = ""
    for name in request.path.strip("/").split("/"):
        file += f"/{name}"
        if not request.is_folder(file):
            break
    return file


def condition(arguments: Sequence[str]) -> Condition | None:
    """Return a condition; None for one that depends on who visits, or on what is not known.

    Args:
        arguments (Sequence[str]): What is tested, the test, and the flags.
    """
    tested, test = arguments[0], arguments[1]
    names = [variable(name) for name in VARIABLE.findall(tested)]
    if None in names or re.search(r"[$%]\d", tested):
        return None
    flags = arguments[2].strip("[]").upper().replace(" ", "").split(",") if len(arguments) > 2 else []
    is_negated, test = test.startswith("!"), test.removeprefix("!")
    holds = _test(test, "NC" in flags or "NOCASE" in flags)
    if holds is None:
        return None

    def subject(request: Request) -> str:
        filled = VARIABLE.sub(lambda match: value(variable(match[1]) or "", request), tested)
        # A backslash takes what follows it as it is.
        return re.sub(r"\\(.)", r"\1", filled)

    asks_for_host = any(name in OF_THE_HOST for name in names)
    return Condition(subject, holds, is_negated, "OR" in flags or "ORNEXT" in flags, asks_for_host)


def _test(test: str, ignore_case: bool) -> Callable[[str, Request], bool] | None:
    if test in ("-f", "-s"):
        return lambda text, request: request.is_file(text)
    if test == "-d":
        return lambda text, request: request.is_folder(text)
    if test.startswith("="):
        wanted = test[1:].strip('"')
        return lambda text, request: (text.lower() == wanted.lower()) if ignore_case else text == wanted
    if test.startswith(("-", "<", ">")):
        return None
    expression = compiled(test, ignore_case=ignore_case)
    if expression is None:
        return None
    return lambda text, request: request.find(expression, text) is not None
