"""Configuration as flat dataclasses whose values are checked."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from seo_engine.foundation.notebooks import as_html_table
from seo_engine.foundation.redaction import redact
from seo_engine.foundation.settings_help import with_fields


def setting(
    default: Any,
    meaning: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    allowed: tuple[str, ...] | None = None,
    required: bool = False,
    switches: tuple[str, ...] = (),
    flag: str | None = None,
) -> Any:
    """Declare one configuration field: its default, its meaning and the values it may take.

    Args:
        default (Any): The value if the user gives none. A list or dictionary is copied for each instance.
        meaning (str): One line for the configuration guide.
        above (float | None): The value must be greater than this.
        at_least (float | None): The value must not be smaller than this.
        at_most (float | None): The value must not be greater than this.
        allowed (tuple[str, ...] | None): The only values allowed.
        required (bool): The value must not be empty.
        switches (tuple[str, ...]): Fields that must all be True for the value to be checked;
            the type is always checked.
        flag (str | None): Its command-line option. A flag that begins with `--no-` sets a boolean field to False; its
            help is "Do not" plus the meaning, which must then begin with a verb.

    Returns:
        Any: A dataclass field.
    """
    metadata = {
        "meaning": meaning,
        "above": above,
        "at_least": at_least,
        "at_most": at_most,
        "allowed": allowed,
        "required": required,
        "switches": switches,
        "flag": flag,
    }
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass
class Configuration:
    """Base of every configuration: a dataclass whose fields are checked when it is made.

    It knows which of its fields were given, because an environment variable gives way to those alone. Copies, pickles
    and `dataclasses.replace` keep that; so does a configuration that is made from plain data with `given_fields`.

    Example:
        >>> @dataclass
        ... class ServerConfig(Configuration):
        ...     port: int = setting(80, "Where to listen.")
        >>> ServerConfig(port=80).is_given("port"), dataclasses.replace(ServerConfig()).is_given("port")
        (True, False)
    """

    # Of another configuration, where this one is made from it; the first of all parameters, see `__new__`.
    given_fields: dataclasses.InitVar[Iterable[str] | None] = dataclasses.field(default=None, kw_only=True)

    def __new__(cls, *values: Any, **named_values: Any) -> Self:
        configuration = super().__new__(cls)
        names = [field.name for field in dataclasses.fields(cls)]
        before = itertools.takewhile(lambda name: name != "given_fields", named_values)
        # `dataclasses.replace` passes what it was given, then all other fields in their order: `given_fields` first. It
        # is kept in the place where `dataclasses.replace` looks for it.
        given = {*names[: len(values)], *before, *(named_values.get("given_fields") or ())}
        configuration.__dict__["given_fields"] = frozenset(given)
        return configuration

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__doc__ = with_fields(cls)
        if cls.__repr__ is Configuration.__repr__:
            # Otherwise `dataclass` gives each subclass one that prints every field.
            cls.__repr__ = Configuration.__repr__  # type: ignore[method-assign]
        own: Any = cls.__dict__.get("__post_init__")
        if own is not None:
            # A subclass need not know of `given_fields`, which its `__init__` passes on.
            @functools.wraps(own)
            def without_given_fields(self: Any, given_fields: Iterable[str] | None = None, *others: Any) -> None:
                own(self, *others)

            cls.__post_init__ = without_given_fields  # type: ignore[method-assign]

    def __post_init__(self, given_fields: Iterable[str] | None = None) -> None:  # noqa: RUF033  subclasses call it without
        for field in dataclasses.fields(self):
            # A field of a subclass may be set later.
            value = getattr(self, field.name, None)
            # People pass a Path; the field stays a plain string, for TOML and JSON.
            if isinstance(value, os.PathLike):
                setattr(self, field.name, os.fspath(value))
            elif isinstance(value, tuple):
                setattr(self, field.name, list(value))
        self.validate_config()

    def validate_config(self) -> None:
        """Check the type and the value of every field.

        Raises:
            ValueError: If a value is not allowed; the message names the field, the value and what is allowed.
        """
        types_by_field = typing.get_type_hints(type(self))
        # A subclass may have plain fields of its own, which have no rules.
        fields = [field for field in dataclasses.fields(self) if "switches" in field.metadata]
        for field in fields:
            check_type(field.name, getattr(self, field.name), types_by_field[field.name])
        for field in fields:
            _check_value(self, field.name, getattr(self, field.name), field.metadata)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._given().items())
        return f"{type(self).__name__}({given})"

    def _repr_html_(self) -> str:
        fields = {field.name: field.metadata.get("meaning", "") for field in _shown_fields(self)}
        given = self._given()
        rest = [(name, getattr(self, name, None), meaning) for name, meaning in fields.items() if name not in given]
        title = f"{type(self).__name__}: {len(given)} of {len(fields)} settings are given"
        shown = as_html_table(title, [(name, repr(value), fields[name]) for name, value in given.items()])
        defaults = as_html_table("", [(name, repr(value), meaning) for name, value, meaning in rest])
        return f"{shown}<details><summary>The defaults of the others</summary>{defaults}</details>"

    def _given(self) -> dict[str, Any]:
        names = [field.name for field in _shown_fields(self) if hasattr(self, field.name)]
        given: dict[str, Any] = redact({name: getattr(self, name) for name in names if self.is_given(name)})
        return given

    def is_given(self, name: str) -> bool:
        """Return whether a field was given, or set later to something other than its default.

        Args:
            name (str): The name of the field.

        Raises:
            ValueError: If there is no such field.
        """
        if name in self.__dict__["given_fields"]:
            return True
        field = next((each for each in dataclasses.fields(self) if each.name == name), None)
        if field is None:
            raise ValueError(f"{type(self).__name__} has no setting {name!r}")
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        try:
            return bool(getattr(self, name) != default)
        except Exception:  # a field of a subclass may be an array, which is neither true nor false
            return True


def _shown_fields(configuration: Configuration) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(configuration) if field.repr]


def check_type(name: str, value: Any, expected: Any) -> None:
    """Check that a value has the type of an annotation.

    Args:
        name (str): The value's name, for the message.
        value (Any): The value.
        expected (Any): A plain type, a union, or a list or dictionary of plain types.

    Raises:
        ValueError: If it has another type.

    Example:
        >>> check_type("seed", "three", int)
        Traceback (most recent call last):
            ...
        ValueError: seed must be a whole number, got 'three' (str)
    """
    if not _has_type(value, expected):
        raise ValueError(f"{name} must be {_type_in_words(expected)}, got {value!r} ({type(value).__name__})")


def types_of(annotation: Any) -> list[Any]:
    """Return the types that a field may have, but None.

    Args:
        annotation (Any): The annotation of the field.

    Example:
        >>> types_of(str | int | None), types_of(bool)
        ([<class 'str'>, <class 'int'>], [<class 'bool'>])
    """
    choices = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return [choice for choice in choices if choice is not types.NoneType]


def _has_type(value: Any, expected: Any) -> bool:
    if expected is Any:
        return True
    if isinstance(expected, types.UnionType):
        return any(_has_type(value, choice) for choice in typing.get_args(expected))
    if typing.get_origin(expected) is list:
        (item,) = typing.get_args(expected)
        return isinstance(value, list) and all(_has_type(each, item) for each in value)
    if typing.get_origin(expected) is dict:
        key, item = typing.get_args(expected)
        return isinstance(value, dict) and all(_has_type(k, key) and _has_type(v, item) for k, v in value.items())
    if expected is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, expected)


_WORDS = {bool: "True or False", int: "a whole number", float: "a number", str: "a string", type(None): "None"}


def _type_in_words(expected: Any) -> str:
    if isinstance(expected, types.UnionType):
        return " or ".join(_type_in_words(choice) for choice in typing.get_args(expected))
    if typing.get_origin(expected) is list:
        return "a list of strings"
    if typing.get_origin(expected) is dict:
        return "a dictionary" if typing.get_args(expected)[1] is Any else "a dictionary of numbers by name"
    return _WORDS[expected]


def _check_value(configuration: Configuration, name: str, value: Any, rule: typing.Mapping[str, Any]) -> None:
    switches = rule["switches"]
    if not all(getattr(configuration, switch) for switch in switches):
        return
    if rule["required"] and not value:
        condition = f" when {switches[-1]} is True" if switches else ""
        raise ValueError(f"{name} must be specified{condition}, got {value!r}")
    if value is None:
        return
    if isinstance(value, dict):
        for key, each in value.items():
            _check_value(configuration, f"{name}[{key!r}]", each, rule)
        return
    if rule["allowed"] is not None and value not in rule["allowed"]:
        raise ValueError(f"{name} must be one of {', '.join(rule['allowed'])}, got {value!r}")
    # Written so that NaN, which compares False with everything, is refused.
    if rule["above"] is not None and not value > rule["above"]:
        limit = "positive" if rule["above"] == 0 else f"greater than {rule['above']}"
        raise ValueError(f"{name} must be {limit}, got {value!r}")
    if rule["at_least"] is not None and not value >= rule["at_least"]:
        raise ValueError(f"{name} must be at least {rule['at_least']}, got {value!r}")
    if rule["at_most"] is not None and not value <= rule["at_most"]:
        raise ValueError(f"{name} must be at most {rule['at_most']}, got {value!r}")
