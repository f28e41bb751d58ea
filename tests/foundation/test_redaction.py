"""Which names and values are secrets, and which only look like some. None of the values is a real one."""

from __future__ import annotations

import base64
import dataclasses
import functools
import os
import time
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig
from transformers import GenerationConfig, TrainingArguments

from seo_engine import TrackingConfig
from seo_engine.foundation import redaction
from seo_engine.foundation.redaction import REDACTED, is_secret_name, redact, redact_command, redact_text
from seo_engine.tracking.surroundings.beginning import describe_beginning

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
    db_pw MYSQL_PW pswd dbpass apitoken secretkey SharedAccessSignature SENTRY_DSN conn_str DOCKER_AUTH_CONFIG sessionid
    csrftoken slack_hook_url SERVICE_ACCOUNT_JSON hf_tokens github_tokens HF_TOKEN_PROD token_v2 VIDEO_API_TOKEN
    IMAGE_REGISTRY_TOKEN NEXT_AUTH_TOKEN grafana_pass BRIGHTDATA_PASS AHREFS_KEY SEMRUSH_KEY MOZ_KEY SERP_KEY SERPER_KEY
    dataforseo_key BING_KEY pagespeed_key FIRECRAWL_KEY cloudflare_key pinecone_key hub_token push_to_hub_token
    AccountKey SUBSCRIPTION_KEY app_key
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
    commit hash_key_dimension checkpoint session_id sessionId api_key_env api_key_env_var api_key_header api_key_source
    access_token_url access_token_lifetime password_field password_hasher credential_helper secrets_backend
    word_delimiter_token middle_token eot_token oov_token placeholder_token initializer_token sod_token eod_token
    blank_token tile_token unknown_token padding_token second_pass single_pass low_pass high_pass band_pass num_pass
    one_pass two_pass openai_tokens_count webhook_url_pattern VAULT_SECRETS_WEBHOOK_SERVICE_HOST
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
    "sk_" + A[:20] + D[:10], "hf_oauth_" + A, "123456789:AA" + A[:33],
    "https://api.telegram.org/bot123456789:AA" + A[:33] + "/send", "lsv2_pt_" + D[:32] + "_" + D[:10], "pcsk_" + A,
    "tvly-" + A[:32], "tvly-dev-" + A[:32], "xai-" + A * 2, "pplx-" + A, "sb_secret_" + A[:31], "sbp_" + D,
    "dckr_pat_" + A[:27], "glsa_" + A[:32] + "_12345678", "hvs." + A, "sntrys_" + A, "sntryu_" + D,
    "PMAK-" + D[:24] + "-" + D[:34], "ATATT3xFfGF0" + A, "https://hooks.slack.com/triggers/T000/123/" + A[:24],
    "https://ptb.discord.com/api/webhooks/1/" + A, "https://canary.discord.com/api/webhooks/1/" + A,
    "https://x.webhook.office.com/webhookb2/" + D + "@x/IncomingWebhook/" + A[:30],
    r"b'x\nsk-" + A + "'", r"line\nhf_" + A[:34], "token%3Dhf_" + A[:34], "%22ghp_" + A[:36],
    "postgres://user:pa/ss1hunter@db:5432/x", "amqp://user:pa#sshunter@db/x", "mysql://root:pa?sshunter@db/x",
    "smb://dom;user:hunter22@h", "http://user:hunter22@[::1]:80/", "?Signature=" + D[:30], "?key=" + A[:24] + D[:10],
    "https://example.org/cb#access_token=hunterhunter&x=1", "https://x.org/?q=1&amp;api_key=hunter",
    "Authorization: Token " + D, "Authorization: ApiKey " + D[:30], "Authorization: Basic dXNlcjpwYXNz",
    '{"Authorization": "Token ' + D + '"}', "Proxy-Authorization: Basic dXNlcjpwYXNz",
    "Cookie: sessionid=hunter22; csrftoken=hunter33", "Set-Cookie: session=hunter22; Path=/", 'Cookie: a="hunter"; b=c',
    "curl -H 'Cookie: a=hunter' https://example.org", "--token hunter22", "train --api-key hunter22abc' returned 1",
    "Command '['curl', '--token', 'hunter22abc']' returned 1", "['train.py', '--password', 'hunterhunter']",
    "export DB_PASSWORD=hunterhunter", "export API_KEY='the hunter'", 'password="the hunter battery"',
    '{"password": "it\'s the hunter"}', '{\\"api_key\\": \\"hunter22\\"}', r'{"body": "{\"api_key\": \"hunter22\"}"}',
    '{"cmd": "password=hunter22"}', "env='HF_TOKEN=hunter22'", "Error: oauth2_token=hunter22abc",
    "Error: oauth2_token = hunter22abc", "//registry.npmjs.org/:_authToken=hunter22", "__token=hunter22abc",
    '{"_api_key": "hunter22"}', "DB_PASSWORD=hunter$w0rd1", "os.environ['HF_TOKEN'] = 'hunter22'",
    'd["api_key"]="hunter"', "api_key=b'hunter22'", "token=" + D[:9] + "hunter",
    "PASSWORD: 'hunter'", '{"api_key": "hunter"}', "export HF_TOKEN=abc1234", "Server=db;Password=hunter2;",
]  # fmt: skip

HARMLESS_VALUES = [
    "", " ", "adamw", "cosine", "bfloat16", "meta-llama/Llama-3.1-8B", "smollm2-135m-instruct", "<pad>", "</s>",
    "[MASK]",
    "<|endoftext|>", "runs/seo_engine_1700000000", "/home/me/keys/site.pem", "key", "token", "password", "secret",
    "the password was wrong", "a token is a part of a word", "tokens: 512", "num_tokens=512", "max_new_tokens: 72",
    "keyword=garden123", "tokenizer='byte-level'", "pad_token='<pad>'", "https://example.org/",
    "https://example.org:8080/x",
    "https://example.org/?page=2&sort=name", "https://example.org/a?email=me@example.org",
    "ssh://git@github.com/me/site.git",
    "git@github.com:me/site.git", "http://user@example.org/", "me@example.org", "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "0123456789abcdef0123456789abcdef01234567", "d41d8cd98f00b204e9800998ecf8427e", "sk-learn", "sk_learn", "hf_hub",
    "task-oriented-dialogue-of-many-words", "risk-adjusted-return-over-time-2024", "pk", "AKIA", "basic training",
    "Basic research on 12 gardens", "bearer of good news", "token = tokenizer.decode(ids[0])", "key = data['key']",
    "password = getpass()", "self.token = token", "Linear(in_features=16, out_features=2, bias=True)",
    "lr=0.001, weight_decay=0.01", "epoch 1 step 100 training/loss=0.123", "2026-11-23T10:00:00Z", "192.168.0.1:8080",
    "C:\\models\\site", "loss: 0.5", "seed=12345678", "sha256:" + D, "v1.2.3", "a" * 64,
    "data:image/png;base64,iVBORw0KGgo=",
    "sk-seo-snippets-smollm2-run1", "models/sk-bert-base-slovak-cased", "sk-learn-random-forest-baseline-v2",
    "https://example.org/sk-najlepsie-zahradne-naradie-2024", "pk-urdu-news-headlines-corpus",
    "pk_keywordrankinghistory",
    "rk_rungekuttaintegrator", "hf_transformersquantizationkernels", "npm_configregistryverylongnameforthings",
    "basic bert-base-uncased-v2 run", "Basic distilbert768large", "digest " + D, "authorization: basic authentication",
    "print('token:', 'abc')", "print('token:', \"it's\")", "'token=' + token", "https://example.org,info@example.org",
    "http://localhost:8080,me@example.org", "https://example.org:8080/a?email=me@example.org",
    "https://medium.com/@user",
    "(https://example.org),mailto:me@example.org", "http://[::1]:80/a@b", "https://example.org/?key=garden&page=2",
    'onclick="x(1);key=2"', "/search?q=shoes&signature=summer2024", "Unexpected token: 128009", "next token=100257",
    "cookies: 123456", "token: 2026-11-23", "the cookie: small", "tests/test_password.py: 12.345678s",
    "--use-auth data1.csv",
    "use --token to log in", "--pad-token abc123", "hf_token=None", "PyJWT==2.10.1", "password=None",
    "'--hub_token', 'None'",
    "GOOGLE_APPLICATION_CREDENTIALS=/home/me/site",
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


COMMANDS = [
    ("train.py --token tulip --lr=0.1", "train.py --token * --lr=0.1"),
    ("--password=tulip -v --use-auth --pad-token <pad>", "--password=* -v --use-auth --pad-token <pad>"),
    ("--env=HF_TOKEN=tulip --set=auth.token=tulip", "--env=HF_TOKEN=* --set=auth.token=*"),
    ("--set auth.token=tulip -e HF_TOKEN=tulip", "--set auth.token=* -e HF_TOKEN=*"),
    ("--model_args a=x,token=tulip,revision=main", "--model_args a=x,token=*,revision=main"),
    ("--password=tulip,rose", "--password=*"),
    ("--header Authorization:tulip", "--header Authorization:*"),
    ("--api-keys tulip rose --lr 1", "--api-keys * * --lr 1"),
    ("--hub_token=None --use_auth_token=True", "--hub_token=None --use_auth_token=True"),
    ("--hub-token none --trust-token 1", "--hub-token none --trust-token 1"),
    ("HF_HUB_DISABLE_IMPLICIT_TOKEN=1", "HF_HUB_DISABLE_IMPLICIT_TOKEN=1"),
    ("--use-auth data.csv --no-auth train.py", "--use-auth data.csv --no-auth train.py"),
    ("--tags seo,garden --ids=1,2", "--tags seo,garden --ids=1,2"),
]


@pytest.mark.parametrize(("command", "redacted"), COMMANDS)
def test_options_of_a_command_line_are_redacted(command: str, redacted: str) -> None:
    expected = redacted.replace("*", REDACTED).split()
    assert redact_command(command.split()) == expected
    assert redact({"argv": ["train.py", "-v", *command.split()]}) == {"argv": ["train.py", "-v", *expected]}


def test_arguments_with_spaces_keep_what_is_no_secret() -> None:
    assert redact_command(["-c", "import x; x.login(token='abc'); x.train()"]) == [
        "-c",
        f"import x; x.login(token='{REDACTED}'); x.train()",
    ]
    assert redact_command(["--header", "Authorization: Bearer x"]) == ["--header", f"Authorization: {REDACTED}"]
    assert redact(["--pin-code", 7, "--api-key", 7, None]) == ["--pin-code", 7, "--api-key", 7, None]


def test_names_that_say_nothing_are_judged_with_the_name_above_them() -> None:
    settings = {"smtp": {"pass": "tulip"}, "openai": [{"key": "tulip"}], "table": {"key": "id"}, "num": {"pass": "1st"}}
    assert redact(settings) == {
        "smtp": {"pass": REDACTED}, "openai": [{"key": REDACTED}], "table": {"key": "id"}, "num": {"pass": "1st"},
    }  # fmt: skip


def test_a_secret_is_redacted_in_the_key_of_a_dictionary() -> None:
    assert redact({"https://me:hunter2@example.org": 1, 7: 2}) == {f"https://{REDACTED}@example.org": 1, 7: 2}
    assert redact({"k" * 300 + " password=hunter2": 1}) == {"k" * 300 + f" password={REDACTED}": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTGRES_PASSWORD", "postgres"), ("DB_PASSWORD", "training"), ("AUTH", "required"), ("USE_AUTH", "disabled"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/home/me/site"), ("MY_SECRET", "10.43.12.34"), ("MY_SECRET", "fe80::1:2:3"),
        ("MY_SECRET", "tcp://10.43.12.34:443"), ("PASSWORD", "1234567"), ("PWD", "/home/me/site"), ("TOKEN",
        "<my token>"),
        ("NUM_TOKENS", "fedcba98"),
    ],
)  # fmt: skip
def test_everyday_values_of_secret_environment_variables_stay(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert redact_text(f"in {value}/train.py") == f"in {value}/train.py"


def test_the_environment_is_looked_through_once_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    monkeypatch.setattr(redaction, "environment_secrets", lambda: looks.append(1) or ())
    redact({f"name{number}": ["text"] for number in range(100)})
    redact_command(["train.py", "-v", "--name=text"])
    assert len(looks) == 2


def test_an_environment_that_another_thread_changes_is_no_error() -> None:
    class Vanishing(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            return default

        def __getitem__(self, name: str) -> str:
            raise KeyError(name)

    with patch.object(os, "environ", Vanishing(HF_TOKEN="fedcba98", HF_HOME="x")):
        assert redact_text("fedcba98") == "fedcba98"
        assert describe_beginning()["environment"] == {}


def test_names_of_a_run_that_hold_a_secret_are_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_TOKEN", "fedcba9876543210")
    for setting in ("experiment_name", "wandb_project", "wandb_entity"):
        with pytest.raises(ValueError, match=f"^{setting} looks like it holds a secret") as raised:
            TrackingConfig(**{setting: "run-fedcba9876543210"})
        assert "fedcba" not in str(raised.value) and "\n" not in str(raised.value)
    TrackingConfig(experiment_name="sk-seo-snippets-smollm2-run1", wandb_project="sk-seo-keyword-experiments")


def test_the_settings_of_the_libraries_stay_but_for_their_tokens() -> None:
    names = {field.name for each in (TrainingArguments, LoraConfig) for field in dataclasses.fields(each)}
    names |= set(GenerationConfig().to_dict()) | set(vars(GenerationConfig()))
    assert len(names) > 200
    assert {name for name in names if is_secret_name(name)} == {"hub_token", "push_to_hub_token"} & names


@pytest.mark.parametrize(
    "part",
    [
        "a",
        "a.",
        "a-",
        "a=",
        "sk-",
        "eyJ-",
        "eyJaaaaaaaa.",
        "x://",
        "a://b:",
        "-----BEGIN ",
        "Bearer ",
        "a://:",
        "SG.a.",
        '"',
        "a=\"b='",
        "a='\"",
        "a  =",
        "a:  ",
        "token=1 ",
        "token='",
        "token=a1(",
        "password=a1 ",
        "--a ",
        "--token ",
        "--token 'a', ",
        "Cookie: ",
        'Cookie: a="',
        "Cookie: a=b\n",
        "authorization: basic ",
        "https://a",
        "?a=",
        "?key=1&",
        "\\n",
        "%3D",
        "_",
        "123456",
        "a=" + "a" * 5000 + "(",
        "a='" + "a" * 5000,
        "sk-" + "a-" * 5000 + " ",
        "https://" + "a" * 5000,
        "a://b:" + "c" * 5000,
        "-----BEGIN PRIVATE KEY----------END " + "A " * 5000,
    ],
)
def test_a_long_text_made_to_be_slow_is_not(part: str) -> None:
    # A pattern that looks back would take thousands of times as long as ordinary text; the worst of these takes three.
    assert _seconds_to_redact(part) < 20 * _seconds_to_redact_prose()


@functools.cache
def _seconds_to_redact_prose() -> float:
    return min(_seconds_to_redact("The model reads each page once, and learns from it. ") for _ in range(3))


# Which pattern looks through a text depends on words in it: with these, all of them do.
_WORDS_OF_ALL_PATTERNS = " a_long_word_of_letters authorization bearer basic cookie a-b=c:d ://"


def _seconds_to_redact(part: str) -> float:
    text = part * (200_000 // len(part)) + _WORDS_OF_ALL_PATTERNS
    began = time.process_time()
    redact_text(text)
    return time.process_time() - began


@given(st.text())
def test_redacting_any_text_twice_changes_nothing_more(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once
