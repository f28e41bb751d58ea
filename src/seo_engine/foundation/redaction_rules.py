"""The words and patterns by which redaction recognizes a secret; plain data.

No repetition in a pattern can backtrack for long: each is bounded, or possessive (`++`), or ends its pattern.
"""

from __future__ import annotations

import re
from typing import Any


class Pattern:
    """A regular expression that is compiled at first use, because compiling all of them takes milliseconds.

    Args:
        pattern (str): As `re.compile` takes it.
        flags (int): As `re.compile` takes them.

    Example:
        >>> word = Pattern("[a-z]+")
        >>> word.is_compiled, word.findall("a page"), word.is_compiled
        (False, ['a', 'page'], True)
    """

    findall: Any
    fullmatch: Any
    search: Any
    sub: Any

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.source = (pattern, flags)

    @property
    def is_compiled(self) -> bool:
        """bool: Whether it has been used."""
        return "sub" in self.__dict__

    def __getattr__(self, name: str) -> Any:
        # These become attributes of the object, so that Python does not call `__getattr__` for them again.
        compiled = re.compile(*self.source)
        for method in ("findall", "fullmatch", "search", "sub"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


# A name is secret if a word in it, or two in a row, ends in one of these: `PGPASSWORD`, `api_key`.
STEMS = (
    "password", "passwd", "passphrase", "passcode", "secret", "secretkey", "credential", "apikey", "privatekey",
    "accesskey", "accesstoken", "apitoken", "authtoken", "csrftoken", "xsrftoken", "authkey", "accesssignature",
    "connectionstring", "connectionstr", "connstring", "connstr", "dockerauth", "accountjson",
)  # fmt: skip

# Values with these names may be numbers.
STEMS_OF_NUMBERS = ("password", "passwd", "passphrase", "passcode", "pwd", "pin", "otp")

# A name is secret if its last word is one of these.
LAST_WORDS = {
    "auth", "authorization", "bearer", "cookie", "cookies", "dbpass", "dsn", "jwt", "otp", "pat", "pgpass", "pswd",
    "psw", "pw", "pwd", "sessionid", "sshpass", "userpass", "webhook",
}  # fmt: skip

# Anyone who knows such a URL may post to it. Other URLs are only attributes of a secret.
SECRET_ADDRESSES = ("hookurl", "hookurls", "hookuri")

# An attribute of a secret is not a secret: `password_length`, `token_type`, `secret_name`, `api_key_env`.
ATTRIBUTES = {
    "age", "algorithm", "attempts", "backend", "column", "count", "dir", "directory", "enabled", "endpoint", "env",
    "expires", "expiry", "field", "file", "hasher", "header", "helper", "hint", "host", "id", "index", "issuer",
    "label", "length", "lifetime", "limit", "log", "manager", "max", "md", "mechanism", "method", "min", "mode",
    "name", "names", "param", "path", "policy", "port", "prefix", "process", "prompt", "provider", "py", "rate",
    "ratio", "required", "rotation", "score", "size", "source", "strategy", "strength", "ttl", "txt", "type", "uri",
    "url", "var", "version",
}  # fmt: skip

# These may follow a secret's name: `HF_TOKEN_PROD`, `token_v2`.
STAGES = {"dev", "development", "live", "prod", "production", "staging", "v"}

# `token`, `key` and `pass` mean many things: a token of a text, a key of a table, a pass over the data.
TOKENS_OF_TEXTS = {
    "assistant", "audio", "avg", "blank", "bos", "class", "cls", "decoder", "delimiter", "end", "eod", "eos", "eot",
    "first", "image", "initializer", "instruction", "inter", "label", "lang", "language", "last", "mask", "max",
    "middle", "min", "new", "newline", "next", "num", "oov", "pad", "padding", "per", "placeholder", "prefix",
    "response", "second", "sep", "sod", "sos", "special", "start", "stop", "suffix", "system", "think", "tile", "tool",
    "unk", "unknown", "video", "word",
}  # fmt: skip
TOKENS_OF_SERVICES = {"access", "api", "auth", "refresh", "registry"}
SERVICES = {
    # Clouds and stores.
    "aliyun", "aws", "azure", "cloudflare", "cosmos", "datadog", "digitalocean", "firebase", "gcp", "github", "gitlab",
    "google", "heroku", "netlify", "sendgrid", "slack", "stripe", "supabase", "vercel",
    # Tools of search engine optimization.
    "ahrefs", "bing", "dataforseo", "firecrawl", "majestic", "moz", "pagespeed", "rapidapi", "scraperapi",
    "scrapingbee", "semrush", "serp", "serpapi", "serper", "tavily", "zyte",
    # Machine learning.
    "anthropic", "cerebras", "clearml", "cohere", "comet", "deepl", "deepseek", "elevenlabs", "fireworks", "gemini",
    "grok", "groq", "hf", "huggingface", "jina", "kaggle", "langchain", "langfuse", "langsmith", "mistral", "neptune",
    "ngc", "nvidia", "openai", "openrouter", "perplexity", "pinecone", "qdrant", "replicate", "roboflow", "runpod",
    "together", "voyage", "wandb", "weaviate", "xai",
}  # fmt: skip
KEY_KINDS = SERVICES | {
    "access", "account", "admin", "aes", "api", "app", "application", "cipher", "client", "consumer", "crypto",
    "deploy", "encryption", "fernet", "gpg", "hmac", "instrumentation", "jwt", "kms", "license", "master", "pgp",
    "private", "rsa", "server", "service", "session", "shared", "signing", "ssh", "ssl", "storage", "subscription",
    "tls",
}  # fmt: skip
PASSES_OVER_DATA = {
    "all", "backward", "band", "by", "custom", "decoder", "each", "encoder", "epoch", "eval", "evaluation", "extra",
    "final", "first", "forward", "full", "graph", "high", "hyperparameters", "inference", "last", "low", "multi",
    "next", "num", "one", "per", "post", "pre", "second", "single", "test", "third", "train", "training", "two",
    "validation", "warmup",
}  # fmt: skip

# Alone, such a name says nothing; below another it does: `{"openai": {"key": ...}}`.
NAMES_BELOW_OTHERS = {"key", "keys", "pass", "tokens"}

# Options that begin like this take no value, or one that is not a secret: `--use-auth data.csv`.
SWITCHES = {
    "allow", "disable", "enable", "has", "is", "no", "require", "skip", "use", "with", "without",
}  # fmt: skip

# With one of these names, or any plural, a number is a count or an id: `cookies: 123456`, `Unexpected token: 128009`.
COUNTED_WORDS = {"cookie", "token"}

WORD = Pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

# Not secrets: placeholders for one, special tokens of a vocabulary, switches.
PLACEHOLDER = Pattern(
    r"<[^<>]{1,40}>|\[[^\[\]]{1,40}\]|\$\{?\w+\}?|\*+|x{3,}|true|false|none|null|yes|no|on|off|[01]", re.IGNORECASE
)

# Numbers, dates, times.
NUMBER = Pattern(r"[\d.,:_/-]+|0x[\da-f]+", re.IGNORECASE)

# Values of secret environment variables that turn up everywhere: words, paths (`PWD`), IP addresses.
EVERYDAY_VALUE = Pattern(
    r"[^\W\d_]{1,15}|/.*|(?:\w{2,5}://)?\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|[\da-f]{0,4}(?::[\da-f]{0,4}){2,7}",
    re.DOTALL | re.IGNORECASE,
)

# The formats of their issuers, after GitHub's list of secret scanning patterns and the rules of gitleaks.
KNOWN_SHAPES = Pattern(
    r"""
    # At the beginning of a word; an escaped line break and `%3D` before it do not belong to the word.
    (?: (?<![\w-]) | (?<=\\[nrt]) | (?<=%[0-9A-Fa-f]{2}) )
    (?: (?:sk|rk|pk)-(?=[\w-]{0,200}?[A-Za-z0-9]{16})[\w-]{20,}      # OpenAI, Anthropic, OpenRouter; no slugs
      | (?:sk|rk|pk)_(?:(?:live|test)_|(?=[A-Za-z]{0,40}\d)(?=\w{24}))[A-Za-z0-9]{16,}  # Stripe
      | whsec_[A-Za-z0-9]{16,}
      | (?:hf|npm)_(?=[a-z]{0,40}[A-Z0-9])[A-Za-z0-9]{20,}           # Hugging Face, npm
      | hf_oauth_[\w.-]{20,} | api_org_[A-Za-z]{30,}
      | r8_[A-Za-z0-9]{30,}                                          # Replicate
      | (?:gsk|xai|pplx)[_-](?=[a-z]{0,40}[A-Z0-9])[A-Za-z0-9]{20,}  # Groq, xAI, Perplexity
      | wandb_v\d_\w{20,}                                            # Weights & Biases
      | gh[pousr]_[A-Za-z0-9]{30,} | github_pat_\w{20,}              # GitHub
      | gl(?:pat|ptt|dt|rt|cbt|oas|soat|imt|agent)-[\w-]{20,}        # GitLab
      | (?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}                          # AWS
      | AIza[\w-]{35} | ya29\.[\w-]{20,} | GOCSPX-[\w-]{20,}         # Google
      | xox[abeoprs]-[\w-]{10,} | xapp-[\w-]{10,}                    # Slack
      | https://hooks\.slack\.com/(?:services|workflows|triggers)/[^\s"'<>\\]+
      | https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/[^\s"'<>\\]+
      | https://[\w-]{1,60}+\.webhook\.office\.com/[^\s"'<>\\]+
      | (?:bot)?\d{6,12}+:AA[\w-]{30,}                               # Telegram
      | SG\.[\w-]{16,}+\.[\w-]{16,}                                  # SendGrid
      | (?:lsv2_|pcsk_|tvly-|nvapi-)[\w-]{20,}                       # LangSmith, Pinecone, Tavily, NVIDIA
      | (?:sb_secret_|sbp_|dckr_pat_|glsa_|hvs\.)[\w-]{20,}          # Supabase, Docker, Grafana, Vault
      | (?:sntry[su]_|PMAK-|ATATT3|lin_api_|ntn_)[\w=-]{20,}         # Sentry, Postman, Atlassian, Linear, Notion
      | pypi-[\w-]{30,}
      | do[opr]_v1_[a-f0-9]{40,} | shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32} | key-[a-f0-9]{32} | dapi[a-f0-9]{32}
      | eyJ[\w-]{8,}+\.eyJ[\w-]{8,}+\.[\w-]*                        # JSON Web Tokens
      | -----BEGIN\ [A-Z\ ]{0,40}PRIVATE\ KEY(?:\ BLOCK)?-----
        [\s\S]*?(?:-----END\ [A-Z\ ]{0,40}PRIVATE\ KEY(?:\ BLOCK)?-----|\Z)
    )""",
    re.VERBOSE,
)

# A text without such a part has no secret of a known shape.
BEGINNING_OF_A_PRIVATE_KEY = "-----BEGIN "
SHORTEST_SHAPE = 15
PART_OF_EVERY_SHAPE = Pattern(rf"[\w.:/=-]{{{SHORTEST_SHAPE}}}")

# The text after the first group is a secret.
# https://name:password@host, and https://token@host. The user in ssh://git@host is not a secret, nor is a port.
PART_OF_EVERY_ADDRESS = "://"
SECRET_IN_ADDRESS = Pattern(
    r"""(?i)\b([a-z][a-z0-9+.-]{0,20}://)
        (?: [^\s/?#@:"'\[(),|<>&]{0,200}+:(?!\d{1,5}+[/?#,;|&()<>])(?:[^\s/?#"']{0,200}(?=@)|[^\s"'@]{1,100}+(?=@))
          | (?<=https://)[\w.~%+-]{1,400}+(?=@) )""",
    re.VERBOSE,
)

# So is the text after the first group of each of these, in a text with this word.
SECRETS_BEHIND = {
    word: Pattern(pattern, re.VERBOSE)
    for word, pattern in {
        # `authorization: basic authentication` is prose.
        "authorization": r"""(?i)(\bauthorization\\{0,3}["']?\s{0,9}[:=]\s{0,9}(?:\\{0,3}["'])?
                 (?:Bearer|Basic|Token|Bot|OAuth|JWT|SSWS|Api-?Key|Key)\s{1,9})
            (?-i:(?=[\w.~+/=-]{0,400}?[A-Z0-9])|(?=[\w.~+/=-]{20}))[\w.~+/=-]{6,}""",
        "bearer": r"(?i)(\bbearer\s{1,9})(?=[\w.~+/-]{0,400}?\d)[\w.~+/=-]{16,}",
        "basic": r"""(\b[Bb]asic\s{1,9})(?=[A-Za-z0-9+/]{0,400}?[A-Z])(?=[A-Za-z0-9+/]{0,400}?\d)
            [A-Za-z0-9+/]{12,}+={0,2}+(?![\w-])""",
        # Up to the end of the line or the closing quote.
        "cookie": r"""(?i)(\b(?:Set-)?Cookie\\{0,3}["']?[ \t]{0,9}:[ \t]{0,9}(?:\\{0,3}["'])?)
            (?=[^\s=;,"'\\\[]{1,100}+=)(?:[^\r\n"'\\]|(?<==)"[^\r\n"]{0,4000}+")+""",
    }.items()
}

URL_PARAMETER = Pattern(r"([?&;#]([\w.-]{1,100}+)=)([^\s&;#\"'<>]+)")
SIGNED_PARAMETERS = {"sig", "x-amz-credential", "x-amz-signature", "x-goog-signature"}
# These are also everyday words: `?key=garden`.
PERHAPS_SIGNED_PARAMETERS = {"key", "signature"}
SHORTEST_SIGNATURE = 16

# name=value and "name": value within a text, also escaped, and os.environ["NAME"] = "value".
ASSIGNMENT = Pattern(
    r"""
    (?P<before>\b_{0,2}(?P<name>[A-Za-z][\w.-]{0,99}+)(?:\\{0,3}["'])?\]?\s{0,20}+[:=]\s{0,20}+)
    (?: [bfru]?(?P<quote>\\{0,3}["'])(?P<quoted>(?![\s,+)\]}])(?:(?!(?P=quote))[^\\\n])++)(?P=quote)
      | (?P<bare>[\w.~+/!@%^*$-]{6,}+=*+)(?![(\[\w])
    )""",
    re.VERBOSE,
)

# --name value, and "--name", "value", within a text.
OPTION = Pattern(
    r"""
    (?P<before>(?<![\w-])--?(?P<name>[A-Za-z][\w.-]{0,99}+)(?:[ ]{1,9}+|(?P<quote>["']),\s{1,9}+(?P=quote)))
    (?P<value>(?![-\s"',\]])[^\s"',\]]+)""",
    re.VERBOSE,
)

# In an argument: --name, name=value, and a header's `Name: value`.
OPTION_ARGUMENT = Pattern(r"--?[A-Za-z][\w.-]{0,99}(?:=.*)?", re.DOTALL)
NAMED_ARGUMENT = Pattern(r"([-+~/]{0,2}[A-Za-z_][\w.-]{0,99}+(?:=|:\s{0,9}+))(.+)", re.DOTALL)
