import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance._core.redaction import redact, redacted_repr

SECRET = "S3cr3t0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        f"https://bucket.s3.amazonaws.com/key?X-Amz-Signature={SECRET}&X-Amz-Date=1",
        f"https://bucket.s3.amazonaws.com/key?a=b&X-Amz-Signature={SECRET}",
        f"URL('https://host/key?{SECRET}')",
        f'Cannot connect to "HTTPS://HOST/key?{SECRET}"',
        f"http://127.0.0.1:8080/?{SECRET}, and more",
        f"/key?X-Amz-Security-Token={SECRET}",
        f"x-amz-credential={SECRET}%2F20240409%2Fus-east-1",
        f"AWSAccessKeyId={SECRET}&Signature={SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"{{'Authorization': 'bearer {SECRET}'}}",
        f'{{"access_token": "{SECRET}", "token_type": "bearer"}}',
        f"{{'access_token':'{SECRET}'}}",
        f"grant_type=client_credentials&client_secret={SECRET}&scope=openid",
        f"client_secret : {SECRET}",
        f"https://someone:{SECRET}@host/path",
        f"Oauth token eyJhbGciOiJSUzI1NiJ9.{SECRET}.{SECRET} is not valid",
    ],
)
def test_secrets_are_taken_out_wherever_they_stand(text: str) -> None:
    redacted = redact(text)
    assert SECRET not in redacted
    assert "…" in redacted


def test_what_is_no_secret_stays() -> None:
    text = "PUT https://bucket.s3.amazonaws.com/Assets/3445?X-Amz-Signature=45bad: 403, request 7"
    assert redact(text) == "PUT https://bucket.s3.amazonaws.com/Assets/3445?… 403, request 7"
    assert redact("The client_id is unknown (401013).") == "The client_id is unknown (401013)."
    assert redact("SignatureDoesNotMatch: it differs") == "SignatureDoesNotMatch: it differs"


def test_what_a_terminal_would_obey_is_shown() -> None:
    assert redact("a\x1b[2Jb\nc\u202ed\x9b\x00 Größe 日本\udce9") == (
        "a\\x1b[2Jb c\\u202ed\\x9b\\x00 Größe 日本\udce9"
    )
    assert redact(f"\x00Bearer {SECRET}") == "\\x00Bearer …"


def test_several_in_one_text() -> None:
    text = f"https://a/?{SECRET} then https://b/?{SECRET} then Bearer {SECRET}"
    assert redact(text) == "https://a/?… then https://b/?… then Bearer …"


def test_redacting_twice_changes_nothing() -> None:
    once = redact(f"https://a/?{SECRET} Bearer {SECRET} client_secret={SECRET}")
    assert redact(once) == once


def test_repr_keeps_none_and_hides_queries() -> None:
    assert redacted_repr(None) == "None"
    assert redacted_repr(f"https://a/b?{SECRET}") == "'https://a/b?…'"


@given(
    before=st.text(max_size=11),  # too short to hold the secret by chance
    secret=st.text(string.ascii_letters + string.digits + "%~._/+=-", min_size=12, max_size=80),
    name=st.sampled_from(["X-Amz-Signature", "x-amz-security-token", "client_secret"]),
)
def test_no_value_of_a_named_secret_survives(before: str, secret: str, name: str) -> None:
    assert secret not in redact(f"{before} {name}={secret} after")
