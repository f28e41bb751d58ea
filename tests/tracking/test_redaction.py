"""Which names and values are secrets, and which only look like some. None of the values is a real one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.tracking.redaction import REDACTED, is_secret_name, redact, redact_command, redact_text

SECRET_NAMES = """
    password passwd PASSWORD dbPassword db_password user.password database-password PGPASSWORD
    MYSQL_ROOT_PASSWORD REDIS_PASSWORD smtp_pass DB_PASS pwd login_pwd passphrase ssh_passphrase passcode secret
    client_secret CLIENT_SECRET AWS_SECRET_ACCESS_KEY aws_secret_access_key secret_key SECRET_KEY_BASE
    jwt_secret secrets credential credentials db_credentials api_key apiKey APIKEY API_KEY_2 x-api-key
    OPENAI_API_KEY ANTHROPIC_API_KEY WANDB_API_KEY wandb_key azure_key storage_key private_key privateKey
    ssh_key encryption_key signing_key access_key master_key license_key token hf_token HF_TOKEN
    HUGGING_FACE_HUB_TOKEN github_token GH_TOKEN access_token accessToken refresh_token auth_token id_token
    session_token bot_token bearer_token csrf_token auth basic_auth authorization Authorization cookie cookies
    jwt webhook slack_webhook SLACK_WEBHOOK_URL connection_string otp
"""

HARMLESS_NAMES = """
    num_tokens max_tokens max_new_tokens min_new_tokens maximum_new_tokens total_tokens tokens tokens_per_second
    num_input_tokens_seen tokenizer tokenizer_name tokenizer_class tokenize tokenization token_count token_type
    token_type_ids token_limit token_ids token_length token_embedding pad_token eos_token bos_token unk_token
    sep_token cls_token mask_token special_token image_token pad_token_id decoder_start_token forced_bos_token
    prefix_token stop_token additional_special_tokens keyword keywords key keys sort_key primary_key
    num_key_value_heads key_dim key_size keyboard monkey prng_key foreign_key cache_key dictionary_keys author
    authors authority pass_rate forward_pass backward_pass first_pass passes compass bypass passthrough
    password_length max_password_attempts password_policy secret_name secretary secretion credentials_path
    key_file private access_level auth_method authentication_mode cookie_policy session_length api_version
    api_base signature_columns learning_rate hidden_size seed spawn pathway pattern compatible patience sha
    commit hash_key_dimension checkpoint
"""

# Joined here, so that no scanner takes this file for a leak.
A, D = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789" * 4
JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"HS256"}', b'{"sub":"12345"}', b"x" * 20)
)
PEM = "-----BEGIN {0}PRIVATE KEY-----\nMIIEow\nAAAA\n-----END {0}PRIVATE KEY-----"

SECRET_VALUES = [
    "sk-" + A, "sk-proj-" + A, "sk-ant-api03-" + A, "sk-or-v1-" + D, "rk_live_" + A[:24], "sk_live_" + A[:24],
    "sk_test_" + A[:24], "pk_live_" + A[:24], "whsec_" + A[:32], "gsk_" + A, "hf_" + A[:34], "r8_" + A[:37],
    "wandb_v1_" + A, "ghp_" + A[:36], "gho_" + A[:36], "ghu_" + A[:36], "ghs_" + A[:36], "ghr_" + A[:36],
    "github_pat_" + A, "glpat-" + A[:20], "gldt-" + A[:20], "AKIA" + "ABCDEFGH23456789", "ASIA" + "ABCDEFGH23456789",
    "AIza" + A[:35], "ya29." + A, "GOCSPX-" + A[:28], "xoxb-" + D[:24], "xoxp-" + D[:24], "xapp-1-" + D[:24],
    "https://hooks.slack.com/services/T000/B000/" + A[:24], "https://discord.com/api/webhooks/123/" + A,
    "SG." + A[:22] + "." + A[:43], "npm_" + A[:36], "pypi-" + A * 2, "dop_v1_" + D + D[:24], "shpat_" + D[:32],
    "key-" + D[:32], "dapi" + D[:32], "nvapi-" + A, "lin_api_" + A[:40], "ntn_" + A[:40], JWT,
    PEM.format(""), PEM.format("RSA "), PEM.format("EC "), PEM.format("OPENSSH "),
    "https://me:hunter2@example.org/", "https://" + A[:20] + "@github.com/me/site.git",
    "https://" + A[:20] + ":x-oauth-basic@github.com/me/site.git", "postgres://user:pa55@db:5432/site",
    "mongodb+srv://user:p@ss@cluster.example.org/db", "redis://:hunter2@cache:6379/0", "amqp://guest:guest@queue//",
    "https://example.org/x?access_token=" + A, "https://example.org/x?page=1&api_key=hunter",
    "https://bucket.example.org/x?X-Amz-Signature=" + D, "https://blob.example.org/x?sv=1&sig=" + A,
    "Authorization: Bearer abc123" + A, "Bearer 1" + A, "Basic dXNlcjpwYXNzd29yZDE=", "password=hunter2",
    "PASSWORD: 'hunter'", '{"api_key": "hunter"}', "export HF_TOKEN=abc1234", "Server=db;Password=hunter2;",
]  # fmt: skip

HARMLESS_VALUES = [
    "", " ", "adamw", "cosine", "bfloat16", "meta-llama/Llama-3.1-8B", "smollm2-135m-instruct", "<pad>", "</s>",
    "[MASK]",
    "<|endoftext|>", "runs/seo_engine_1700000000", "/home/me/keys/site.pem", "key", "token", "password", "secret",
    "the password was wrong", "a token is a part of a word", "tokens: 512", "num_tokens=512", "max_new_tokens: 72",
    "keyword=garden123", "tokenizer='byte-level'", "pad_token='<pad>'", "https://example.org/", "https://example.org:8080/x",
    "https://example.org/?page=2&sort=name", "https://example.org/a?email=me@example.org", "ssh://git@github.com/me/site.git",
    "git@github.com:me/site.git", "http://user@example.org/", "me@example.org", "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "0123456789abcdef0123456789abcdef01234567", "d41d8cd98f00b204e9800998ecf8427e", "sk-learn", "sk_learn", "hf_hub",
    "task-oriented-dialogue-of-many-words", "risk-adjusted-return-over-time-2024", "pk", "AKIA", "basic training",
    "Basic research on 12 gardens", "bearer of good news", "token = tokenizer.decode(ids[0])", "key = data['key']",
    "password = getpass()", "self.token = token", "Linear(in_features=16, out_features=2, bias=True)",
    "lr=0.001, weight_decay=0.01", "epoch 1 step 100 training/loss=0.123", "2026-11-23T10:00:00Z", "192.168.0.1:8080",
    "C:\\models\\site", "loss: 0.5", "seed=12345678", "sha256:" + D, "v1.2.3", "a" * 64,
    "data:image/png;base64,iVBORw0KGgo=",
    "${HF_TOKEN}", "hf_token=$HF_TOKEN", "How to choose a pass: 12345 visitors a day", "author: 123456789",
]  # fmt: skip


@pytest.mark.parametrize("table", [SECRET_NAMES.split(), HARMLESS_NAMES.split(), SECRET_VALUES, HARMLESS_VALUES])
def test_each_table_is_as_long_as_promised(table: list[str]) -> None:
    assert len(set(table)) == len(table) >= 60


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_a_value_of_a_secret_name_is_redacted(name: str) -> None:
    assert is_secret_name(name)
    assert redact({name: "tulip"}) == {name: REDACTED}
    # A switch is none.
    assert redact({name: True}) == {name: True} and redact({name: None}) == {name: None}


@pytest.mark.parametrize("name", HARMLESS_NAMES.split())
def test_a_value_of_a_harmless_name_stays(name: str) -> None:
    assert redact({name: "tulip", "more": [{name: 7}]}) == {name: "tulip", "more": [{name: 7}]}


@pytest.mark.parametrize("value", SECRET_VALUES)
def test_a_secret_value_is_redacted_under_any_name(value: str) -> None:
    for text in (value, f"before {value} behind", f"before {value}, behind"):
        redacted = redact({"note": text})["note"]
        assert REDACTED in redacted
        for part in (A[:16], D[:16], "hunter", "pa55", "p@ss", "guest:", "MIIEow", "dXNl", JWT[-16:]):
            assert part not in redacted


@pytest.mark.parametrize("value", HARMLESS_VALUES)
def test_a_harmless_value_stays(value: str) -> None:
    assert redact({"note": value}) == {"note": value}


def test_what_stands_below_a_secret_name_is_redacted() -> None:
    assert redact({"credentials": {"user": "rose", "id": ["tulip"]}}) == {
        "credentials": {"user": REDACTED, "id": [REDACTED]}
    }
    assert redact({"password": 1234, "num_secrets": 3}) == {"password": REDACTED, "num_secrets": 3}


def test_the_value_of_a_secret_environment_variable_is_redacted_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "fedcba9876543210fedcba9876543210fedcba98")
    monkeypatch.setenv("PWD", "/home/me/site")
    assert redact_text("in /home/me/site") == "in /home/me/site"
    assert redact_text("sent with fedcba9876543210fedcba9876543210fedcba98!") == f"sent with {REDACTED}!"


def test_options_of_a_command_line_are_redacted() -> None:
    command = [
        "train.py",
        "--token",
        "tulip",
        "--lr=0.1",
        "--password=tulip",
        "-v",
        "--use-auth",
        "--pad-token",
        "<pad>",
    ]
    redacted = [
        "train.py",
        "--token",
        REDACTED,
        "--lr=0.1",
        f"--password={REDACTED}",
        "-v",
        "--use-auth",
        "--pad-token",
        "<pad>",
    ]
    assert redact_command(command) == redacted


@pytest.mark.parametrize(
    "part", ["a", "a.", "a-", "a=", "sk-", "eyJ-", "eyJaaaaaaaa.", "x://", "a://b:", "-----BEGIN ", "Bearer "]
)
def test_a_long_text_made_to_be_slow_is_not(part: str) -> None:
    # Within the time limit of any test; a pattern that looks back would take hours.
    redact_text(part * (1_000_000 // len(part)))


@given(st.text())
def test_redacting_any_text_twice_changes_nothing_more(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once
