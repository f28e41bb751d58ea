"""CrawlConfig: how far a crawl goes, and how polite it is."""

from __future__ import annotations

from dataclasses import dataclass

from seo_engine.foundation.settings import Configuration, setting

# Names the program, and where those who run a site can read what it does.
USER_AGENT = "seo-engine (+https://github.com/seo-engine/seo-engine)"

# Of patterns that can match a path or an address.
_BEGINNINGS = ("/", "*", "?", "[", "http")


@dataclass
class CrawlConfig(Configuration):
    """Settings of a crawl.

    Raises:
        ValueError: If a value is not allowed; the message names the field, the value and what is allowed.
    """

    most_pages: int = setting(
        50_000, "Fetch at most so many pages, redirects and errors among them.", above=0, flag="--max-pages"
    )
    most_depth: int = setting(
        30, "Follow links at most so many clicks from the start; an endless calendar ends here.", at_least=0,
        flag="--max-depth",
    )  # fmt: skip
    most_megabytes: int = setting(10_000, "Fetch at most so many megabytes.", above=0, flag="--max-megabytes")
    most_minutes: float = setting(
        24 * 60, "Take at most so many minutes; the same command goes on later.", above=0, flag="--max-minutes"
    )
    concurrent_requests: int = setting(
        4, "Send at most so many requests at the same time.", above=0, flag="--concurrency"
    )
    delay_seconds: float = setting(
        0.0, "Wait so many seconds between two requests; robots.txt may ask for more.", at_least=0, at_most=600,
        flag="--delay",
    )  # fmt: skip
    retry_seconds: float = setting(
        1.0, "Wait before an address is asked a second time, and four times as long before each further try; ten "
        "minutes at most.", above=0, at_most=600,
    )  # fmt: skip
    timeout_seconds: float = setting(
        30.0, "Wait at most so many seconds for a whole answer.", above=0, at_most=3_600, flag="--timeout"
    )
    user_agent: str = setting(USER_AGENT, "How the crawler calls itself.", required=True, flag="--user-agent")
    include: list[str] = setting([], "Patterns as /docs/*; only addresses that match one are fetched.")
    exclude: list[str] = setting([], "Patterns of addresses that are not fetched.")
    ignore_robots: list[str] = setting([], "Hosts of yours whose robots.txt is not obeyed.")
    render: bool = setting(False, "Whether a browser runs the scripts of pages, too.")
    allow_private: bool = setting(False, "Whether addresses of a private network, or of this machine, may be fetched.")

    def validate_config(self) -> None:
        """Check every field, and that a pattern can match.

        Raises:
            ValueError: If a value is not allowed; the message names the field, the value and what is allowed.
        """
        super().validate_config()
        if not self.user_agent.strip():
            raise ValueError(f"user_agent must be a name, got {self.user_agent!r}")
        for name, patterns in (("include", self.include), ("exclude", self.exclude)):
            for pattern in patterns:
                if not pattern.startswith(_BEGINNINGS):
                    raise ValueError(
                        f"{name} must begin with /, as paths do, with http or with a wildcard, got {pattern!r}"
                    )
