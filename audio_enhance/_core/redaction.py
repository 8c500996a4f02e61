"""What must never be read by anyone: how secrets are taken out of texts.

A presigned URL is a credential: whoever has its query can use it (S3, "Sharing objects with
presigned URLs"). Texts that come from outside (server messages, exceptions of aiohttp, which
quote whole URLs) pass through `redact` before they reach a log, an exception or a report.
"""

import re

_SECRETS = re.compile(
    r"""
    (?P<name>
        (?: X-Amz-(?:Signature|Security-Token|Credential) | Signature | AWSAccessKeyId
          | access_token | client_secret )
        ["']? \s* [=:] \s* ["']?
      | \b Bearer \s+
    )
    [^\s"'&;,<>)]+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_QUERY = re.compile(r"(https?://[^\s?\"'<>]*)\?[^\s\"'<>)]*", re.IGNORECASE)
_USER = re.compile(r"(https?://)[^\s/?#\"'<>]*@", re.IGNORECASE)
# Adobe's access tokens are JSON Web Tokens (RFC 7519), which show what they are.
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+")

# What a terminal obeys, and what ends a line or turns it around.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def redact(text: str) -> str:
    """Return the text with every token, secret, user and query of a URL replaced by `…`.

    It is one line, of characters that are shown and do nothing else.
    """
    text = _USER.sub(r"\1…@", _QUERY.sub(r"\1?…", text))
    text = _TOKEN.sub("…", _SECRETS.sub(r"\g<name>…", text))
    return _CONTROLS.sub(_shown, text)


def _shown(control: re.Match[str]) -> str:
    return " " if control[0].isspace() else control[0].encode("unicode_escape").decode()


def redacted_repr(value: str | None) -> str:
    """Return the repr of a value that may be a presigned URL, without its query."""
    return repr(value if value is None else redact(value))
