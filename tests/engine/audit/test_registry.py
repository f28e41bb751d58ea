"""Which rules there are, which apply, and how strict they are."""

from __future__ import annotations

import datetime
from importlib.metadata import EntryPoint

import pytest

from seo_engine.engine.audit import registry
from seo_engine.engine.audit.configuration import AuditConfig
from seo_engine.engine.audit.data import all_tables
from seo_engine.engine.audit.page_gates import SHOWN
from seo_engine.engine.audit.registry import UnusableRuleError, all_rules, applied_rules, own_rules
from seo_engine.engine.audit.rule import Fault, Rule
from tests.engine.audit.check_dates import MOST_DAYS, outdated, reviews

OWN = Rule(
    id="kent.clay",
    gate=SHOWN,
    severity="warning",
    trigger="The page does not say which clay it is.",
    why="Our customers ask.",
    mend="Name the clay.",
    source="heuristic",
    reviewed=datetime.date(2026, 12, 1),
    check=lambda page, thresholds: [] if "clay" in page.main_text else [Fault("the clay is not named")],
)
RULES = (OWN,)
NONE = ("kent",)


def test_each_rule_says_what_it_finds_why_and_how_to_mend_it_in_sentences() -> None:
    for rule in own_rules():
        assert all(
            text[0].isupper() or text.startswith(("og:", "twitter:", "index")) for text in (rule.trigger, rule.why)
        )
        assert rule.trigger.endswith(".") and rule.why.endswith(".") and rule.mend.endswith("."), rule.id
        assert rule.source == "heuristic" or rule.source.startswith("https://"), rule.id
    ids = [rule.id for rule in own_rules()]
    assert len(ids) == len(set(ids)) >= 69


def test_what_the_rules_know_of_search_engines_has_a_day_of_review() -> None:
    assert {table.name for table in all_tables()} >= {"robots_values", "hreflang_codes", "rich_results"}
    for table in all_tables():
        assert isinstance(table.reviewed, datetime.date) and table.source.startswith("https://")


def test_a_review_that_is_too_old_is_named() -> None:
    newest = max(reviewed for _, _, reviewed in reviews())
    assert outdated(newest) == []
    later = outdated(newest + datetime.timedelta(days=MOST_DAYS + 30))
    assert len(later) == len(list(reviews())) and any("robots_values.toml" in line for line in later)


def test_rules_that_are_off_by_default_can_be_switched_on_and_others_off() -> None:
    ids = {each.rule.id for each in applied_rules(AuditConfig(), own_rules())}
    assert "title.missing" in ids and not {"title.same-as-h1", "h1.multiple"} & ids
    config = AuditConfig(switched_on=["h1.multiple"], switched_off=["title.*", "lang.missing"])
    ids = {each.rule.id for each in applied_rules(config, own_rules())}
    assert "h1.multiple" in ids and "lang.invalid" in ids and "lang.missing" not in ids
    assert not [each for each in ids if each.startswith("title.")]


def test_severities_and_limits_are_those_of_the_configuration() -> None:
    config = AuditConfig(severities={"title.*": "error"}, thresholds={"title.too-long.pixels": 600})
    applied = {each.rule.id: each for each in applied_rules(config, own_rules())}
    assert applied["title.too-long"].severity == "error" and applied["title.too-long"].thresholds == {"pixels": 600}
    assert applied["title.too-short"].thresholds == {"pixels": 200}
    assert applied["description.too-long"].severity == "notice"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"switched_off": ["titel.missing"]}, "there is no rule 'titel.missing'; did you mean 'title.missing'"),
        ({"severities": {"title.mising": "error"}}, "did you mean 'title.missing'"),
        ({"thresholds": {"title.too-long.pixel": 600}}, "no rule has the limit .*did you mean 'title.too-long.pixels'"),
        ({"ignore": [{"rule": "nonsense", "reason": "x", "until": "2099-01-01"}]}, "there is no rule 'nonsense'"),
    ],
)
def test_a_name_that_there_is_not_is_said_with_the_nearest(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        applied_rules(AuditConfig(**settings), own_rules())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fail_on": "notice"}, "fail_on"),
        ({"severities": {"title.missing": "fatal"}}, "must be one of error, warning, notice"),
        ({"thresholds": {"title.too-long.pixels": "wide"}}, "must be a number that is not negative"),
        ({"ignore": [{"rule": "title.*", "until": "2099-01-01"}]}, r"\[\[audit.ignore\]\] number 1: reason is missing"),
        ({"ignore": [{"rule": "a", "reason": "b", "until": "soon"}]}, "until must be a day such as 2027-06-30"),
        ({"ignore": [{"rule": "a", "reason": "b", "until": "2099-01-01", "page": "x"}]}, "did you mean 'pages'"),
        ({"ignore": [{"rule": "a", "reason": 3, "until": "2099-01-01"}]}, "must be text"),
    ],
)
def test_a_value_that_is_not_allowed_is_said(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AuditConfig(**settings)  # type: ignore[arg-type]


def test_rules_of_another_package_come_through_the_same_door(monkeypatch: pytest.MonkeyPatch) -> None:
    entry_point = EntryPoint("kent", f"{__name__}:RULES", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry_point] if group == registry.GROUP else [])
    assert all_rules()[-1].id == "kent.clay"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (f"{__name__}:NOTHING", "cannot be imported"),
        ("no_such_module_of_rules:RULES", "cannot be imported"),
        (f"{__name__}:NONE", "are not a sequence of Rule"),
        ("seo_engine.engine.audit.rules.page.head.titles:RULES", "have an id that is taken: title.missing"),
    ],
)
def test_rules_that_cannot_be_used_are_said_in_one_line(
    value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("kent", value, group)])
    with pytest.raises(UnusableRuleError, match=message) as raised:
        all_rules()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("part", "value"), [("id", "Kent"), ("id", "kent."), ("severity", "bad"), ("effort", 9), ("mend", " ")]
)
def test_a_rule_without_its_parts_is_refused(part: str, value: object) -> None:
    parts = {name: getattr(OWN, name) for name in OWN.__dataclass_fields__} | {part: value}
    with pytest.raises(ValueError, match=r"kent|Kent"):
        Rule(**parts)
