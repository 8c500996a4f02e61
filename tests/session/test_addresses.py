import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance import ConfigurationError, ProtocolError
from audio_enhance._session.addresses import check_own, checked, next_hop, on_the_wire, origin

SIGNED = (
    "https://b.s3-accelerate.amazonaws.com/Assets/3445%2fd7?X-Amz-Credential=ASIA%2F2024%2Fs3"
    "&X-Amz-Security-Token=Fwo%2B%2f%3d%7E~%3A%40%2C%24%3F%2A%21%27%28%29&X-Amz-SignedHeaders="
    "content-length%3Bhost&X-Amz-Signature=45bad"
)


class TestOrigins:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("https://api.adobe.io/a?b", "https://API.adobe.io:443/c"),
            ("http://127.0.0.1/", "http://127.0.0.1:80"),
            ("http://[::1]:8080/a", "http://[::1]:8080/b"),
        ],
    )
    def test_same(self, one: str, other: str) -> None:
        assert origin(one) == origin(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("https://api.adobe.io", "http://api.adobe.io"),
            ("https://api.adobe.io", "https://api.adobe.io:444"),
            ("https://api.adobe.io", "https://api.adobe.io.evil.example"),
            ("https://api.adobe.io", "https://api.adobe.io@evil.example"),
            ("https://api.adobe.io", "https://evil.example/api.adobe.io"),
            ("https://api.adobe.io", "https://evil.example#@api.adobe.io"),
            ("https://api.adobe.io", "https://evil.example?@api.adobe.io"),
            ("http://127.0.0.1:80", "http://localhost:80"),
        ],
    )
    def test_different(self, one: str, other: str) -> None:
        assert origin(one) != origin(other)


class TestOwnAddresses:
    @pytest.mark.parametrize(
        ("given", "used"),
        [
            ("https://firefly-beta.adobe.io", "https://firefly-beta.adobe.io"),
            ("https://firefly-beta.adobe.io/", "https://firefly-beta.adobe.io"),
            ("https://gateway.example/adobe/", "https://gateway.example/adobe"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ],
    )
    def test_usable(self, given: str, used: str) -> None:
        assert check_own(given, "base URL") == used

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "firefly-beta.adobe.io",
            "ftp://host",
            "https://",
            "https:///path",
            "https://host:99999",
            "https://host:port",
            "https://a..b",
            "https://.host",
            f"https://{'a' * 64}.example",
            "https://host:0",
            "https://ho st",
            "https://host/a b",
            "https://höst",
            "https://host/?a=b",
            "https://host/#a",
            "https://[::1",
            "https://host\n",
            "https://host/%zz",
        ],
    )
    def test_unusable(self, given: str) -> None:
        with pytest.raises(ConfigurationError, match="base URL"):
            check_own(given, "base URL")

    def test_a_password_in_it_is_refused_and_not_told(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            check_own("https://someone:s3cr3t@host", "base URL")
        assert "s3cr3t" not in str(caught.value)


class TestAddressesOfServers:
    def test_a_presigned_url_stays_as_it_is(self) -> None:
        assert checked(SIGNED, plain_http=False) == SIGNED

    @pytest.mark.parametrize(
        "host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "bucket.localhost"]
    )
    def test_this_machine_may_be_plain(self, host: str) -> None:
        assert checked(f"http://{host}:9000/k", plain_http=False)

    @pytest.mark.parametrize(
        "host", ["example.com", "10.0.0.1", "localhost.example.com", "0.0.0.0"]
    )
    def test_other_machines_only_where_the_api_is_plain_too(self, host: str) -> None:
        with pytest.raises(ProtocolError, match="unencrypted"):
            checked(f"http://{host}/k", plain_http=False)
        assert checked(f"http://{host}/k", plain_http=True)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "/relative",
            "ftp://host/k",
            "file:///etc/passwd",
            "https:///k",
            "https://user@host/k",
            "https://host:99999/k",
            "https://a..b/k",
            f"https://{'a' * 64}.example/k",
            "https://[::1/k",
            "https://host/a b",
            "https://host/ä",
            "https://host/k?a=%",
            "https://host/k?a=%2",
            "https://host/k?a=%GG",
            "https://host/k\r\nX: y",
            "https://host/<k>",
            'https://host/"k"',
            "https://host\\@other/k",
        ],
    )
    def test_malformed_ones(self, url: str) -> None:
        with pytest.raises(ProtocolError):
            checked(url, plain_http=True)

    def test_an_address_in_an_error_has_no_query(self) -> None:
        with pytest.raises(ProtocolError) as caught:
            checked(SIGNED + " ", plain_http=False)
        assert "45bad" not in str(caught.value)


class TestRedirects:
    @pytest.mark.parametrize(
        ("location", "target"),
        [
            (SIGNED, SIGNED),
            ("https://host/k?a=%2F%2f~%7E", "https://host/k?a=%2F%2f~%7E"),
            ("https://host//k//l/../m;n?o", "https://host//k//l/../m;n?o"),
            ("/k?a=%2F", "https://api.example/k?a=%2F"),
            ("k?a=%3B", "https://api.example/v1/k?a=%3B"),
            ("../k", "https://api.example/k"),
            ("?a=%2B", "https://api.example/v1/download?a=%2B"),
            ("//other.example/k?a=%2F", "https://other.example/k?a=%2F"),
        ],
    )
    def test_where_they_lead(self, location: str, target: str) -> None:
        found = next_hop("https://api.example/v1/download", location, plain_http=False)
        assert found == target

    @pytest.mark.parametrize("location", [None, ""])
    def test_nowhere(self, location: str | None) -> None:
        with pytest.raises(ProtocolError, match="without saying where"):
            next_hop("https://api.example/d", location, plain_http=False)

    @pytest.mark.parametrize("plain_http", [True, False])
    @pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
    def test_never_from_https_to_http(self, host: str, plain_http: bool) -> None:
        with pytest.raises(ProtocolError):
            next_hop("https://api.example/d", f"http://{host}/k", plain_http=plain_http)

    def test_from_http_to_either(self) -> None:
        for target in ("http://127.0.0.1:9000/k", "https://b.example/k"):
            assert next_hop("http://127.0.0.1:8080/d", target, plain_http=True) == target

    @pytest.mark.parametrize("location", ["https://ho st/k", "http://[::1", "https://h:x/", "a b"])
    def test_malformed(self, location: str) -> None:
        with pytest.raises(ProtocolError):
            next_hop("https://api.example/d", location, plain_http=True)


# Everything that yarl rewrites in a URL that is given as a text, and then some.
TRAPS = [
    "%2F",
    "%2f",
    "%3A",
    "%40",
    "%2C",
    "%7E",
    "%24",
    "%3F",
    "%2A",
    "%21",
    "%27",
    "%28",
    "%29",
    "%2B",
    "+",
    "%20",
    "%3B",
    ";",
    "%3D",
    "=",
    "%26",
    "~",
    "%25",
    "%00",
    "/",
    "//",
    "/../",
    "/./",
]


@given(path=st.lists(st.sampled_from(TRAPS)), query=st.lists(st.sampled_from(TRAPS)))
def test_no_byte_changes_on_the_way_to_the_wire(path: list[str], query: list[str]) -> None:
    target = f"/k{''.join(path)}?q={''.join(query)}&r"
    url = f"https://host{target}"
    assert checked(url, plain_http=False) == url
    assert str(on_the_wire(url)) == url
    assert on_the_wire(url).raw_path_qs == target
