"""Rules about language and encoding: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from tests.engine.audit.auditing import judge, page_of

GERMAN = "Unsere Töpfe werden von Hand gedreht, mit Asche aus dem eigenen Ofen glasiert und zweimal gebrannt. " * 6
ENGLISH = "We throw every pot by hand, glaze it with ash from our own kiln, and fire it twice before it is sold. " * 6


def written(language: str, text: str = ENGLISH, charset: str = "<meta charset=utf-8>") -> str:
    lang = f' lang="{language}"' if language else ""
    head = f"{charset}<title>Pots</title>"
    return f"<!doctype html><html{lang}><head>{head}</head><body><h1>Pots</h1><p>{text}</p></body></html>"


FAULTY = {
    "lang.missing": written(""),
    "lang.invalid": written("english"[:2] + "_GB"),
    "lang.mismatch": written("en", GERMAN),
    "charset.wrong": written("de", GERMAN, ""),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize("language", ["en", "en-GB", "EN-us", "en-Latn-GB", "en-GB-oxendict"])
def test_a_page_that_says_what_it_is_has_no_fault(rule: str, language: str) -> None:
    assert judge(rule, page_of(written(language))).state == "pass"


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en_GB", "this is not a language tag; it is written with a hyphen"),
        ("English", "this is not a language tag"),
        ("jp", "there is no language 'jp'; Japanese is ja"),
        ("{{ lang }}", "this is not a language tag"),
    ],
)
def test_a_language_that_there_is_not_is_said(language: str, message: str) -> None:
    assert judge("lang.invalid", page_of(written(language))).messages == [message]


@pytest.mark.parametrize("language", ["zxx", "x-klingon", "yue-Hant-HK", "es-419", "de-1996", "sl-rozaj-biske"])
def test_rare_tags_are_tags(language: str) -> None:
    assert judge("lang.invalid", page_of(written(language))).state == "pass"


def test_a_text_in_another_language_is_quoted_and_a_short_one_tells_nothing() -> None:
    (finding,) = judge("lang.mismatch", page_of(written("en", GERMAN))).findings
    assert finding.message == "the page says that it is in 'en', and its text is in 'de'"
    assert "Unsere Töpfe" in finding.evidence
    assert judge("lang.mismatch", page_of(written("en", "Unsere Töpfe werden von Hand gedreht."))).state == "pass"
    assert judge("lang.mismatch", page_of(written("en", GERMAN)), words=1000).state == "pass"
    assert judge("lang.mismatch", page_of(written("", GERMAN))).state == "pass"


def test_languages_that_texts_cannot_tell_apart_are_not_held_against_each_other() -> None:
    norwegian = "Vi dreier hver krukke for hånd, glaserer den med aske fra vår egen ovn og brenner den to ganger. " * 6
    for language in ("no", "nb", "nn", "da"):
        assert judge("lang.mismatch", page_of(written(language, norwegian))).state == "pass"


def test_an_encoding_that_is_missing_wrong_or_late_is_said() -> None:
    (missing,) = judge("charset.wrong", page_of(written("de", GERMAN, ""))).messages
    assert missing.startswith("the page does not say in which encoding it is")
    late = written("de", GERMAN, f"<!--{' ' * 1100}--><meta charset=utf-8>")
    assert judge("charset.wrong", page_of(late)).messages == [
        "the page names its encoding behind its first 1,024 bytes, too late for browsers"
    ]
    latin = written("de", GERMAN).encode("latin-1")
    assert judge("charset.wrong", page_of(latin)).state == "fail"
    assert judge("charset.wrong", page_of(written("de", GERMAN, "<meta charset=utf-ate>"))).state == "fail"


def test_where_all_encodings_agree_none_need_be_named() -> None:
    assert judge("charset.wrong", page_of(written("en", ENGLISH, ""))).state == "pass"
