"""Which addresses a crawl goes to."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.engine.site.crawling.scope import Scope, without_session

START = "https://a.example/docs/"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (START, ""),
        ("https://www.a.example/x", ""),
        ("http://a.example/x", ""),
        ("https://a.example:8443/x", "another host"),
        ("https://b.a.example/x", "another host"),
        ("https://user@a.example/x", "another host"),
        ("mailto:a@a.example", "not http"),
        ("file:///etc/passwd", "not http"),
        ("javascript:void(0)", "not http"),
        ("https://a.example/logo.PNG", "not a page by its name"),
        ("https://a.example/v1.2", ""),
        ("https://a.example/page.php?file=a.png", ""),
        ("https://a.example/" + "x" * 2_000, "endless address"),
        ("https://a.example/a/b/a/b/a/b/a/b/", "endless address"),
    ],
)
def test_what_belongs_to_a_site(address: str, reason: str) -> None:
    assert Scope([START], CrawlConfig()).reason_against(address, 1) == reason


def test_secrets_of_an_encrypted_site_are_not_sent_in_clear() -> None:
    scope = Scope(["https://a.example/"], CrawlConfig())
    assert scope.may_get_secrets("https://www.a.example/x") and not scope.may_get_secrets("http://a.example/x")
    assert Scope(["http://a.example/"], CrawlConfig()).may_get_secrets("http://a.example/x")
    both = Scope(["https://a.example/", "http://b.example/"], CrawlConfig())
    assert both.may_get_secrets("http://b.example/x") and not both.may_get_secrets("http://a.example/x")


def test_the_host_with_www_has_the_one_without() -> None:
    assert Scope(["https://www.a.example/"], CrawlConfig()).reason_against("https://a.example/x", 1) == ""
    assert Scope(["https://www.com/"], CrawlConfig()).reason_against("https://com/x", 1) == "another host"


@pytest.mark.parametrize("number", ["64:ff9b:1::7f00:1", "fec0::1", "::127.0.0.1", "::ffff:0:127.0.0.1"])
def test_numbers_that_lead_into_a_network_of_ones_own_are_private(number: str) -> None:
    assert Scope([], CrawlConfig()).reason_against_host(number) == "private address"


@pytest.mark.parametrize("host", ["a..b", ".example", "x" * 64 + ".example"])
def test_an_invalid_host_name_is_not_connected_to(host: str) -> None:
    assert not Scope([], CrawlConfig(allow_private=True)).may_connect_to(f"http://{host}/")


def test_patterns_with_letters_of_any_script_match() -> None:
    scope = Scope([START], CrawlConfig(exclude=["/töpfe/*"]))
    assert scope.reason_against("https://a.example/t%C3%B6pfe/rot", 1) == "excluded"


def test_a_pattern_may_be_for_both_schemes() -> None:
    scope = Scope([START], CrawlConfig(exclude=["http*://a.example/pots"]))
    assert scope.reason_against("https://a.example/pots", 1) == "excluded"


@pytest.mark.parametrize("pattern", ["docs/*", "", "töpfe"])
def test_a_pattern_that_cannot_match_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="exclude must begin with /, as paths do"):
        CrawlConfig(exclude=[pattern])


def test_patterns_are_for_paths_or_whole_addresses() -> None:
    config = CrawlConfig(include=["/docs/*", "https://a.example/faq*"], exclude=["*/old/*", "*?print=1"])
    scope = Scope([START], config)
    for address, reason in (
        ("https://a.example/docs/pots", ""),
        ("https://a.example/faq?x", ""),
        ("https://a.example/shop", "not included"),
        ("https://a.example/docs/old/pots", "excluded"),
        ("https://a.example/docs/pots?print=1", "excluded"),
    ):
        assert scope.reason_against(address, 1) == reason
    assert scope.reason_against("https://a.example/sitemap.xml", 1, is_page=False) == ""


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "[::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "0.0.0.0"],
)
def test_numbers_of_private_networks_are_not_asked(host: str) -> None:
    address = f"http://{host}/"
    assert Scope([address], CrawlConfig()).reason_against(address, 0) == "private address"
    assert Scope([address], CrawlConfig(allow_private=True)).reason_against(address, 0) == ""


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://a.example/x#top", "https://a.example/x"),
        ("https://a.example/x;jsessionid=A1?b=2", "https://a.example/x?b=2"),
        ("https://a.example/x?b=2&a=%20&b=3", "https://a.example/x?b=2&a=%20&b=3"),
        ("https://a.example/x?sid=f00f00", "https://a.example/x"),
        ("https://a.example/article.php?sid=12", "https://a.example/article.php?sid=12"),
        ("https://a.example/x?q=%E9&utm_source=x", "https://a.example/x?q=%E9"),
        ("https://a.example/x?inside=1", "https://a.example/x?inside=1"),
        ("https://a.example/?utm_source=a&utm_medium=b", "https://a.example/"),
    ],
)
def test_who_visits_is_no_part_of_an_address(address: str, kept: str) -> None:
    assert without_session(address) == kept
