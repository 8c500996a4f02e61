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


def redact(text: str) -> str:
    """Return the text with every token, secret and URL query replaced by `…`."""
    return _SECRETS.sub(r"\g<name>…", _QUERY.sub(r"\1?…", text))


def redacted_repr(value: str | None) -> str:
    """Return the repr of a value that may be a presigned URL, without its query."""
    return repr(value if value is None else redact(value))
