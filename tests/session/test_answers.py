import json
from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from audio_enhance import (
    ApiError,
    AuthenticationError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    ServerError,
    StorageError,
    ValidationError,
)
from audio_enhance._session.answers import Answer, api_error, retry_after, storage_error

NOW = datetime(2024, 4, 9, 21, 38, 36, tzinfo=UTC).timestamp()


def answer(status: int, body: object = b"", **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, CIMultiDict(names), data)


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("0", 0),
            ("7", 7),
            (" 7 ", 7),
            ("120", 120),
            ("1.5", 1.5),
            ("3.", 3),
            ("86400", 86400),
            ("2147483648", 2**31),
            # RFC 9110 §5.6.7: three forms of date, the second and third obsolete
            ("Tue, 09 Apr 2024 21:39:36 GMT", 60),
            ("Tuesday, 09-Apr-24 21:39:36 GMT", 60),
            ("Tue Apr  9 21:39:36 2024", 60),
            ("Tue, 09 Apr 2024 23:39:36 +0200", 60),
            ("Tue, 09 Apr 2024 21:39:36 -0000", 60),
            ("Tue, 09 Apr 2024 21:38:36 GMT", 0),
            ("Tue, 09 Apr 2024 20:00:00 GMT", 0),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ],
    )
    def test_numbers_and_dates(self, value: str, seconds: float) -> None:
        assert retry_after(CIMultiDict({"Retry-After": value}), NOW) == seconds

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "soon",
            "-5",
            "1e3",
            "nan",
            "inf",
            "0x10",
            "9" * 40,
            "7 s",
            "7, 8",
            "Tue, 99 Foo 2024",
        ],
    )
    def test_what_says_nothing(self, value: str) -> None:
        assert retry_after(CIMultiDict({"Retry-After": value}), NOW) is None

    def test_none(self) -> None:
        assert retry_after(CIMultiDict(), NOW) is None

    @given(st.text())
    def test_nothing_is_too_strange(self, value: str) -> None:
        seconds = retry_after({"retry-after": value}, NOW)
        assert seconds is None or seconds >= 0

    @given(st.integers(86400, 3_786_912_000))
    def test_every_date(self, moment: int) -> None:
        value = formatdate(moment, usegmt=True)
        assert retry_after({"retry-after": value}, NOW) == max(0.0, moment - NOW)

    def test_a_clock_that_is_wrong_changes_nothing(self) -> None:
        told = {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}
        headers = told | {"date": "Fri, 31 Dec 1999 23:59:49 GMT"}
        assert [retry_after(headers, now) for now in (0.0, NOW, 2 * NOW)] == [10.0] * 3
        assert retry_after(told | {"date": "yesterday"}, 946684789.0) == 10.0


class TestApiErrors:
    @pytest.mark.parametrize(
        ("status", "kind", "retryable", "acted"),
        [
            (400, ApiError, False, False),
            (401, AuthenticationError, False, False),
            (403, AuthenticationError, False, False),
            (404, NotFoundError, False, False),
            (405, ApiError, False, False),
            (408, ServerError, True, True),
            (409, ServerError, True, True),
            (413, ApiError, False, False),
            (415, ApiError, False, False),
            (422, ValidationError, False, False),
            (429, RateLimitError, True, False),
            (451, ApiError, False, False),
            (500, ServerError, True, True),
            (501, ServerError, True, True),
            (502, ServerError, True, True),
            (503, ServerError, True, True),
            (504, ServerError, True, True),
            *((status, ServerError, True, True) for status in range(520, 525)),
        ],
    )
    def test_what_a_status_means(
        self, status: int, kind: type[ApiError], retryable: bool, acted: bool
    ) -> None:
        error = api_error(answer(status, x_request_id="r-1"), NOW)
        assert type(error) is kind
        assert (error.retryable, error.outcome_unknown) == (retryable, acted)
        assert (error.status, error.request_id) == (status, "r-1")
        assert str(status) in error.message

    def test_adobes_gateway(self) -> None:
        body = {"error_code": "401013", "message": "Oauth token is not valid"}
        error = api_error(answer(401, body), NOW)
        assert (error.code, error.message) == ("401013", "Oauth token is not valid")

    def test_a_scope_that_is_missing_is_for_the_owner_to_add(self) -> None:
        error = api_error(answer(403, {"message": "Missing required scope"}), NOW)
        assert isinstance(error, AuthenticationError)
        assert error.hint is not None
        assert "scopes=" in error.hint

    def test_adobes_token_endpoint(self) -> None:
        body = {"error": "invalid_client", "error_description": "invalid client_id parameter"}
        error = api_error(answer(400, body), NOW)
        assert (error.code, error.message) == ("invalid_client", "invalid client_id parameter")

    def test_retry_after_comes_along(self) -> None:
        error = api_error(answer(429, retry_after="17"), NOW)
        assert error.retry_after == 17
        assert api_error(answer(503, retry_after="2"), NOW).retry_after == 2

    @pytest.mark.parametrize(
        ("body", "fields", "said"),
        [
            (
                {"errors": {"byte_size": ["must be positive"]}},
                ("byte_size",),
                "byte_size: must be positive",
            ),
            ({"errors": {"strength": "is too large"}}, ("strength",), "strength: is too large"),
            (
                {"errors": {"a": ["x", "y"], "b": ["z"]}},
                ("a", "b"),
                "a: x; a: y; b: z",
            ),
            (
                {"errors": [{"field": "strength", "message": "is too large"}]},
                ("strength",),
                "strength: is too large",
            ),
            (
                {"errors": [{"param": "strength", "detail": "is too large"}]},
                ("strength",),
                "strength: is too large",
            ),
            (
                {"detail": [{"loc": ["body", "strength"], "msg": "too large", "type": "x"}]},
                ("strength",),
                "strength: too large",
            ),
            ({"detail": [{"loc": ["body", "a", 0], "msg": "m"}]}, ("a.0",), "a.0: m"),
            ({"errors": [{"field": "strength"}]}, ("strength",), "strength: invalid"),
            ({"errors": ["one", "two"]}, (), "one; two"),
            ({"detail": "all wrong"}, (), "all wrong"),
            (
                {"message": "Invalid request.", "errors": {"strength": ["is too large"]}},
                ("strength",),
                "Invalid request: strength: is too large",
            ),
            ({"message": "strength is too large"}, (), "strength is too large"),
            ({"errors": {}}, (), '{"errors": {}}'),
            ({"detail": ""}, (), "The server answered 422."),
            ({"errors": 3}, (), '{"errors": 3}'),
            ([1], (), "[1]"),
            (b"strength?", (), "strength?"),
            (b"", (), "The server answered 422."),
        ],
    )
    def test_a_422_names_the_field(self, body: object, fields: tuple[str, ...], said: str) -> None:
        error = api_error(answer(422, body), NOW)
        assert isinstance(error, ValidationError)
        assert error.fields == fields
        assert error.message == said

    def test_a_page_of_a_proxy_is_told_without_its_tags(self) -> None:
        page = b"<html><head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body></html>"
        assert api_error(answer(502, page), NOW).message == "502 Bad Gateway nginx"

    def test_long_texts_are_cut(self) -> None:
        for body in (b"x" * 9000, {"message": "x" * 9000}, {"errors": ["x" * 9000]}):
            assert len(api_error(answer(400, body), NOW).message) <= 500

    def test_secrets_in_a_message_are_not_told(self) -> None:
        body = {"message": "Bad token: Bearer s3cr3t, url https://h/p?X-Amz-Signature=s3cr3t"}
        assert "s3cr3t" not in str(api_error(answer(401, body), NOW))

    def test_line_breaks_in_a_message_do_not_break_a_log(self) -> None:
        error = api_error(answer(400, {"message": "one\nERROR forged\r\x1b[2Jtwo"}), NOW)
        assert str(error) == "one ERROR forged [2Jtwo"

    @given(
        st.integers(400, 599),
        st.binary()
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["errors", "detail", "message", "error", "field", "loc", "msg"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
        ),
    )
    def test_no_body_is_too_strange(self, status: int, body: object) -> None:
        error = api_error(answer(status, body), NOW)
        assert error.status == status
        assert str(error)
        storage_error(answer(status, body), NOW)

    def test_a_body_that_nests_without_end(self) -> None:
        assert api_error(answer(400, b"[" * 200_000), NOW).status == 400


class TestJson:
    def test_what_is_json(self) -> None:
        assert answer(200, {"a": 1}).read(dict, 0.0) == {"a": 1}

    @pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 200_000, b"9" * 10_000])
    def test_what_is_not(self, body: bytes) -> None:
        with pytest.raises(ProtocolError, match=r"200.*not JSON") as caught:
            answer(200, body, x_request_id="r-1").read(dict, 0.0)
        assert caught.value.request_id == "r-1"
        assert caught.value.retryable
        assert caught.value.outcome_unknown
        assert caught.value.__context__ is None

    def test_a_repr_shows_no_body(self) -> None:
        assert "s3cr3t" not in repr(answer(200, b"s3cr3t"))

    @pytest.mark.parametrize(
        ("status", "ok"), [(199, False), (200, True), (299, True), (300, False)]
    )
    def test_which_statuses_are_well(self, status: int, ok: bool) -> None:
        assert answer(status).ok is ok


def xml(code: str, message: str = "Said so.", extra: str = "") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message>{extra}</Error>"
    ).encode()


class TestStorageErrors:
    @pytest.mark.parametrize(
        ("status", "code", "kind", "retryable"),
        [
            (403, "SignatureDoesNotMatch", StorageError, False),
            (403, "AccessDenied", StorageError, False),
            (400, "BadDigest", StorageError, False),
            (400, "InvalidArgument", StorageError, False),
            (404, "NoSuchKey", StorageError, False),
            (307, "TemporaryRedirect", ServerError, True),
            (503, "SlowDown", ServerError, True),
            (500, "InternalError", ServerError, True),
            (503, "ServiceUnavailable", ServerError, True),
            # S3 says this with 400 when a body comes too slowly.
            (400, "RequestTimeout", ServerError, True),
            (429, "TooManyRequests", ServerError, True),
            (409, "OperationAborted", ServerError, True),
            (400, "IncompleteBody", ServerError, True),
            (400, "ExpiredToken", StorageError, False),
        ],
    )
    def test_s3s_codes(self, status: int, code: str, kind: type[ApiError], retryable: bool) -> None:
        error = storage_error(answer(status, xml(code), x_amz_request_id="R7"), NOW)
        assert type(error) is kind
        assert error.retryable is retryable
        assert (error.code, error.status, error.request_id) == (code, status, "R7")
        assert error.message == f"{code}: Said so."

    def test_a_namespace_and_escapes(self) -> None:
        body = (
            b'<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>AccessDenied</Code>'
            b"<Message>A &amp; B &lt;C&gt;</Message><RequestId>R8</RequestId></Error>"
        )
        error = storage_error(answer(403, body), NOW)
        assert (error.message, error.request_id) == ("AccessDenied: A & B <C>", "R8")

    def test_an_id_that_quotes_what_was_sent_tells_no_secret(self) -> None:
        said = answer(403, xml("AccessDenied"), x_amz_request_id="a?X-Amz-Signature=abc123")
        assert "abc123" not in str(storage_error(said, NOW))

    def test_signatures_that_s3_explains_are_not_told(self) -> None:
        body = xml(
            "SignatureDoesNotMatch",
            extra="<SignatureProvided>s3cr3t</SignatureProvided><StringToSign>s3cr3t</StringToSign>",
        )
        assert "s3cr3t" not in str(storage_error(answer(403, body), NOW))

    @pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"\xff\xfe", b"<Error><Code>Sl"])
    def test_what_is_no_xml_of_s3s(self, body: bytes) -> None:
        error = storage_error(answer(403, body), NOW)
        assert (error.message, error.code) == ("The object store answered 403.", None)

    def test_retry_after_comes_along(self) -> None:
        error = storage_error(answer(503, xml("SlowDown"), retry_after="5"), NOW)
        assert error.retry_after == 5
